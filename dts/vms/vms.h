/* SPDX-License-Identifier: MIT */
/* What the manifests for the guests built here have in common. */
#ifndef DTS_VMS_H
#define DTS_VMS_H

#include <schism/abi/guest_layout.h>

#define STR(x)		#x
#define XSTR(x)		STR(x)

/* 0 means for ever. */
#define ROUNDS_ARG	XSTR(rounds=CONFIG_GUEST_ROUNDS)
#define PASSES_ARG	XSTR(passes=CONFIG_GUEST_ROUNDS)

/* The properties of a learning guest (include/schism/abi/guest_layout.h). */
#define LEARNING_VM(title, file, args)						\
	vm-name = title;							\
	compatible = "schism,vm";						\
	vcpus = <1>;								\
	protocol = "elf";							\
	kernel = file;								\
	bootargs = args;							\
	devices = "uart";							\
	mailbox = <0x0 GUEST_MAILBOX_IPA>;					\
	memory@40000000 {							\
		reg = <0x0 GUEST_RAM_IPA 0x0 GUEST_RAM_SIZE>;			\
	};

#endif
