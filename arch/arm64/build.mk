# SPDX-License-Identifier: MIT
subdir-y += boot trap vcpu
obj-y += cpu.o
obj-y += crash.o
obj-y += fault.o
obj-y += gic_cpuif.o
obj-y += gich.o
obj-y += walk.o
