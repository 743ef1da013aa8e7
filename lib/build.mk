# SPDX-License-Identifier: MIT
obj-y += cpio.o
obj-y += dt.o
obj-y += dt_walk.o
obj-y += elf.o
obj-y += fmt.o
obj-y += ring.o
obj-y += string.o
