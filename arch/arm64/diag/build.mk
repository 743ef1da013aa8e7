# SPDX-License-Identifier: MIT
obj-y += crash.o
obj-y += fault.o
obj-y += walk.o
