# SPDX-License-Identifier: MIT
obj-y += pl011.o
