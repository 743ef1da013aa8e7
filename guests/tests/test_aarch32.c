// SPDX-License-Identifier: MIT
/*
 * test_aarch32: A32 and T32 code at EL0, where the CPU has it: system registers by way of coprocessors 14 and
 * 15, denied ones, FP, WFI, calls, conditions, IT blocks. Best with 2 vCPUs on one CPU: then WFI traps.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"
#include "lib/string.h"

#define USER_VA		UINT64_C(0xc0000000)
#define PTE_TABLE	UINT64_C(3)
#define PTE_USER_CODE	UINT64_C(0x200000000007c7)	/* Normal, inner shareable, read-only, PXN */
#define SPSR_A32	UINT64_C(0x1d0)		/* user mode, A, I and F masked */
#define SPSR_T32	(SPSR_A32 | 0x20)
#define SPSR_EL0T	UINT64_C(0x3c0)
#define SPSR_NZCV	GENMASK(31, 28)
#define SPSR_Z		BIT(30)
#define SPSR_IT		(GENMASK(26, 25) | GENMASK(15, 10))

#define ESR_ALWAYS	(BIT(24) | 14 << 20)	/* CV, COND */
#define EC_WFX		0x01
#define EC_CP15		0x03
#define EC_CP15_64	0x04
#define EC_CP14		0x05
#define EC_FP		0x07
#define EC_SVC32	0x11
#define EC_SVC64	0x15
#define EC_SYSREG	0x18
#define UNDEFINED	ESR_IL			/* ESR_EL1 */

/* Words of A32; T32 has the same ones with AL, the upper half first. */
#define MCR(cp, opc1, rt, crn, crm, opc2) \
	(0xee000010u | (opc1) << 21 | (crn) << 16 | (rt) << 12 | (cp) << 8 | (opc2) << 5 | (crm))
#define MRC(cp, opc1, rt, crn, crm, opc2)	(MCR(cp, opc1, rt, crn, crm, opc2) | 1u << 20)
#define MCRR(cp, opc1, rt, rt2, crm) \
	(0xec400000u | (rt2) << 16 | (rt) << 12 | (cp) << 8 | (opc1) << 4 | (crm))
#define MRRC(cp, opc1, rt, rt2, crm)		(MCRR(cp, opc1, rt, rt2, crm) | 1u << 20)
#define EQ(word)	((word) & 0x0fffffff)
#define NE(word)	(EQ(word) | 0x10000000)
#define T32(word)	(uint16_t)((word) >> 16), (uint16_t)(word)

#define A32_SVC		0xef000000u
#define A32_HVC		0xe1400070u
#define A32_SMC		0xe1600070u
#define A32_UDF		0xe7f000f0u
#define A32_WFI		0xe320f003u
#define A32_WFE		0xe320f002u
#define A32_CMP_SAME	0xe1500000u		/* cmp r0, r0 */
#define A32_MOV(rt, n)	(0xe3a00000u | (rt) << 12 | (n))
#define A32_STC_DTR	0xed805e00u		/* stc p14, c5, [r0] */
#define A32_LDC_DTR	0xed905e00u
#define A32_VMOV_S0_R0	0xee000a10u
#define A32_VADD_S0	0xee300a00u		/* vadd.f32 s0, s0, s0 */
#define A32_VMOV_R1_S0	0xee101a10u
#define A32_VMRS_R2	0xeef12a10u		/* vmrs r2, fpscr */
#define T32_SVC		0xdf00
#define T32_WFI		0xbf30
#define T32_CMP_SAME	0x4280
#define T32_IT_EQ	0xbf08
#define T32_ITE_EQ	0xbf0c
#define T32_ITE_NE	0xbf14
#define T32_MOV(rt, n)	(uint16_t)(0x2000 | (rt) << 8 | (n))
#define A64_SVC		0xd4000001u
#define A64_MRS_CNTPCT	0xd53be021u		/* mrs x1, cntpct_el0 */
#define A64_MRS_MDCCSR	0xd5330101u		/* mrs x1, mdccsr_el0 */

/* Registers. */
#define CNTP_TVAL(op, rt)	op(15, 0, rt, 14, 2, 0)
#define CNTP_CTL(op, rt)	op(15, 0, rt, 14, 2, 1)
#define CNTP_CVAL(op, rt, rt2)	op(15, 2, rt, rt2, 14)
#define CNTPCT(rt, rt2)		MRRC(15, 0, rt, rt2, 14)
#define PM(op, rt, crm, opc2)	op(15, 0, rt, 9, crm, opc2)
#define PMCR(op, rt)		PM(op, rt, 12, 0)
#define PMCNTENSET(op, rt)	PM(op, rt, 12, 1)
#define PMCNTENCLR(op, rt)	PM(op, rt, 12, 2)
#define PMOVSR(op, rt)		PM(op, rt, 12, 3)
#define PMSWINC(rt)		PM(MCR, rt, 12, 4)
#define PMSELR(op, rt)		PM(op, rt, 12, 5)
#define PMCEID(n, rt)		PM(MRC, rt, (n) < 2 ? 12 : 14, (n) < 2 ? 6 + (n) : 2 + (n))
#define PMCCNTR(op, rt)		PM(op, rt, 13, 0)
#define PMXEVTYPER(op, rt)	PM(op, rt, 13, 1)
#define PMXEVCNTR(op, rt)	PM(op, rt, 13, 2)
#define PMUSERENR(op, rt)	PM(op, rt, 14, 0)
#define PMINTENSET(op, rt)	PM(op, rt, 14, 1)
#define PMOVSSET(op, rt)	PM(op, rt, 14, 3)
#define PMCCNTR_64(op, rt, rt2)	op(15, 0, rt, rt2, 9)
#define PMEVCNTR1(op, rt)	op(15, 0, rt, 14, 8, 1)
#define PMEVTYPER1(op, rt)	op(15, 0, rt, 14, 12, 1)
#define PMCCFILTR(op, rt)	op(15, 0, rt, 14, 15, 7)
#define DBGDIDR(rt)		MRC(14, 0, rt, 0, 0, 0)
#define DBGDSCRINT(rt)		MRC(14, 0, rt, 0, 1, 0)
#define DBGDTR(op, rt)		op(14, 0, rt, 0, 5, 0)
#define DBGDRAR(rt)		MRC(14, 0, rt, 1, 0, 0)
#define DBGDSAR(rt)		MRC(14, 0, rt, 2, 0, 0)
#define DBGDRAR_64(rt, rt2)	MRRC(14, 0, rt, rt2, 1)
#define DBGDSAR_64(rt, rt2)	MRRC(14, 0, rt, rt2, 2)

#define CNTKCTL_EL0VCTEN	BIT(1)
#define CNTKCTL_EL0PCTEN	BIT(0)
#define CNTKCTL_EL0PTEN		BIT(9)
#define CPACR_FPEN		(UINT64_C(3) << 20)
#define MDSCR_TDCC		BIT(12)
#define SCTLR_NTWI		BIT(16)
#define SCTLR_NTWE		BIT(18)
#define VTIMER_INTID		27

/* ---- into EL0 and back ---- */

static uint64_t user_level2[512] __aligned(4096), user_level3[512] __aligned(4096);
static uint64_t user_code[512] __aligned(4096);
static struct guest_frame kernel, user;
static uint64_t entry_spsr;
static uint64_t r[15];				/* of EL0, before and after */
static uint64_t esr, offset;			/* what ended it, and where */

/* SVC at EL1: there. */
static bool enter_user(struct guest_frame *frame)
{
	kernel = *frame;
	memset(frame->x, 0, sizeof(frame->x));
	memcpy(frame->x, r, sizeof(r));
	frame->elr = USER_VA;
	frame->spsr = entry_spsr;
	return true;
}

/* Whatever ends it: back. */
static bool leave_user(struct guest_frame *frame)
{
	user = *frame;
	*frame = kernel;
	esr = guest_read_sysreg("esr_el1");
	return true;
}

/* The code, up to its SVC at the latest; whether it came there. */
static bool run(const void *code, size_t size, uint64_t spsr)
{
	unsigned int svc = spsr & BIT(4) ? EC_SVC32 : EC_SVC64;

	memcpy(user_code, code, size);
	for (size_t i = 0; i < size; i += 16)
		__asm__ volatile("dc cvau, %0" : : "r"((char *)user_code + i) : "memory");
	__asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
	entry_spsr = spsr;
	guest_hook(GUEST_HOOK_SYNC, enter_user);
	guest_hook(GUEST_HOOK_OTHER, leave_user);
	__asm__ volatile("svc #0" : : : "memory");
	guest_hook(GUEST_HOOK_SYNC, NULL);
	guest_hook(GUEST_HOOK_OTHER, NULL);
	memcpy(r, user.x, sizeof(r));
	offset = user.elr - USER_VA;
	return ESR_EC(esr) == svc && offset == size;
}

#define RUN_A32(...)									\
	({ const uint32_t code_[] = { __VA_ARGS__, A32_SVC }; run(code_, sizeof(code_), SPSR_A32); })
#define RUN_T32(...)									\
	({ const uint16_t code_[] = { __VA_ARGS__, T32_SVC }; run(code_, sizeof(code_), SPSR_T32); })

/* One instruction alone: ESR_EL1 of the exception that it takes; 0 for none. */
static uint64_t taken_a32(uint32_t word)
{
	bool ok = RUN_A32(word);

	return ok ? 0 : offset ? ~UINT64_C(0) : esr;
}

static uint64_t taken_t32(uint32_t word)
{
	bool ok = RUN_T32(T32(word));

	return ok ? 0 : offset ? ~UINT64_C(0) : esr;
}

/* ESR_EL1 of a trap: of MCR or MRC, of MCRR or MRRC. */
static uint64_t trap_32(unsigned int ec, uint32_t word)
{
	return (uint64_t)ec << 26 | ESR_IL | ESR_ALWAYS | (word >> 5 & 7) << 17 | (word >> 21 & 7) << 14 |
	       (word >> 16 & 15) << 10 | (word >> 12 & 15) << 5 | (word & 15) << 1 | (word >> 20 & 1);
}

static uint64_t trap_64(unsigned int ec, uint32_t word)
{
	return (uint64_t)ec << 26 | ESR_IL | ESR_ALWAYS | (word >> 4 & 15) << 16 |
	       (word >> 16 & 15) << 10 | (word >> 12 & 15) << 5 | (word & 15) << 1 | (word >> 20 & 1);
}

static void denied_32(unsigned int ec, uint32_t word, const char *name)
{
	uint64_t want = trap_32(ec, word), t32 = taken_t32(word);

	test_equal(t32 == want ? taken_a32(word) : t32, want, name);
}

static void denied_64(unsigned int ec, uint32_t word, const char *name)
{
	uint64_t want = trap_64(ec, word), t32 = taken_t32(word);

	test_equal(t32 == want ? taken_a32(word) : t32, want, name);
}

static void cntkctl(uint64_t val)
{
	guest_write_sysreg("cntkctl_el1", val);
	guest_isb();
}

/* ---- FP, first of all: nobody has used it yet ---- */

static void cpacr(uint64_t val)
{
	guest_write_sysreg("cpacr_el1", val);
	guest_isb();
}

static void test_fp(void)
{
	cpacr(CPACR_FPEN);
	r[0] = 0x3fc00000;
	test_check(RUN_A32(A32_VMOV_S0_R0, A32_VADD_S0, A32_VMOV_R1_S0, A32_VMRS_R2), "A32 runs");
	test_equal(r[1], 0x40400000, "A32: 1.5 + 1.5");
	test_check(RUN_T32(T32(A32_VMOV_S0_R0), T32(A32_VADD_S0), T32(A32_VMOV_R1_S0)), "T32 runs");
	test_equal(r[1], 0x40400000, "T32: 1.5 + 1.5");
	cpacr(0);
	test_equal(ESR_EC(taken_a32(A32_VMOV_S0_R0)), EC_FP, "off: A32 traps to EL1");
	test_equal(ESR_EC(taken_t32(A32_VMOV_S0_R0)), EC_FP, "off: T32 traps to EL1");
	test_check(RUN_A32(A32_CMP_SAME, NE(A32_VMOV_S0_R0)), "off: a condition that fails");
	cpacr(CPACR_FPEN);
}

/* ---- timers ---- */

static void test_ptimer(void)
{
	static const uint32_t a64[] = { A64_MRS_CNTPCT, A64_SVC };
	uint64_t before, now;

	cntkctl(CNTKCTL_EL0PTEN | CNTKCTL_EL0PCTEN | CNTKCTL_EL0VCTEN);
	r[0] = 2;
	r[1] = 0x55667788;
	r[2] = 0x11223344;
	test_check(RUN_A32(CNTP_CTL(MCR, 0), CNTP_CVAL(MCRR, 1, 2), CNTP_CVAL(MRRC, 3, 4), CNTP_CTL(MRC, 5)),
		   "A32 runs");
	test_equal(guest_read_sysreg("cntp_cval_el0"), UINT64_C(0x1122334455667788), "CNTP_CVAL written");
	test_check(r[3] == 0x55667788 && r[4] == 0x11223344, "CNTP_CVAL read");
	test_equal(r[5], 2, "CNTP_CTL");
	before = guest_read_sysreg("cntpct_el0");
	r[0] = 0x7fff0000;
	test_check(RUN_T32(T32(CNTP_TVAL(MCR, 0)), T32(CNTP_TVAL(MRC, 1)), T32(CNTPCT(2, 3))), "T32 runs");
	now = guest_read_sysreg("cntpct_el0");
	test_check(guest_read_sysreg("cntp_cval_el0") - before - 0x7fff0000 <= now - before,
		   "CNTP_TVAL written");
	test_check(r[1] <= 0x7fff0000 && r[1] > 0x7f000000, "CNTP_TVAL read");
	test_check((r[3] << 32 | r[2]) >= before && (r[3] << 32 | r[2]) <= now, "CNTPCT");
	test_check(run(a64, sizeof(a64), SPSR_EL0T) && r[1] >= now, "CNTPCT_EL0, for comparison");
	r[0] = 3;
	r[1] = 0;
	test_check(RUN_A32(CNTP_CVAL(MCRR, 1, 1), CNTP_CTL(MCR, 0), CNTP_CTL(MRC, 2)), "CNTP_CTL: runs");
	test_equal(r[2], 7, "CNTP_CTL: ISTATUS");
	guest_write_sysreg("cntp_ctl_el0", 0);
}

static void test_ptimer_denied(void)
{
	cntkctl(0);
	denied_32(EC_CP15, CNTP_TVAL(MRC, 1), "CNTP_TVAL read");
	denied_32(EC_CP15, CNTP_CTL(MCR, 14), "CNTP_CTL written");
	denied_64(EC_CP15_64, CNTP_CVAL(MRRC, 1, 2), "CNTP_CVAL read");
	denied_64(EC_CP15_64, CNTP_CVAL(MCRR, 3, 14), "CNTP_CVAL written");
	denied_64(EC_CP15_64, CNTPCT(1, 2), "CNTPCT");
}

/* ---- conditions, with a register that traps to a hypervisor ---- */

static void test_conditions(void)
{
	cntkctl(CNTKCTL_EL0PTEN);
	guest_write_sysreg("cntp_ctl_el0", 2);
	r[1] = r[2] = r[3] = 99;
	test_check(RUN_A32(A32_CMP_SAME, EQ(CNTP_CTL(MRC, 1)), NE(CNTP_CTL(MRC, 2)), EQ(A32_MOV(3, 5))),
		   "A32 runs");
	test_check(r[1] == 2 && r[2] == 99 && r[3] == 5, "A32: EQ is executed, NE is not");
	r[1] = r[2] = r[3] = r[4] = 99;
	test_check(RUN_T32(T32_CMP_SAME, T32_ITE_EQ, T32(CNTP_CTL(MRC, 1)), T32(CNTP_CTL(MRC, 2)), T32_ITE_NE,
			   T32(CNTP_CTL(MRC, 3)), T32_MOV(4, 5)), "T32 runs");
	test_check(r[1] == 2 && r[2] == 99, "ITE EQ: the first is executed");
	test_check(r[3] == 99 && r[4] == 5, "ITE NE: the second is executed");
	test_equal(user.spsr & SPSR_IT, 0, "the IT block is over");
	test_check(user.spsr & SPSR_Z, "flags are kept");
	cntkctl(0);
	test_check(RUN_A32(A32_CMP_SAME, NE(CNTP_CTL(MRC, 1))), "denied, but not executed");
	test_check(!RUN_T32(T32_CMP_SAME, T32_IT_EQ, T32(CNTP_CTL(MRC, 1))) && offset == 4,
		   "denied in an IT block");
	test_equal(user.spsr & SPSR_IT, 2 << 10, "and still in it");
}

/* ---- performance monitors ---- */

static bool has_pmu(void)
{
	unsigned int version = guest_read_sysreg("id_aa64dfr0_el1") >> 8 & 0xf;

	return version && version != 15;
}

static void pmuserenr(uint64_t val)
{
	guest_write_sysreg("pmuserenr_el0", val);
	guest_isb();
}

static void test_pmu_identification(void)
{
	uint64_t id0, id1;

	if (!has_pmu()) {
		test_skip("there is none");
		return;
	}
	id0 = guest_read_sysreg("pmceid0_el0");
	id1 = guest_read_sysreg("pmceid1_el0");
	pmuserenr(1);
	test_check(RUN_A32(PMCR(MRC, 0), PMCEID(0, 1), PMCEID(1, 2), PMUSERENR(MRC, 3)), "A32 runs");
	test_equal(r[0], (uint32_t)guest_read_sysreg("pmcr_el0"), "PMCR");
	test_check(r[1] == (uint32_t)id0 && r[2] == (uint32_t)id1, "PMCEID0, PMCEID1");
	test_equal(r[3], 1, "PMUSERENR");
	/* From PMUv3p1 on. */
	if ((guest_read_sysreg("id_aa64dfr0_el1") >> 8 & 0xf) < 4)
		return;
	test_check(RUN_T32(T32(PMCEID(2, 1)), T32(PMCEID(3, 2))), "T32 runs");
	test_check(r[1] == id0 >> 32 && r[2] == id1 >> 32, "PMCEID2, PMCEID3");
}

static void test_pmu_counters(void)
{
	if (!has_pmu())
		return;
	pmuserenr(1);
	guest_write_sysreg("pmcr_el0", BIT(6) | 7);
	r[0] = 1;
	r[1] = 5;
	r[2] = 0;
	r[3] = 2;
	test_check(RUN_A32(PMSELR(MCR, 0), PMXEVTYPER(MCR, 2), PMXEVCNTR(MCR, 1), PMCNTENSET(MCR, 3),
			   PMSWINC(3), PMXEVCNTR(MRC, 4), PMEVCNTR1(MRC, 5), PMCNTENSET(MRC, 6),
			   PMSELR(MRC, 7), PMEVTYPER1(MRC, 8)), "A32 runs");
	test_equal(r[4], 6, "PMSWINC, PMXEVCNTR");
	test_equal(r[5], 6, "PMEVCNTR1");
	test_equal(r[6], 2, "PMCNTENSET");
	test_equal(r[7], 1, "PMSELR");
	test_equal(r[8], 0, "PMEVTYPER1");
	test_equal(guest_read_sysreg("pmevcntr1_el0"), 6, "the same at EL1");
	r[0] = 0x80000000;
	r[1] = 0xfffffff0;
	test_check(RUN_T32(T32(PMCNTENCLR(MCR, 3)), T32(PMEVTYPER1(MCR, 0)), T32(PMEVCNTR1(MCR, 1)),
			   T32(PMOVSSET(MCR, 3)), T32(PMOVSR(MRC, 4)), T32(PMOVSR(MCR, 3)),
			   T32(PMOVSSET(MRC, 5))), "T32 runs");
	test_equal(guest_read_sysreg("pmcntenset_el0"), 0, "PMCNTENCLR");
	test_equal(guest_read_sysreg("pmevtyper1_el0"), 0x80000000, "PMEVTYPER1 written");
	test_equal((uint32_t)guest_read_sysreg("pmevcntr1_el0"), 0xfffffff0, "PMEVCNTR1 written");
	test_check(r[4] == 2 && r[5] == 0, "PMOVSSET, PMOVSR");
	guest_write_sysreg("pmcr_el0", BIT(6) | 6);
	pmuserenr(0);
}

static void test_pmu_cycles(void)
{
	if (!has_pmu())
		return;
	pmuserenr(1);
	guest_write_sysreg("pmcr_el0", BIT(6));
	guest_write_sysreg("pmccntr_el0", UINT64_C(0x1122334455667788));
	test_check(RUN_A32(PMCCNTR(MRC, 4)), "A32 runs");
	test_equal(r[4], 0x55667788, "32 bits read");
	/* QEMU 7.2 does not have this form. */
	if (taken_a32(PMCCNTR_64(MRRC, 2, 3)) != UNDEFINED) {
		test_check(r[2] == 0x55667788 && r[3] == 0x11223344, "64 bits read");
		test_check(RUN_A32(PMCCNTR_64(MCRR, 3, 3), PMCCNTR_64(MCRR, 2, 3)), "64 bits written");
	}
	r[0] = 7;
	r[1] = 0x40000000;
	test_check(RUN_T32(T32(PMCCNTR(MCR, 0)), T32(PMCCFILTR(MCR, 1)), T32(PMCCFILTR(MRC, 2))), "T32 runs");
	test_equal(guest_read_sysreg("pmccntr_el0"), UINT64_C(0x1122334400000007), "32 bits written");
	test_equal(r[2], 0x40000000, "PMCCFILTR");
	guest_write_sysreg("pmccfiltr_el0", 0);
	pmuserenr(0);
}

static void test_pmu_denied(void)
{
	if (!has_pmu())
		return;
	pmuserenr(0);
	denied_32(EC_CP15, PMCR(MRC, 1), "PMCR");
	denied_32(EC_CP15, PMSWINC(2), "PMSWINC");
	denied_32(EC_CP15, PMEVTYPER1(MCR, 3), "PMEVTYPER1");
	denied_32(EC_CP15, PMCCNTR(MRC, 1), "PMCCNTR");
	pmuserenr(1);
	test_equal(taken_a32(PMINTENSET(MRC, 1)), UNDEFINED, "PMINTENSET is EL1's");
	test_equal(taken_a32(PMUSERENR(MCR, 1)), UNDEFINED, "PMUSERENR cannot be written");
	pmuserenr(0);
}

/* ---- debug ---- */

static void test_debug(void)
{
	uint64_t dfr0 = guest_read_sysreg("id_aa64dfr0_el1");

	test_check(RUN_A32(DBGDIDR(1), DBGDRAR(2), DBGDSAR(3), DBGDRAR_64(4, 5), DBGDSAR_64(6, 7)),
		   "A32 runs");
	test_equal(r[1] >> 28 & 15, dfr0 >> 20 & 15, "DBGDIDR: watchpoints");
	test_equal(r[1] >> 24 & 15, dfr0 >> 12 & 15, "DBGDIDR: breakpoints");
	test_equal(r[1] >> 20 & 15, dfr0 >> 28 & 15, "DBGDIDR: of them context-aware");
	test_check(!(r[2] | r[3] | r[4] | r[5] | r[6] | r[7]), "no ROM table");
	test_check(RUN_T32(T32(DBGDIDR(2)), T32(DBGDRAR_64(3, 4))) && r[2] == r[1], "T32");
	test_equal(taken_a32(MRC(14, 0, 1, 0, 7, 0)), UNDEFINED, "DBGVCR is EL1's");
}

static void test_channel(void)
{
	test_equal(taken_a32(A32_STC_DTR), UNDEFINED, "STC");
	test_equal(taken_t32(A32_LDC_DTR), UNDEFINED, "LDC");
	if (taken_a32(DBGDSCRINT(1)) == UNDEFINED) {
		test_skip("QEMU 7.2 has no other way to it");
		return;
	}
	r[1] = r[2] = 99;
	test_check(RUN_A32(DBGDSCRINT(1), DBGDTR(MCR, 0), DBGDTR(MRC, 2)), "A32 runs");
	test_check(r[1] == 0 && r[2] == 0, "nothing comes");
	test_check(RUN_T32(T32_CMP_SAME, T32(DBGDSCRINT(15))), "to the flags");
	test_equal(user.spsr & SPSR_NZCV, 0, "and they are clear");
}

/* QEMU 7.2 does not have MDSCR_EL1.TDCC. */
static void test_debug_denied(void)
{
	static const uint32_t a64[] = { A64_MRS_MDCCSR, A64_SVC };

	test_check(run(a64, sizeof(a64), SPSR_EL0T) && r[1] == 0, "MDCCSR_EL0");
	guest_write_sysreg("mdscr_el1", MDSCR_TDCC);
	guest_isb();
	denied_32(EC_CP14, DBGDIDR(3), "DBGDIDR");
	denied_32(EC_CP14, DBGDRAR(14), "DBGDRAR");
	test_check(!run(a64, sizeof(a64), SPSR_EL0T) && offset == 0, "MDCCSR_EL0 is not executed");
	test_equal(ESR_EC(esr), EC_SYSREG, "but traps to EL1");
	test_check(RUN_A32(A32_CMP_SAME, NE(DBGDIDR(1))), "a condition that fails");
	guest_write_sysreg("mdscr_el1", 0);
	guest_isb();
}

/* ---- calls, and what there is not ---- */

static void test_calls(void)
{
	RUN_A32(A32_SVC | 0x77);
	test_check(ESR_EC(esr) == EC_SVC32 && (esr & 0xffff) == 0x77 && offset == 4, "SVC");
	test_equal(taken_a32(A32_HVC), UNDEFINED, "HVC is undefined");
	test_equal(taken_a32(A32_SMC), UNDEFINED, "SMC is undefined");
	test_equal(taken_a32(A32_UDF), UNDEFINED, "UDF is undefined");
	test_check(RUN_A32(A32_CMP_SAME, NE(A32_SVC)), "SVC with a condition that fails");
}

static void test_undefined(void)
{
	test_equal(taken_a32(MRC(15, 0, 1, 0, 0, 0)), UNDEFINED, "MIDR");
	test_equal(taken_a32(MRC(15, 0, 1, 14, 1, 0)), UNDEFINED, "CNTKCTL");
	test_equal(taken_a32(MRC(15, 0, 1, 15, 0, 0)), UNDEFINED, "an implementation's");
	test_equal(taken_t32(MRC(14, 1, 1, 0, 1, 0)), UNDEFINED, "of a trace unit");
	test_equal(taken_t32(MRRC(15, 7, 1, 2, 3)), UNDEFINED, "MRRC of nothing");
	test_equal(taken_a32(MCRR(14, 3, 1, 2, 9)), UNDEFINED, "MCRR of nothing");
}

/* ---- WFI ---- */

static uint32_t stop;

static void spin(void *arg __unused)
{
	while (!READ_ONCE(stop))
		;
}

/* Something to wait for, which wakes although it is masked. */
static void wake_soon(void)
{
	guest_write_sysreg("cntv_ctl_el0", 0);
	test_gic_set(GIC_ICPENDR, VTIMER_INTID);
	guest_write_sysreg("cntv_cval_el0", guest_counter() + test_us(100));
	guest_write_sysreg("cntv_ctl_el0", 1);
	guest_isb();
}

static void sctlr(uint64_t set, uint64_t clear)
{
	guest_write_sysreg("sctlr_el1", (guest_read_sysreg("sctlr_el1") | set) & ~clear);
	guest_isb();
}

static void test_waits(void)
{
	uint64_t a32, t32;

	test_irq_init();
	test_gic_set(GIC_IGROUPR, VTIMER_INTID);
	test_gic_priority(VTIMER_INTID, GIC_PRIORITY_DEFAULT);
	test_gic_set(GIC_ISENABLER, VTIMER_INTID);
	sctlr(SCTLR_NTWI | SCTLR_NTWE, 0);
	/* Then the others' CPU time is wanted, and WFI is not for the CPU alone to execute. */
	for (unsigned int i = 1; i < guest_nr_vcpus(); i++)
		test_start_vcpu(i, spin, NULL);
	wake_soon();
	test_check(RUN_A32(A32_WFI, A32_MOV(1, 1)) && r[1] == 1, "A32");
	wake_soon();
	test_check(RUN_T32(T32_WFI, T32_MOV(1, 2)) && r[1] == 2, "T32");
	wake_soon();
	test_check(RUN_A32(A32_CMP_SAME, NE(A32_WFI), EQ(A32_WFI), NE(A32_MOV(2, 8)), EQ(A32_MOV(1, 3))) &&
		   r[1] == 3 && r[2] != 8, "A32 with conditions");
	wake_soon();
	/* The last of its block: QEMU 7.2 has the state of what comes behind in SPSR when a WFI traps. */
	test_check(RUN_T32(T32_CMP_SAME, T32_IT_EQ, T32_WFI, T32_ITE_NE, T32_WFI, T32_MOV(1, 4)) && r[1] == 4,
		   "in an IT block");
	test_check(RUN_A32(A32_WFE, A32_WFE), "WFE");
	WRITE_ONCE(stop, 1);
	for (unsigned int i = 1; i < guest_nr_vcpus(); i++)
		test_join(i);
	sctlr(0, SCTLR_NTWI);
	wake_soon();
	a32 = taken_a32(A32_WFI);
	wake_soon();
	RUN_T32(T32_WFI);
	t32 = esr;
	test_equal(a32, (uint64_t)EC_WFX << 26 | ESR_IL | ESR_ALWAYS, "denied: A32");
	test_equal(t32, (uint64_t)EC_WFX << 26 | ESR_ALWAYS, "denied: T32, a 16-bit instruction");
	test_check(RUN_A32(A32_CMP_SAME, NE(A32_WFI)), "denied, but not executed");
	sctlr(SCTLR_NTWI, 0);
	guest_write_sysreg("cntv_ctl_el0", 0);
}

static const struct test tests[] = {
	{ "fp", test_fp },
	{ "physical timer", test_ptimer },
	{ "physical timer denied", test_ptimer_denied },
	{ "condition", test_conditions },
	{ "pmu identification", test_pmu_identification },
	{ "pmu counters", test_pmu_counters },
	{ "pmu cycles", test_pmu_cycles },
	{ "pmu denied", test_pmu_denied },
	{ "debug", test_debug },
	{ "debug channel", test_channel },
	{ "debug denied", test_debug_denied, .schism = true },
	{ "calls", test_calls },
	{ "undefined", test_undefined },
	{ "wfi", test_waits },
};

static void test_none(void)
{
	test_skip("there is none at EL0");
}

static const struct test none[] = {
	{ "everything", test_none },
};

static void map_user(void)
{
	uint64_t *root = (uint64_t *)(guest_read_sysreg("ttbr0_el1") & GENMASK(47, 12));

	user_level3[0] = (uint64_t)user_code | PTE_USER_CODE;
	user_level2[0] = (uint64_t)user_level3 | PTE_TABLE;
	root[USER_VA >> 30] = (uint64_t)user_level2 | PTE_TABLE;
	guest_dsb();
	guest_isb();
}

void guest_main(uint64_t dtb __unused)
{
	if ((guest_read_sysreg("id_aa64pfr0_el1") & 0xf) != 2)
		test_main("aarch32", none, ARRAY_SIZE(none));
	map_user();
	test_main("aarch32", tests, ARRAY_SIZE(tests));
}
