# SPDX-License-Identifier: MIT
obj-y += chosen.o
obj-y += cpus.o
obj-y += devices.o
obj-y += interrupts.o
obj-y += machine.o
obj-y += memory.o
obj-y += this_machine.o

# Reading the device tree at boot walks with its path in the frame, on a stack that is empty otherwise.
CFLAGS_kernel/platform/machine.o := -Wframe-larger-than=8192
