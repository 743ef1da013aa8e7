# SPDX-License-Identifier: MIT
obj-y += vgic.o
obj-y += vgic_mmio.o
