# SPDX-License-Identifier: MIT
obj-y += debug.o
obj-y += fpsimd.o
obj-$(CONFIG_VPMU) += pmu.o
obj-y += serror.o
obj-y += serror_regs.o
obj-y += vcpu.o
