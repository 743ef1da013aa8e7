# SPDX-License-Identifier: MIT
obj-y += hvc.o
obj-y += psci.o
obj-y += pvtime.o
obj-y += report.o
obj-y += smccc.o
obj-y += trng.o
obj-y += vendor.o
