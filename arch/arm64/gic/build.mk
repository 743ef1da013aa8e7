# SPDX-License-Identifier: MIT
obj-y += icc.o
obj-y += ich.o
