# SPDX-License-Identifier: MIT
obj-y += debug.o
obj-$(CONFIG_VPMU) += pmu.o
obj-y += vcpu.o
