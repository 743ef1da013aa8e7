/* SPDX-License-Identifier: MIT */
/*
 * EL2's virtual address space (48 bits, one regime, nVHE).
 *
 *   0x5c15_0000_0000  the image, section by section, guard pages between
 *   0x5c15_4000_0000  one stack per CPU, guard pages below and above
 *   0x5c15_8000_0000  device tree, early console, device registers
 *   0x5c15_c000_0000  per-CPU windows onto guest RAM
 *   0x8000_0000_0000  linear: address = LINEAR_VA + physical address; only pages that EL2 owns are mapped
 *
 * None of it collides with an address that a guest or the machine's RAM plausibly has, so an EL2
 * address is recognized at sight, and instructions spent at EL2 can be counted by address.
 */
#ifndef ARCH_LAYOUT_H
#define ARCH_LAYOUT_H

#ifdef __ASSEMBLER__
#define EL2_UL(x)	x
#else
#define EL2_UL(x)	x##UL
#endif

#define IMAGE_VA	EL2_UL(0x5c1500000000)
#define STACKS_VA	EL2_UL(0x5c1540000000)
#define DEVICE_VA	EL2_UL(0x5c1580000000)
#define WINDOW_VA	EL2_UL(0x5c15c0000000)
#define LINEAR_VA	EL2_UL(0x800000000000)

/* Inside the device region: fixed before the page allocator exists. */
#define FIX_DTB_VA	DEVICE_VA			/* 4 MiB: a device tree and its alignment */
#define FIX_UART_VA	(DEVICE_VA + 0x400000)		/* 2 MiB: the early console */
#define FIX_BOARD_DTB_VA	(DEVICE_VA + 0x600000)	/* 4 MiB: QEMU's own tree, for a refusal */
#define DEVICE_BUMP_VA	(DEVICE_VA + 0x1000000)
#define DEVICE_END_VA	WINDOW_VA

/* Where the ELF's segments are loaded when a loader obeys p_paddr; Image goes to any 2 MiB. */
#define IMAGE_LOAD_PA	EL2_UL(0x40200000)

#define WINDOW_SIZE	EL2_UL(0x400000)		/* per CPU: two 2 MiB blocks */

#endif
