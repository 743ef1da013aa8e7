# SPDX-License-Identifier: MIT
obj-$(CONFIG_RTC_PL031) += pl031.o
