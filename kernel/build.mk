# SPDX-License-Identifier: MIT
subdir-y += base boot check console hvc load mm platform sched shell vdev vgic vm
obj-y += main.o
