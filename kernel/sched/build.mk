# SPDX-License-Identifier: MIT
obj-y += round_robin.o
obj-y += sched.o
