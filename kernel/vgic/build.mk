# SPDX-License-Identifier: MIT
obj-y += vgic.o
obj-$(CONFIG_CHECK_INVARIANTS) += vgic_check.o
obj-y += vgic_mmio.o
