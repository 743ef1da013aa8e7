# SPDX-License-Identifier: MIT
subdir-y += mm sched vgic vm vdev hvc
obj-y += boot.o
obj-y += clock.o
obj-y += console.o
obj-y += console_held.o
obj-y += console_out.o
obj-y += console_port.o
obj-y += console_text.o
obj-y += cpu.o
obj-y += errcode.o
obj-y += inspect.o
obj-$(CONFIG_CHECK_INVARIANTS) += invariants.o
obj-y += irq.o
obj-y += job.o
obj-y += lock.o
obj-y += log.o
obj-y += machine.o
obj-y += main.o
obj-y += panic.o
obj-y += random.o
obj-$(CONFIG_SELFTEST) += selftest.o
obj-$(CONFIG_SHELL) += shell.o
obj-$(CONFIG_SHELL) += shell_line.o
obj-$(CONFIG_SHELL) += shell_parse.o
obj-$(CONFIG_SHELL) += shell_system.o
obj-$(CONFIG_SHELL) += shell_vcpu.o
obj-$(CONFIG_SHELL) += shell_vm.o
obj-y += smp.o
obj-y += symbols.o
obj-y += timer.o
obj-y += version.o

# Reading the device tree at boot walks with its path in the frame, on a stack that is empty otherwise.
CFLAGS_kernel/machine.o := -Wframe-larger-than=8192
# It overflows the stack on purpose.
CFLAGS_kernel/selftest.o := -Wno-infinite-recursion
