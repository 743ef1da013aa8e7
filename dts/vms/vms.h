/* SPDX-License-Identifier: MIT */
/* What the manifests for the guests built here have in common. */
#ifndef DTS_VMS_H
#define DTS_VMS_H

#include <schism/abi/guest_layout.h>

#define STR(x)		#x
#define XSTR(x)		STR(x)

/* For ever: a report a second or so, and the console stays readable. Else: one each round. */
#if CONFIG_GUEST_ROUNDS == 0
#define ROUNDS_ARG	"rounds=0 every=50"
#define PASSES_ARG	"passes=0 every=50"
#else
#define ROUNDS_ARG	XSTR(rounds=CONFIG_GUEST_ROUNDS)
#define PASSES_ARG	XSTR(passes=CONFIG_GUEST_ROUNDS)
#endif

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
	dtb-address = <0x0 GUEST_DTB_IPA>;					\
	memory@40000000 {							\
		reg = <0x0 GUEST_RAM_IPA 0x0 GUEST_RAM_SIZE>;			\
	};

#endif
