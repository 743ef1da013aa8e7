# SPDX-License-Identifier: MIT
obj-y += place.o
obj-y += round_robin.o
obj-y += sched.o
obj-$(CONFIG_CHECK_INVARIANTS) += sched_check.o
