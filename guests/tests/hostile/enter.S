/* SPDX-License-Identifier: MIT */
/*
 * void hostile_enter_asm(const struct hostile_entry *entry, uint64_t *slot)
 *
 * ERET to wherever entry says. Whatever exception ends that lets the handler go on at hostile_back, with
 * x0 = what was left in *slot: SP, below which all that C wants preserved is.
 */
#include "guests/tests/hostile/hostile.h"

	.arch_extension fp
	.arch_extension simd

	.text
	.globl	hostile_enter_asm
	.type	hostile_enter_asm, %function
hostile_enter_asm:
	stp	x29, x30, [sp, #-160]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x9, sp
	str	x9, [x1]
	ldp	x9, x10, [x0, #ENTRY_ELR]
	ldr	x11, [x0, #ENTRY_SP_EL0]
	msr	elr_el1, x9
	msr	spsr_el1, x10
	msr	sp_el0, x11
	add	x9, x0, #ENTRY_X
	ldp	x0, x1, [x9]
	ldp	x2, x3, [x9, #16]
	ldp	x4, x5, [x9, #32]
	ldp	x6, x7, [x9, #48]
	/* What returns, or goes on by chance, finds nothing of ours. */
	.irp	n, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	mov	x\n, xzr
	.endr
	eret
	.size	hostile_enter_asm, . - hostile_enter_asm

	.globl	hostile_back
	.type	hostile_back, %function
hostile_back:
	mov	sp, x0
	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #160
	ret
	.size	hostile_back, . - hostile_back
