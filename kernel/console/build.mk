# SPDX-License-Identifier: MIT
obj-y += console.o
obj-y += held.o
obj-y += interrupt.o
obj-y += output.o
obj-y += port.o
obj-y += text.o
obj-y += vm_of_line.o
