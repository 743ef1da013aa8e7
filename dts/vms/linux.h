/* SPDX-License-Identifier: MIT */
/* The properties of a Linux guest. "make linux" defines the LINUX_ names; see make help. */
#ifndef DTS_LINUX_H
#define DTS_LINUX_H

#define LINUX_VM(title)								\
	vm-name = title;							\
	compatible = "schism,vm";						\
	vcpus = <LINUX_VCPUS>;							\
	protocol = "linux";							\
	kernel = "vmlinuz";							\
	ramdisk = "initramfs.cpio";						\
	bootargs = LINUX_BOOTARGS;						\
	devices = "uart", "rtc";						\
	memory@40000000 {							\
		reg = <0x0 0x40000000 0x0 (LINUX_MIB << 20)>;			\
	};

#endif
