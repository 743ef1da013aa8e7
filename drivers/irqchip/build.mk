# SPDX-License-Identifier: MIT
obj-y += gicv3.o
