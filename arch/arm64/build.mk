# SPDX-License-Identifier: MIT
subdir-y += boot gic trap vcpu
obj-y += cpu.o
obj-y += crash.o
obj-y += fault.o
obj-y += walk.o
