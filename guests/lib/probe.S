/* SPDX-License-Identifier: MIT */
/*
 * void guest_probe_NAME(void *addr): one access each, for guest_try(). See guest.h.
 */
	.arch	armv8.1-a
	.arch_extension fp
	.arch_extension simd

	.macro	probe name, insn:vararg
	.section .text.guest_probe_\name, "ax"
	.globl	guest_probe_\name
	.type	guest_probe_\name, %function
guest_probe_\name:
	\insn
	ret
	.size	guest_probe_\name, . - guest_probe_\name
	.endm

	probe	ldrb, ldrb w1, [x0]
	probe	ldrh, ldrh w1, [x0]
	probe	ldr_w, ldr w1, [x0]
	probe	ldr_x, ldr x1, [x0]
	probe	ldr_q, ldr q0, [x0]
	probe	ldrsw, ldrsw x1, [x0]
	probe	ldr_post, ldr x1, [x0], #8
	probe	ldp, ldp x1, x2, [x0]
	probe	ldxr, ldxr x1, [x0]
	probe	ldar, ldar x1, [x0]
	probe	strb, strb wzr, [x0]
	probe	strh, strh wzr, [x0]
	probe	str_w, str wzr, [x0]
	probe	str_x, str xzr, [x0]
	probe	str_q, str q0, [x0]
	probe	str_post, str xzr, [x0], #8
	probe	stp, stp xzr, xzr, [x0]
	probe	stlr, stlr xzr, [x0]
	probe	ldadd, ldadd xzr, x1, [x0]
	probe	dc_zva, dc zva, x0
	probe	prfm, prfm pldl1keep, [x0]
