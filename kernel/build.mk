# SPDX-License-Identifier: MIT
subdir-y += base boot check console hvc load mm platform sched vdev vgic vm
obj-y += clock.o
obj-y += inspect.o
obj-y += main.o
obj-$(CONFIG_SHELL) += shell.o
obj-$(CONFIG_SHELL) += shell_line.o
obj-$(CONFIG_SHELL) += shell_parse.o
obj-$(CONFIG_SHELL) += shell_system.o
obj-$(CONFIG_SHELL) += shell_vcpu.o
obj-$(CONFIG_SHELL) += shell_vm.o
