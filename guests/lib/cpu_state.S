/* SPDX-License-Identifier: MIT */
/*
 * Registers held over preemptions, and the only FP arithmetic of the guests. Prototypes and
 * meanings are in guest.h.
 */
#include "guests/lib/asm.h"

	.arch	armv8.3-a
	.arch_extension fp
	.arch_extension simd

	.macro	function name
	.section .text.\name, "ax"
	.globl	\name
	.type	\name, %function
\name:
	.endm

/* One insn for each of the v registers and its slot, or for x1..x30 and theirs; base is x0. */
	.macro	each_v insn
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\insn	q\n, [x0, #CPU_STATE_V(\n)]
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	\insn	q\n, [x0, #CPU_STATE_V(\n)]
	.endr
	.endm

	.macro	each_x insn
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	\insn	x\n, [x0, #CPU_STATE_X(\n)]
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
	\insn	x\n, [x0, #CPU_STATE_X(\n)]
	.endr
	.endm

/*
 * void guest_cpu_hold(const struct guest_cpu_state *want, struct guest_cpu_state *got,
 *		       uint64_t spins);
 *
 * x0 = the count while everything else holds a pattern. The stack keeps got, spins and what the
 * caller wants back.
 */
	function guest_cpu_hold
	stp	x29, x30, [sp, #-192]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	x1, x2, [sp, #96]
	str	x18, [sp, #112]
	stp	d8, d9, [sp, #128]
	stp	d10, d11, [sp, #144]
	stp	d12, d13, [sp, #160]
	stp	d14, d15, [sp, #176]

	ldr	x3, [x0, #CPU_STATE_FPCR]
	ldr	x4, [x0, #CPU_STATE_FPSR]
	msr	fpcr, x3
	msr	fpsr, x4
	each_v	ldr
	each_x	ldr

	ldr	x0, [sp, #104]
1:	subs	x0, x0, #1
	b.ne	1b
	wfi
	ldr	x0, [sp, #104]
2:	subs	x0, x0, #1
	b.ne	2b

	ldr	x0, [sp, #96]
	each_x	str
	each_v	str
	mrs	x3, fpcr
	mrs	x4, fpsr
	str	x3, [x0, #CPU_STATE_FPCR]
	str	x4, [x0, #CPU_STATE_FPSR]
	msr	fpcr, xzr
	msr	fpsr, xzr

	ldp	d14, d15, [sp, #176]
	ldp	d12, d13, [sp, #160]
	ldp	d10, d11, [sp, #144]
	ldp	d8, d9, [sp, #128]
	ldr	x18, [sp, #112]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #192
	ret
	.size	guest_cpu_hold, . - guest_cpu_hold

/*
 * uint64_t guest_fp_series(uint64_t n, uint64_t fpcr, uint64_t *fpsr);
 *
 * d0 = 1.0, d1 = k, d2 and d3 = the term, d16..d31 = partial sums.
 */
	function guest_fp_series
	msr	fpcr, x1
	msr	fpsr, xzr
	fmov	d0, #1.0
	fmov	d1, #1.0
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	movi	d\n, #0
	.endr

1:	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fmul	d2, d1, d1
	fdiv	d3, d0, d2
	fadd	d\n, d\n, d3
	fadd	d1, d1, d0
	.endr
	subs	x0, x0, #1
	b.ne	1b

	.irp	n, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fadd	d16, d16, d\n
	.endr
	fmov	x0, d16
	mrs	x1, fpsr
	str	x1, [x2]
	msr	fpcr, xzr
	ret
	.size	guest_fp_series, . - guest_fp_series

/* void guest_pauth_write_keys(const struct guest_pauth_keys *keys, bool generic); */
	function guest_pauth_write_keys
	ldp	x2, x3, [x0]
	msr	apiakeylo_el1, x2
	msr	apiakeyhi_el1, x3
	ldp	x2, x3, [x0, #16]
	msr	apibkeylo_el1, x2
	msr	apibkeyhi_el1, x3
	ldp	x2, x3, [x0, #32]
	msr	apdakeylo_el1, x2
	msr	apdakeyhi_el1, x3
	ldp	x2, x3, [x0, #48]
	msr	apdbkeylo_el1, x2
	msr	apdbkeyhi_el1, x3
	tbz	w1, #0, 1f
	ldp	x2, x3, [x0, #64]
	msr	apgakeylo_el1, x2
	msr	apgakeyhi_el1, x3
1:	isb
	ret
	.size	guest_pauth_write_keys, . - guest_pauth_write_keys

/* void guest_pauth_read_keys(struct guest_pauth_keys *keys, bool generic); */
	function guest_pauth_read_keys
	mrs	x2, apiakeylo_el1
	mrs	x3, apiakeyhi_el1
	stp	x2, x3, [x0]
	mrs	x2, apibkeylo_el1
	mrs	x3, apibkeyhi_el1
	stp	x2, x3, [x0, #16]
	mrs	x2, apdakeylo_el1
	mrs	x3, apdakeyhi_el1
	stp	x2, x3, [x0, #32]
	mrs	x2, apdbkeylo_el1
	mrs	x3, apdbkeyhi_el1
	stp	x2, x3, [x0, #48]
	mov	x2, xzr
	mov	x3, xzr
	tbz	w1, #0, 1f
	mrs	x2, apgakeylo_el1
	mrs	x3, apgakeyhi_el1
1:	stp	x2, x3, [x0, #64]
	ret
	.size	guest_pauth_read_keys, . - guest_pauth_read_keys

/*
 * void guest_pauth_sign(uint64_t pointer, uint64_t modifier, struct guest_pauth_sigs *sigs,
 *			 bool generic);
 */
	function guest_pauth_sign
	mov	x4, x0
	pacia	x4, x1
	str	x4, [x2, #PAUTH_SIG_IA]
	mov	x4, x0
	pacib	x4, x1
	str	x4, [x2, #PAUTH_SIG_IB]
	mov	x4, x0
	pacda	x4, x1
	str	x4, [x2, #PAUTH_SIG_DA]
	mov	x4, x0
	pacdb	x4, x1
	str	x4, [x2, #PAUTH_SIG_DB]
	mov	x4, xzr
	tbz	w3, #0, 1f
	pacga	x4, x0, x1
1:	str	x4, [x2, #PAUTH_SIG_GA]
	ret
	.size	guest_pauth_sign, . - guest_pauth_sign

/* uint64_t guest_pauth_autia(uint64_t pointer, uint64_t modifier); */
	function guest_pauth_autia
	autia	x0, x1
	ret
	.size	guest_pauth_autia, . - guest_pauth_autia
