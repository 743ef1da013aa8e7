/* SPDX-License-Identifier: MIT */
/*
 * Entry of a further vCPU, as PSCI CPU_ON has it: EL1h, MMU off, x0 = its struct vcpu_start. Takes over the
 * starter's translation regime, and ends in guest_secondary_main(start).
 */
#include "guests/lib/asm.h"

#define CPACR_FPEN_NO_TRAP	(3 << 20)

	.section .text.secondary, "ax"
	.globl	guest_secondary_entry
	.type	guest_secondary_entry, %function
guest_secondary_entry:
	msr	daifset, #0xf
	adrp	x1, guest_vectors
	add	x1, x1, :lo12:guest_vectors
	msr	vbar_el1, x1
	mov	x1, #CPACR_FPEN_NO_TRAP
	msr	cpacr_el1, x1
	msr	spsel, #1

	ldr	x1, [x0, #START_MAIR]
	ldr	x2, [x0, #START_TCR]
	ldr	x3, [x0, #START_TTBR0]
	ldr	x4, [x0, #START_SCTLR]
	ldr	x5, [x0, #START_SP]
	msr	mair_el1, x1
	msr	tcr_el1, x2
	msr	ttbr0_el1, x3
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el1, x4
	isb

	mov	sp, x5
	mov	x29, xzr
	mov	x30, xzr
	b	guest_secondary_main
	.size	guest_secondary_entry, . - guest_secondary_entry
