# SPDX-License-Identifier: MIT
subdir-y += boot trap
obj-y += cpu.o
obj-y += crash.o
obj-y += fault.o
obj-y += gic_cpuif.o
obj-y += gich.o
obj-y += debug.o
obj-$(CONFIG_VPMU) += pmu.o
obj-y += vcpu.o
obj-y += walk.o
