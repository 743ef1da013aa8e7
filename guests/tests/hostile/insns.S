/* SPDX-License-Identifier: MIT */
/* Lists of instructions, as data: copied to the code page one by one, and run on x0 (an address) and x1. */
	.arch	armv8.5-a+sve+memtag+rng+crypto

	.macro	list name
	.section .rodata.\name, "a"
	.balign	4
	.globl	\name
\name:
	.endm
	.macro	list_end name
	.globl	\name\()_end
\name\()_end:
	.endm

/* A syndrome that tells all about them (ISV). */
	list	insns_loads
	ldrb	w1, [x0]
	ldrsb	x1, [x0]
	ldrsb	w1, [x0]
	ldrh	w1, [x0]
	ldrsh	x1, [x0]
	ldr	w1, [x0]
	ldrsw	x1, [x0]
	ldr	x1, [x0]
	ldr	xzr, [x0]
	ldur	x1, [x0, #1]
	ldur	w1, [x0, #-1]
	ldur	x1, [x0, #-4]
	ldar	x1, [x0]
	ldarb	w1, [x0]
	ldtr	x1, [x0]
	ldapr	x1, [x0]
	list_end insns_loads

	list	insns_stores
	strb	w1, [x0]
	strh	w1, [x0]
	str	w1, [x0]
	str	x1, [x0]
	str	xzr, [x0]
	stur	x1, [x0, #1]
	stur	w1, [x0, #-1]
	stur	x1, [x0, #-4]
	stlr	x1, [x0]
	stlrb	w1, [x0]
	sttr	x1, [x0]
	list_end insns_stores

/* None, or not enough. */
	list	insns_without_syndrome
	ldp	x1, x2, [x0]
	ldp	w1, w2, [x0]
	ldpsw	x1, x2, [x0]
	ldnp	x1, x2, [x0]
	stp	x1, x2, [x0]
	stp	w1, w2, [x0]
	stnp	x1, x2, [x0]
	ldr	x1, [x0], #8
	ldr	w1, [x0, #4]!
	str	x1, [x0], #-8
	str	w1, [x0, #-4]!
	ldp	x1, x2, [x0], #16
	stp	x1, x2, [x0, #-16]!
	ldr	b0, [x0]
	ldr	h0, [x0]
	ldr	s0, [x0]
	ldr	d0, [x0]
	ldr	q0, [x0]
	str	b0, [x0]
	str	q0, [x0]
	ldp	q0, q1, [x0]
	stp	q0, q1, [x0]
	ld1	{v0.16b}, [x0]
	ld4	{v0.16b, v1.16b, v2.16b, v3.16b}, [x0]
	st1	{v0.16b}, [x0]
	st4	{v0.2d, v1.2d, v2.2d, v3.2d}, [x0]
	ld1r	{v0.4s}, [x0]
	list_end insns_without_syndrome

	list	insns_exclusives
	ldxr	x1, [x0]
	ldxrb	w1, [x0]
	ldaxr	w1, [x0]
	ldxp	x1, x2, [x0]
	stxr	w3, x1, [x0]
	stlxr	w3, w1, [x0]
	stxp	w3, x1, x2, [x0]
	ldadd	x1, x2, [x0]
	ldaddalb w1, w2, [x0]
	ldset	w1, w2, [x0]
	ldsmax	x1, x2, [x0]
	swp	x1, x2, [x0]
	swpalh	w1, w2, [x0]
	cas	x1, x2, [x0]
	casal	w1, w2, [x0]
	casp	x2, x3, x4, x5, [x0]
	stadd	x1, [x0]
	list_end insns_exclusives

	list	insns_maintenance
	dc	zva, x0
	dc	ivac, x0
	dc	cvac, x0
	dc	cvau, x0
	dc	civac, x0
	dc	cvap, x0
	dc	cvadp, x0
	ic	ivau, x0
	prfm	pldl1keep, [x0]
	prfm	pstl3strm, [x0]
	at	s1e1r, x0
	at	s1e1w, x0
	at	s1e0r, x0
	at	s1e0w, x0
	at	s1e1rp, x0
	at	s1e1wp, x0
	list_end insns_maintenance

	list	insns_memtag
	irg	x1, x0
	gmi	x1, x0, x1
	addg	x1, x0, #16, #1
	subp	x1, x0, x1
	stg	x0, [x0]
	st2g	x0, [x0]
	stzg	x0, [x0]
	stgp	x0, x1, [x0]
	ldg	x1, [x0]
	ldgm	x1, [x0]
	stgm	x1, [x0]
	stzgm	x1, [x0]
	dc	gva, x0
	dc	gzva, x0
	dc	igvac, x0
	dc	cgsw, xzr
	dc	cigdsw, xzr
	msr	tco, #1
	msr	tco, #0
	list_end insns_memtag

	list	insns_sve
	ptrue	p0.b
	rdvl	x1, #1
	addvl	x1, x1, #1
	cntb	x1
	index	z0.d, #0, #1
	ld1b	{z0.b}, p0/z, [x0]
	st1b	{z0.b}, p0, [x0]
	ldff1b	{z0.b}, p0/z, [x0, xzr]
	setffr
	rdffr	p0.b
	list_end insns_sve

/* SME by encoding: the assembler may be older. */
	list	insns_sme
	.inst	0xd503477f		/* smstart */
	.inst	0xd503467f		/* smstop */
	.inst	0xd503437f		/* smstart sm */
	.inst	0xd503457f		/* smstart za */
	.inst	0xc0080001		/* zero {za} */
	.inst	0x04bf5821		/* rdsvl x1, #1 */
	.inst	0xe1200000		/* str za[w12, 0], [x0] */
	.inst	0xe1000000		/* ldr za[w12, 0], [x0] */
	list_end insns_sme

/* Everything that is for debuggers or for nobody. */
	list	insns_exceptions
	svc	#0
	svc	#0xffff
	hvc	#0xffff
	smc	#0xffff
	brk	#0
	brk	#0xffff
	hlt	#0
	hlt	#0xfff
	dcps1	#0
	dcps2	#1
	dcps3	#0xffff
	.inst	0x00000000		/* udf */
	.inst	0x0000ffff
	.inst	0xffffffff
	.inst	0xd4000000		/* the exception group, unallocated */
	.inst	0xd4a00000
	.inst	0xd69f03e0		/* eret */
	.inst	0xd69f0bff		/* eretaa */
	.inst	0xd69f0fff		/* eretab */
	.inst	0xd6bf03e0		/* drps */
	wfi
	wfe
	.inst	0xd5031000		/* wfet x0 */
	.inst	0xd5031020		/* wfit x0 */
	yield
	sev
	sevl
	esb
	hint	#17				/* PSB CSYNC */
	hint	#18				/* TSB CSYNC */
	csdb
	sb
	ssbb
	pssbb
	dsb	sy
	dmb	sy
	cfinv
	xaflag
	axflag
	msr	spsel, #1
	msr	pan, #1
	msr	pan, #0
	msr	uao, #1
	msr	uao, #0
	msr	dit, #1
	msr	dit, #0
	msr	ssbs, #1
	msr	daifset, #15
	.inst	0xd50b7423		/* dc gva-like holes of SYS */
	.inst	0xd503379f		/* dsb, reserved option */
	list_end insns_exceptions

	list	insns_pauth
	pacia	x0, x1
	pacib	x0, x1
	pacda	x0, x1
	pacdb	x0, x1
	pacga	x0, x0, x1
	autia	x0, x1
	autib	x0, x1
	autda	x0, x1
	autdb	x0, x1
	paciaz
	pacibsp
	autiasp
	xpaci	x0
	xpacd	x0
	xpaclri
	ldraa	x2, [x0]
	ldrab	x2, [x0, #8]!
	blraa	x0, x1
	braa	x0, x1
	retaa
	retab
	list_end insns_pauth

	list	insns_odd_registers
	mrs	x1, s3_3_c2_c4_0	/* RNDR */
	mrs	x1, s3_3_c2_c4_1	/* RNDRRS */
	mrs	x1, pmccntr_el0
	msr	pmccntr_el0, x1
	mrs	x1, pmcr_el0
	msr	pmcr_el0, x1
	msr	pmcntenset_el0, x1
	msr	pmovsclr_el0, x1
	msr	pmswinc_el0, x1
	msr	pmselr_el0, x1
	mrs	x1, pmxevcntr_el0
	msr	pmxevtyper_el0, x1
	msr	pmintenset_el1, x1
	mrs	x1, pmccfiltr_el0
	mrs	x1, pmevcntr30_el0
	mrs	x1, s3_3_c13_c2_0	/* AMCR_EL0 */
	mrs	x1, s3_3_c13_c4_0	/* AMEVCNTR00_EL0 */
	mrs	x1, s3_0_c9_c9_0	/* PMSCR_EL1 */
	mrs	x1, s3_0_c9_c11_0	/* TRBLIMITR_EL1 */
	mrs	x1, s3_0_c1_c2_1	/* TRFCR_EL1 */
	mrs	x1, s3_0_c5_c3_0	/* ERRIDR_EL1 */
	mrs	x1, s3_0_c10_c4_3	/* LORID_EL1 */
	mrs	x1, s3_0_c10_c5_1	/* MPAM0_EL1 */
	mrs	x1, s3_3_c13_c0_7	/* SCXTNUM_EL0 */
	mrs	x1, s3_0_c13_c0_7
	mrs	x1, s3_0_c1_c2_0	/* ZCR_EL1 */
	msr	s3_0_c1_c2_0, x1
	mrs	x1, s3_0_c1_c2_6	/* SMCR_EL1 */
	mrs	x1, s3_0_c1_c0_6	/* GCR_EL1 */
	mrs	x1, s3_0_c5_c6_0	/* TFSR_EL1 */
	mrs	x1, s2_1_c0_c0_1	/* TRCTRACEIDR */
	list_end insns_odd_registers

/* Registers of EL2 and EL3, by the names that matter. */
	list	insns_el2_registers
	mrs	x1, hcr_el2
	msr	hcr_el2, x1
	msr	vttbr_el2, x1
	msr	vtcr_el2, x1
	msr	ttbr0_el2, x1
	msr	sctlr_el2, x1
	msr	vbar_el2, x1
	msr	elr_el2, x1
	msr	spsr_el2, x1
	msr	sp_el1, x1
	msr	tpidr_el2, x1
	msr	mdcr_el2, x1
	msr	cptr_el2, x1
	msr	cnthctl_el2, x1
	msr	cntvoff_el2, x1
	msr	cnthp_ctl_el2, x1
	msr	vmpidr_el2, x1
	mrs	x1, hpfar_el2
	mrs	x1, s3_4_c12_c11_0	/* ICH_HCR_EL2 */
	msr	s3_4_c12_c11_0, x1
	msr	s3_4_c12_c11_7, x1	/* ICH_VMCR_EL2 */
	msr	s3_4_c12_c12_0, x1	/* ICH_LR0_EL2 */
	msr	s3_4_c12_c9_5, x1	/* ICC_SRE_EL2 */
	mrs	x1, scr_el3
	msr	scr_el3, x1
	msr	sctlr_el3, x1
	mrs	x1, s3_5_c1_c0_0	/* SCTLR_EL12 */
	msr	s3_5_c2_c0_0, x1	/* TTBR0_EL12 */
	msr	s3_5_c14_c3_1, x1	/* CNTV_CTL_EL02 */
	tlbi	alle1
	tlbi	alle2
	tlbi	alle3
	tlbi	vmalls12e1
	tlbi	ipas2e1is, x1
	at	s12e1r, x0
	at	s1e2r, x0
	at	s1e3r, x0
	list_end insns_el2_registers
