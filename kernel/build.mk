# SPDX-License-Identifier: MIT
subdir-y += base boot check hvc load mm platform sched vdev vgic vm
obj-y += clock.o
obj-y += console.o
obj-y += console_held.o
obj-y += console_out.o
obj-y += console_port.o
obj-y += console_text.o
obj-y += inspect.o
obj-y += main.o
obj-$(CONFIG_SHELL) += shell.o
obj-$(CONFIG_SHELL) += shell_line.o
obj-$(CONFIG_SHELL) += shell_parse.o
obj-$(CONFIG_SHELL) += shell_system.o
obj-$(CONFIG_SHELL) += shell_vcpu.o
obj-$(CONFIG_SHELL) += shell_vm.o
