# SPDX-License-Identifier: MIT
obj-$(CONFIG_SHELL) += cmd_system.o
obj-$(CONFIG_SHELL) += cmd_vcpu.o
obj-$(CONFIG_SHELL) += cmd_vm.o
obj-y += escape.o
obj-$(CONFIG_SHELL) += line.o
obj-$(CONFIG_SHELL) += parse.o
obj-$(CONFIG_SHELL) += shell.o
