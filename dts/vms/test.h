/* SPDX-License-Identifier: MIT */
/* The properties of a test guest's VM: a learning guest with a clock and up to 8 vCPUs. */
#ifndef DTS_TEST_H
#define DTS_TEST_H

#include <schism/abi/guest_layout.h>

#define TEST_VM(title, file, args, nr_vcpus)					\
	vm-name = title;							\
	compatible = "schism,vm";						\
	vcpus = <nr_vcpus>;							\
	protocol = "elf";							\
	kernel = file;								\
	bootargs = args;							\
	devices = "uart", "rtc";						\
	mailbox = <0x0 GUEST_MAILBOX_IPA>;					\
	dtb-address = <0x0 GUEST_DTB_IPA>;					\
	memory@40000000 {							\
		reg = <0x0 GUEST_RAM_IPA 0x0 GUEST_RAM_SIZE>;			\
	};

#endif
