# SPDX-License-Identifier: MIT
subdir-y += boot diag gic trap vcpu
obj-y += cpu.o
obj-y += esr.o
obj-y += features.o
