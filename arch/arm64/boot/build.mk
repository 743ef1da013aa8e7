# SPDX-License-Identifier: MIT
obj-y += boot.o
obj-y += el2.o
obj-y += head.o
obj-y += mmu.o
obj-y += smp.o
obj-y += stack.o
obj-y += workaround.o
