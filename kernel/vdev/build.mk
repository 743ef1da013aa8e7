# SPDX-License-Identifier: MIT
obj-y += gic.o
obj-y += passthrough.o
obj-y += rtc.o
obj-y += shared_memory.o
obj-y += uart.o
obj-y += vdev.o
obj-$(CONFIG_VDEV_WATCHDOG) += watchdog.o
