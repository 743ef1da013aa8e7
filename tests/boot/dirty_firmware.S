/* SPDX-License-Identifier: MIT */
/*
 * Firmware that leaves EL2 registers as no hypervisor wants them, as far as the identification registers have
 * them, and then starts the image at IMAGE with x0 = 0.
 */
	.arch	armv8-a

/* Skips to 9f if the field is below least. */
	.macro	unless_field reg, lsb, least
	mrs	x1, \reg
	ubfx	x1, x1, #\lsb, #4
	cmp	x1, #\least
	b.lo	9f
	.endm

	.globl	_start
_start:
	mov	x9, #-1
	msr	hstr_el2, x9
	msr	hacr_el2, x9
	msr	cnthctl_el2, x9
	msr	cntvoff_el2, x9
	msr	mdcr_el2, x9
	msr	vpidr_el2, x9
	msr	vmpidr_el2, x9
	msr	vttbr_el2, x9
	msr	vtcr_el2, x9
	msr	tpidr_el2, x9
	mov	x2, #0x22ff			/* CPTR_EL2: no traps */
	msr	cptr_el2, x2
	isb
	unless_field id_aa64pfr0_el1, 28, 1	/* RAS */
	msr	s3_4_c12_c1_1, x9		/* VDISR_EL2 */
	msr	s3_4_c5_c2_3, x9		/* VSESR_EL2 */
9:	unless_field id_aa64pfr0_el1, 32, 1	/* SVE */
	msr	s3_4_c1_c2_0, x9		/* ZCR_EL2 */
9:	unless_field id_aa64pfr1_el1, 24, 1	/* SME */
	msr	s3_4_c1_c2_6, x9		/* SMCR_EL2 */
	msr	s3_3_c13_c0_5, x9		/* TPIDR2_EL0 */
9:	unless_field id_aa64mmfr1_el1, 40, 1	/* HCX */
	msr	s3_4_c1_c2_2, x9		/* HCRX_EL2 */
9:	unless_field id_aa64mmfr1_el1, 8, 1	/* VH */
	msr	s3_4_c14_c3_1, x9		/* CNTHV_CTL_EL2 */
9:	unless_field id_aa64mmfr0_el1, 56, 1	/* FGT */
	msr	s3_4_c1_c1_4, x9		/* HFGRTR_EL2 */
	msr	s3_4_c1_c1_5, x9		/* HFGWTR_EL2 */
	msr	s3_4_c1_c1_6, x9		/* HFGITR_EL2 */
	msr	s3_4_c3_c1_4, x9		/* HDFGRTR_EL2 */
	msr	s3_4_c3_c1_5, x9		/* HDFGWTR_EL2 */
9:	unless_field id_aa64mmfr0_el1, 60, 2	/* ECV */
	msr	s3_4_c14_c0_6, x9		/* CNTPOFF_EL2 */
9:	isb
	mov	x0, xzr
	ldr	x16, =IMAGE
	br	x16
