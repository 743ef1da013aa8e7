# SPDX-License-Identifier: MIT
obj-y += place.o
obj-y += round_robin.o
obj-y += sched.o
