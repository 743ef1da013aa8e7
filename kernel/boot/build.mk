# SPDX-License-Identifier: MIT
obj-y += boot.o
obj-y += hello.o
obj-y += interrupts.o
obj-$(CONFIG_SELFTEST) += selftest.o
obj-y += smp.o

# It overflows the stack on purpose.
CFLAGS_kernel/boot/selftest.o := -Wno-infinite-recursion
