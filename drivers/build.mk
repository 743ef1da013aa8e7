# SPDX-License-Identifier: MIT
subdir-y += serial irqchip rtc
