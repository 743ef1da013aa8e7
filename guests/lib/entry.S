/* SPDX-License-Identifier: MIT */
/* Entry that records the state it is entered in; see entry.h. */
#include "guests/lib/entry.h"

#define CPACR_FPEN_NO_TRAP	(3 << 20)
#define PSCI_CPU_OFF		0x84000002
#define IMAGE_FLAGS		0xa		/* 4 KiB pages, anywhere in memory, little-endian */

/* The arm64 Image header (booting.rst). */
	.section .text.header, "ax"
	.globl	guest_linux_header
guest_linux_header:
	b	guest_entry
	.word	0
	.quad	GUEST_ENTRY_TEXT_OFFSET
	.quad	__image_size
	.quad	IMAGE_FLAGS
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.word	0

/*
 * x0 is wanted for the address of the record, x1 for a value: they wait in FAR_EL1 and ELR_EL1. The lines of
 * the record that a loader may have left in the caches are dropped first, since it may be written past them.
 */
	.section .text.start, "ax"
	.globl	guest_entry
	.type	guest_entry, %function
guest_entry:
	msr	far_el1, x0
	msr	elr_el1, x1
	mrs	x0, mpidr_el1
	and	x0, x0, #(GUEST_MAX_VCPUS - 1)
	adrp	x1, guest_entry_states
	add	x1, x1, :lo12:guest_entry_states
	add	x0, x1, x0, lsl #ENTRY_SHIFT
	.set	offset, 0
	.rept	1 << (ENTRY_SHIFT - 4)
	add	x1, x0, #offset
	dc	ivac, x1
	.set	offset, offset + 16
	.endr
	dsb	sy

	stp	x2, x3, [x0, #16]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	str	x30, [x0, #240]
	mrs	x1, far_el1
	str	x1, [x0]
	mrs	x1, elr_el1
	str	x1, [x0, #8]
	mov	x1, sp
	str	x1, [x0, #ENTRY_SP]
	adr	x1, guest_entry
	str	x1, [x0, #ENTRY_PC]
	.set	offset, ENTRY_SYSREG
#define X(name) mrs x1, name; str x1, [x0, #offset]; .set offset, offset + 8;
	GUEST_ENTRY_SYSREGS(X)
#undef X
	mov	x1, #1
	dsb	sy
	str	x1, [x0, #ENTRY_RECORDED]
	dsb	sy

	mrs	x1, mpidr_el1
	tst	x1, #(GUEST_MAX_VCPUS - 1)
	b.ne	secondary

	/* Nobody but the loader has cleared what comes now. */
	adrp	x1, __bss_start
	add	x1, x1, :lo12:__bss_start
	adrp	x2, __image_end
	add	x2, x2, :lo12:__image_end
1:	ldr	x3, [x1]
	cbnz	x3, 2f
	add	x1, x1, #8
	cmp	x1, x2
	b.lo	1b
	mov	x1, xzr
2:	str	x1, [x0, #ENTRY_DIRTY]

	adrp	x1, __stack_top
	add	x1, x1, :lo12:__stack_top
	mov	sp, x1
	adrp	x1, guest_vectors
	add	x1, x1, :lo12:guest_vectors
	msr	vbar_el1, x1
	mov	x1, #CPACR_FPEN_NO_TRAP
	msr	cpacr_el1, x1
	isb
	mov	x29, xzr
	mov	x30, xzr
	b	guest_entry_main

secondary:
	movz	w0, #(PSCI_CPU_OFF & 0xffff)
	movk	w0, #(PSCI_CPU_OFF >> 16), lsl #16
	hvc	#0
3:	wfi
	b	3b
	.size	guest_entry, . - guest_entry

	.section .data.entry, "aw"
	.balign	1 << ENTRY_SHIFT
	.globl	guest_entry_states
guest_entry_states:
	.zero	GUEST_MAX_VCPUS << ENTRY_SHIFT
