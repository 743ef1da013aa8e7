// SPDX-License-Identifier: MIT
/*
 * test_sysreg: system registers tell the truth (Arm ARM D19). A feature's registers can be used if and only
 * if the ID registers have the feature, whatever the machine; and what Schism does not virtualize is hidden.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"

#define ID_AA64PFR0	"s3_0_c0_c4_0"
#define ID_AA64PFR1	"s3_0_c0_c4_1"
#define ID_AA64DFR0	"s3_0_c0_c5_0"
#define ID_AA64ISAR0	"s3_0_c0_c6_0"
#define ID_AA64ISAR1	"s3_0_c0_c6_1"
#define ID_AA64MMFR0	"s3_0_c0_c7_0"
#define ID_AA64MMFR1	"s3_0_c0_c7_1"
#define ID_AA64MMFR2	"s3_0_c0_c7_2"
#define ID_AA64MMFR3	"s3_0_c0_c7_3"

#define CPACR_ZEN	(UINT64_C(3) << 16)
#define CPACR_FPEN	(UINT64_C(3) << 20)
#define CPACR_SMEN	(UINT64_C(3) << 24)
#define EC_SYSREG_TRAP	0x18
#define EC_SVE_TRAP	0x19
#define EC_SME_TRAP	0x1d

#define FIELD(reg, lsb)	(guest_read_sysreg(reg) >> (lsb) & 0xf)
#define READER(name, reg)	static void read_##name(void *arg __unused) { (void)guest_read_sysreg(reg); }
#define WRITER(name, reg)	static void write_##name(void *arg __unused) { guest_write_sysreg(reg, 0); }

/*
 * Whether fn() is UNDEFINED; any other exception is a failure of its own. But a CPU with SVE or SME traps to
 * EL1 by CPACR_EL1 before a hypervisor is asked that hides them, and FEAT_IDST has an EC for what is
 * UNDEFINED among identification registers.
 */
static bool is_undefined(void (*fn)(void *arg))
{
	struct guest_fault fault;

	if (!guest_try(fn, NULL, &fault))
		return false;
	if (ESR_EC(fault.esr) != ESR_EC_UNKNOWN && ESR_EC(fault.esr) != EC_SVE_TRAP &&
	    ESR_EC(fault.esr) != EC_SME_TRAP && ESR_EC(fault.esr) != EC_SYSREG_TRAP)
		test_check(false, "an exception, and not an UNDEFINED one");
	return true;
}

/* ---- features ---- */

READER(pmu, "pmcr_el0")
READER(sve, "s3_0_c1_c2_0")		/* ZCR_EL1 */
READER(sme, "s3_0_c1_c2_6")		/* SMCR_EL1 */
READER(mte, "s3_0_c1_c0_6")		/* GCR_EL1 */
READER(ras, "s3_0_c5_c3_0")		/* ERRIDR_EL1 */
READER(lor, "s3_0_c10_c4_0")		/* LORSA_EL1 */
READER(amu, "s3_3_c13_c2_0")		/* AMCR_EL0 */
READER(spe, "s3_0_c9_c9_0")		/* PMSCR_EL1 */
READER(trbe, "s3_0_c9_c11_0")		/* TRBLIMITR_EL1 */
READER(trf, "s3_0_c1_c2_1")		/* TRFCR_EL1 */
READER(etm, "s2_1_c0_c0_7")		/* TRCIDR8... of an ETM that system registers reach */
READER(mpam, "s3_0_c10_c5_0")		/* MPAM1_EL1 */
READER(ecv, "s3_3_c14_c0_6")		/* CNTVCTSS_EL0 */
READER(rndr, "s3_3_c2_c4_0")
READER(smidr, "s3_1_c0_c0_6")		/* SMIDR_EL1 */
READER(gmid, "s3_1_c0_c0_4")		/* GMID_EL1 */
WRITER(allint, "s3_0_c4_c3_0")
READER(tcr2, "s3_0_c2_c0_3")		/* TCR2_EL1 */
READER(scxtnum, "s3_0_c13_c0_7")
READER(pan, "s3_0_c4_c2_3")
READER(uao, "s3_0_c4_c2_4")
READER(dit, "s3_3_c4_c2_5")
READER(ssbs, "s3_3_c4_c2_6")
READER(pauth, "s3_0_c2_c1_0")		/* APIAKeyLo_EL1 */

static bool has_pmu(void) { return FIELD(ID_AA64DFR0, 8) && FIELD(ID_AA64DFR0, 8) != 0xf; }
static bool has_sve(void) { return FIELD(ID_AA64PFR0, 32); }
static bool has_sme(void) { return FIELD(ID_AA64PFR1, 24); }
static bool has_mte(void) { return FIELD(ID_AA64PFR1, 8) >= 2; }
static bool has_ras(void) { return FIELD(ID_AA64PFR0, 28); }
static bool has_nmi(void) { return FIELD(ID_AA64PFR1, 36); }
static bool has_tcr2(void) { return FIELD(ID_AA64MMFR3, 0); }
static bool has_lor(void) { return FIELD(ID_AA64MMFR1, 16); }
static bool has_amu(void) { return FIELD(ID_AA64PFR0, 44); }
static bool has_spe(void) { return FIELD(ID_AA64DFR0, 32); }
static bool has_trbe(void) { return FIELD(ID_AA64DFR0, 44); }
static bool has_trf(void) { return FIELD(ID_AA64DFR0, 40); }
static bool has_etm(void) { return FIELD(ID_AA64DFR0, 4); }
static bool has_mpam(void) { return FIELD(ID_AA64PFR0, 40); }
static bool has_ecv(void) { return FIELD(ID_AA64MMFR0, 60); }
static bool has_rndr(void) { return FIELD(ID_AA64ISAR0, 60); }
static bool has_scxtnum(void) { return FIELD(ID_AA64PFR0, 56) >= 2; }
static bool has_pan(void) { return FIELD(ID_AA64MMFR1, 20); }
static bool has_uao(void) { return FIELD(ID_AA64MMFR2, 4); }
static bool has_dit(void) { return FIELD(ID_AA64PFR0, 48); }
static bool has_ssbs(void) { return FIELD(ID_AA64PFR1, 4) >= 2; }

static const struct feature {
	const char *name;
	bool (*has)(void);
	void (*use)(void *arg);
	bool hidden;			/* by Schism, whatever the CPU has */
	bool open;			/* nothing can trap it where it is hidden */
} features[] = {
	{ "AMU", has_amu, read_amu, true },
	{ "DIT", has_dit, read_dit },
	{ "ECV", has_ecv, read_ecv, true, .open = true },
	{ "ETM", has_etm, read_etm, true },
	{ "GMID", has_mte, read_gmid, true },
	{ "LORegions", has_lor, read_lor, true },
	{ "MPAM", has_mpam, read_mpam, true },
	{ "MTE2", has_mte, read_mte, true },
	{ "NMI", has_nmi, write_allint, true },
	{ "PAN", has_pan, read_pan },
	{ "PAuth", guest_has_pauth_address, read_pauth },
	{ "PMU", has_pmu, read_pmu },
	{ "RAS", has_ras, read_ras, true },
	{ "RNDR", has_rndr, read_rndr },
	{ "SCXTNUM", has_scxtnum, read_scxtnum, true },
	{ "SME", has_sme, read_sme, true },
	{ "SMIDR", has_sme, read_smidr, true },
	{ "SPE", has_spe, read_spe, true },
	{ "SSBS", has_ssbs, read_ssbs },
	{ "SVE", has_sve, read_sve, true },
	{ "TCR2", has_tcr2, read_tcr2, true },
	{ "TRBE", has_trbe, read_trbe, true },
	{ "TRF", has_trf, read_trf, true },
	{ "UAO", has_uao, read_uao },
};

/* The guest's own traps out of the way, where there are such. */
static void enable_all(void)
{
	guest_write_sysreg("cpacr_el1", CPACR_FPEN | (has_sve() ? CPACR_ZEN : 0) |
						(has_sme() ? CPACR_SMEN : 0));
	guest_isb();
}

static void test_features(void)
{
	enable_all();
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		test_check(features[i].has() != is_undefined(features[i].use) ||
			   (features[i].open && !features[i].has() && test_under_schism()), features[i].name);
	guest_write_sysreg("cpacr_el1", CPACR_FPEN);
	guest_isb();
}

static void test_hidden(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (features[i].hidden)
			test_check(!features[i].has(), features[i].name);
	}
}

static void use_sve(void *arg __unused)
{
	__asm__ volatile(".inst 0x04bf5020" : : : "x0");	/* rdvl x0, #1 */
}

/* Even if the guest enables it. */
static void test_hidden_instructions(void)
{
	guest_write_sysreg("cpacr_el1", CPACR_FPEN | CPACR_ZEN | CPACR_SMEN);
	guest_isb();
	test_check(is_undefined(use_sve), "SVE");
	test_check(is_undefined(read_sve), "ZCR_EL1");
	test_check(is_undefined(read_sme), "SMCR_EL1");
	guest_write_sysreg("cpacr_el1", CPACR_FPEN);
	guest_isb();
}

/* ---- identification ---- */

static void test_identification(void)
{
	static const uint8_t pa_max = 5;	/* 48 bits */

	test_check(guest_read_sysreg("midr_el1") != 0, "MIDR");
	test_check(guest_read_sysreg("mpidr_el1") >> 31 & 1, "MPIDR is of a multiprocessor");
	test_equal(MPIDR_AFFINITY(guest_read_sysreg("mpidr_el1")), 0, "MPIDR's affinity of the first vCPU");
	test_equal(FIELD(ID_AA64PFR0, 8), 0, "no EL2");
	test_equal(FIELD(ID_AA64PFR0, 12), 0, "no EL3");
	test_check(FIELD(ID_AA64PFR0, 4) >= 1, "EL1");
	test_check(FIELD(ID_AA64PFR0, 24) >= 1, "GIC by system registers");
	/* Armv8.5, which has BTI, does not permit a CSV2 of 0. */
	test_check(FIELD(ID_AA64PFR0, 56) || !FIELD(ID_AA64PFR1, 0), "CSV2, if there is BTI");
	test_check(FIELD(ID_AA64MMFR0, 0) <= pa_max + 1, "PARange");
	test_check(FIELD(ID_AA64MMFR0, 28) != 0xf, "4 KiB granule");
	test_check(FIELD(ID_AA64PFR0, 16) != 0xf, "FP");
	test_check(true, FIELD(ID_AA64PFR0, 56) ? "CSV2" : "no CSV2");
	(void)guest_read_sysreg("revidr_el1");
	(void)guest_read_sysreg("aidr_el1");
	(void)guest_read_sysreg("ctr_el0");
	(void)guest_read_sysreg("dczid_el0");
	(void)guest_read_sysreg("clidr_el1");
	guest_write_sysreg("csselr_el1", 0);
	guest_isb();
	(void)guest_read_sysreg("ccsidr_el1");
	test_check(true, "caches");
}

/* The whole space that is set aside for identification can be read (D19.1). */
#define READ_ROW(crm)										\
	do {											\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_0");					\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_1");					\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_2");					\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_3");					\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_4");					\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_5");					\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_6");					\
		(void)guest_read_sysreg("s3_0_c0_c" #crm "_7");					\
	} while (0)

static void read_id_space(void *arg __unused)
{
	READ_ROW(1);
	READ_ROW(2);
	READ_ROW(3);
	READ_ROW(4);
	READ_ROW(5);
	READ_ROW(6);
	READ_ROW(7);
}

static void test_id_space(void)
{
	test_check(!is_undefined(read_id_space), "can all be read");
}

static struct ids {
	uint64_t midr, pfr0, dfr0, isar0, isar1, mmfr0, mmfr1, mmfr2, frequency, affinity;
} ids[2];

static void read_ids(void *arg)
{
	struct ids *to = arg;

	*to = (struct ids){
		guest_read_sysreg("midr_el1"), guest_read_sysreg(ID_AA64PFR0), guest_read_sysreg(ID_AA64DFR0),
		guest_read_sysreg(ID_AA64ISAR0), guest_read_sysreg(ID_AA64ISAR1),
		guest_read_sysreg(ID_AA64MMFR0), guest_read_sysreg(ID_AA64MMFR1),
		guest_read_sysreg(ID_AA64MMFR2), test_second(),
		MPIDR_AFFINITY(guest_read_sysreg("mpidr_el1")),
	};
}

static void test_same_on_all(void)
{
	bool ok = true;

	read_ids(&ids[0]);
	for (unsigned int i = 1; i < guest_nr_vcpus(); i++) {
		ok &= test_on_vcpu(i, read_ids, &ids[1]) && ids[1].affinity == i;
		ids[1].affinity = 0;
		for (size_t w = 0; w < sizeof(ids[0]) / 8; w++)
			ok &= ((uint64_t *)&ids[0])[w] == ((uint64_t *)&ids[1])[w];
	}
	test_check(ok, "are the same");
}

/* ---- what must be UNDEFINED ---- */

READER(hcr_el2, "s3_4_c1_c1_0")
READER(vttbr_el2, "s3_4_c2_c1_0")
READER(cnthctl_el2, "s3_4_c14_c1_0")
READER(ich_hcr, "s3_4_c12_c11_0")
READER(scr_el3, "s3_6_c1_c1_0")
READER(cntps, "s3_7_c14_c2_1")
READER(unallocated_1, "s3_0_c5_c7_7")
READER(unallocated_2, "s3_3_c13_c0_6")
READER(unallocated_3, "s2_0_c0_c0_1")
READER(unallocated_4, "s3_3_c14_c7_7")
READER(unallocated_5, "s3_0_c10_c7_7")
WRITER(midr, "s3_0_c0_c0_0")
WRITER(pfr0, "s3_0_c0_c4_0")
WRITER(cntvct, "s3_3_c14_c0_2")
WRITER(rpr, "s3_0_c12_c11_3")
READER(sgi1r, "s3_0_c12_c11_5")
READER(eoir1, "s3_0_c12_c12_1")
WRITER(iar1, "s3_0_c12_c12_0")

static void test_undefined(void)
{
	static const struct {
		const char *name;
		void (*fn)(void *arg);
	} rows[] = {
		{ "HCR_EL2", read_hcr_el2 },
		{ "VTTBR_EL2", read_vttbr_el2 },
		{ "CNTHCTL_EL2", read_cnthctl_el2 },
		{ "ICH_HCR_EL2", read_ich_hcr },
		{ "SCR_EL3", read_scr_el3 },
		{ "CNTPS_CTL_EL1", read_cntps },
		{ "unallocated in op1 0, CRn 5", read_unallocated_1 },
		{ "unallocated in op1 3, CRn 13", read_unallocated_2 },
		{ "unallocated in op0 2", read_unallocated_3 },
		{ "unallocated in op1 3, CRn 14", read_unallocated_4 },
		{ "unallocated in op1 0, CRn 10", read_unallocated_5 },
		{ "write MIDR_EL1", write_midr },
		{ "write ID_AA64PFR0_EL1", write_pfr0 },
		{ "write CNTVCT_EL0", write_cntvct },
		{ "write ICC_RPR_EL1", write_rpr },
		{ "read ICC_SGI1R_EL1", read_sgi1r },
		{ "read ICC_EOIR1_EL1", read_eoir1 },
		{ "write ICC_IAR1_EL1", write_iar1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		test_check(is_undefined(rows[i].fn), rows[i].name);
}

/* ---- debug registers that Linux and others touch without asking ---- */

READER(mdscr, "mdscr_el1")
WRITER(mdscr, "mdscr_el1")
WRITER(oslar, "oslar_el1")
READER(oslsr, "oslsr_el1")
WRITER(osdlr, "osdlr_el1")
READER(mdrar, "mdrar_el1")
READER(mdccsr, "mdccsr_el0")
READER(mdccint, "mdccint_el1")
READER(bcr1, "dbgbcr1_el1")
READER(wvr1, "dbgwvr1_el1")
READER(osdlr, "osdlr_el1")

static void test_debug(void)
{
	static void (*const fns[])(void *) = {
		read_mdscr, write_mdscr, write_oslar, read_oslsr, write_osdlr, read_mdrar, read_mdccsr,
		read_mdccint, read_bcr1, read_wvr1, read_osdlr,
	};
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(fns); i++)
		ok &= !is_undefined(fns[i]);
	test_check(ok, "can be accessed");
}

/* ---- others ---- */

static void clean_set_way(void *arg __unused)
{
	for (uint64_t way = 0; way < 4; way++)
		for (uint64_t set = 0; set < 16; set++)
			__asm__ volatile("dc cisw, %0" : : "r"(way << 30 | set << 6) : "memory");
	guest_dsb();
}

static void test_set_way(void)
{
	static volatile uint64_t word = 5;

	test_check(!is_undefined(clean_set_way) && word == 5, "clean and invalidate");
}

static const struct test tests[] = {
	{ "id", test_identification },
	{ "id space", test_id_space },
	{ "id of all vcpus", test_same_on_all, .vcpus = 2 },
	{ "shown as it is", test_features },
	{ "hidden", test_hidden, .schism = true },
	{ "hidden though enabled", test_hidden_instructions, .schism = true },
	{ "undefined", test_undefined },
	{ "debug", test_debug },
	{ "set/way", test_set_way },
};

void guest_main(uint64_t dtb __unused)
{
	test_main("sysreg", tests, ARRAY_SIZE(tests));
}
