# SPDX-License-Identifier: MIT
obj-y += crash.o
obj-$(CONFIG_CHECK_INVARIANTS) += invariants.o
