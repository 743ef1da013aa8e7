// SPDX-License-Identifier: MIT
/*
 * Trapped system registers (Arm ARM D19). One row each, sorted by encoding; a row reads and writes, or
 * says what a guest sees of an identification register: the hardware's value, less the fields that
 * Schism does not virtualize, with some fields set. What has no row is the PMU's, whose registers are rows
 * of their own (pmu.c), or UNDEFINED.
 *
 * What is offered, and what is hidden and why, is listed in docs/design/system-registers.md.
 */
#include "arch/arm64/sysreg.h"

#include "arch/arm64/debug.h"
#include "arch/arm64/pmu.h"
#include "arch/arm64/traps.h"
#include "arch/stage2.h"
#include "kernel/log.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "kernel/vm/vmtime.h"

/* op0, op1, CRn, CRm, op2 in one number that sorts as the architecture lists them. */
#define ENC(op0, op1, crn, crm, op2) \
	((uint32_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

#define ISS_READ	BIT(0)
#define ISS_RT		GENMASK(9, 5)

struct sysreg_row {
	uint32_t enc;
	uint32_t arg;			/* for a handler that serves several rows */
	uint64_t (*read)(struct vcpu *vcpu, const struct sysreg_row *row);
	void (*write)(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val);
	bool dcc;			/* RAZ/WI, for EL0 if MDSCR_EL1.TDCC lets it */
	/* identification registers */
	uint64_t (*host)(void);
	uint64_t hidden;		/* fields that read as zero */
	uint64_t set;			/* and bits that read as one instead */
};

#define FIELD4(lsb)	GENMASK((lsb) + 3, lsb)

/* ID_AA64PFR0_EL1: no EL2, EL3, RAS, SVE, SEL2, MPAM, AMU, RME; a GIC; CSV2 is put in. */
#define PFR0_HIDDEN	(FIELD4(8) | FIELD4(12) | FIELD4(24) | FIELD4(28) | FIELD4(32) | FIELD4(36) | \
			 FIELD4(40) | FIELD4(44) | FIELD4(52) | PFR0_CSV2)
#define PFR0_CSV2	FIELD4(56)
/* ID_AA64PFR1_EL1: BT and SSBS; of the others, most have registers that would have to be switched. */
#define PFR1_KEPT	(FIELD4(0) | FIELD4(4))
/* ID_AA64DFR0_EL1: breakpoints and watchpoints of Armv8.0; PMUVer is put in; no trace, SPE, BRBE. */
#define DFR0_KEPT	(FIELD4(12) | FIELD4(20) | FIELD4(28))
/* DebugVer of Armv8.0; DoubleLock is a field that says "not there" by all ones: OSDLR_EL1 is RAZ/WI. */
#define DFR0_SET	(FIELD_PREP(FIELD4(0), 6) | FIELD4(36))
/* ID_AA64ISAR1_EL1: no LS64, XS. */
#define ISAR1_HIDDEN	(FIELD4(56) | FIELD4(60))
/* ID_AA64ISAR2_EL1: no WFxT: a trapped one has no timeout; no MOPS: needs HCRX_EL2; nor 128 bits. */
#define ISAR2_HIDDEN	(FIELD4(0) | FIELD4(16) | FIELD4(32) | FIELD4(36))
/* ID_AA64MMFR0_EL1: PARange is put in; no ExS, FGT, ECV. */
#define MMFR0_HIDDEN	(FIELD4(0) | FIELD4(44) | FIELD4(56) | FIELD4(60))
/* ID_AA64MMFR1_EL1: no VMIDBits, VH, LO, TWED, HCX. */
#define MMFR1_HIDDEN	(FIELD4(4) | FIELD4(8) | FIELD4(16) | FIELD4(32) | FIELD4(40))
/* ID_AA64MMFR2_EL1: no NV, FWB, EVT. */
#define MMFR2_HIDDEN	(FIELD4(24) | FIELD4(40) | FIELD4(56))
/* ID_DFR0_EL1 (AArch32): debug only, no trace; PerfMon is put in. */
#define DFR0_32_KEPT	(FIELD4(0) | FIELD4(4))

#define ID_HOST(name)	static uint64_t host_##name(void) { return sysreg_read(name); }
ID_HOST(id_pfr0_el1)
ID_HOST(id_pfr1_el1)
ID_HOST(id_dfr0_el1)
ID_HOST(id_mmfr0_el1)
ID_HOST(id_mmfr1_el1)
ID_HOST(id_mmfr2_el1)
ID_HOST(id_mmfr3_el1)
ID_HOST(id_isar0_el1)
ID_HOST(id_isar1_el1)
ID_HOST(id_isar2_el1)
ID_HOST(id_isar3_el1)
ID_HOST(id_isar4_el1)
ID_HOST(id_isar5_el1)
ID_HOST(id_mmfr4_el1)
ID_HOST(mvfr0_el1)
ID_HOST(mvfr1_el1)
ID_HOST(mvfr2_el1)
ID_HOST(id_aa64pfr0_el1)
ID_HOST(id_aa64pfr1_el1)
ID_HOST(id_aa64dfr0_el1)
ID_HOST(id_aa64isar0_el1)
ID_HOST(id_aa64isar1_el1)
ID_HOST(id_aa64mmfr0_el1)
ID_HOST(id_aa64mmfr1_el1)

static uint64_t host_id_aa64isar2_el1(void) { return sysreg_read(ID_AA64ISAR2_EL1); }
static uint64_t host_id_aa64mmfr2_el1(void) { return sysreg_read(S3_0_C0_C7_2); }

static uint64_t id_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return (row->host() & ~row->hidden) | row->set;
}

/* CSV2 of 2 has SCXTNUM; but that branches are not predicted by other contexts' is true from 1 on. */
static uint64_t pfr0_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return id_read(vcpu, row) | ((row->host() & PFR0_CSV2) ? FIELD_PREP(PFR0_CSV2, 1) : 0);
}

/* Guests copy PARange to TCR_EL1.IPS: not more than stage 2 translates. */
uint64_t guest_parange(void)
{
	static const uint8_t ranges[] = { 32, 36, 40, 42, 44, 48 };
	uint64_t parange = 0;

	while (parange + 1 < ARRAY_SIZE(ranges) && ranges[parange + 1] <= arch_ipa_bits())
		parange++;
	return parange;
}

static uint64_t mmfr0_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return id_read(vcpu, row) | guest_parange();
}

static uint64_t dfr0_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return id_read(vcpu, row) | FIELD_PREP(FIELD4(8), pmu_version());
}

static uint64_t dfr0_32_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return id_read(vcpu, row) | FIELD_PREP(FIELD4(24), pmu_version_aarch32());
}

static uint64_t raz(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return 0;
}

static void wi(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val)
{
}

/*
 * Trapped in VMs that were paused, whose counter is behind the machine's; and in QEMU (7.2 at least), which
 * takes EL1PCEN, of the timer, for EL1PCTEN where EL0 reads it.
 */
static uint64_t cntpct_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return vmtime_now(vcpu->vm);
}

static uint64_t ptimer_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return arch_ptimer_read(vcpu, (enum arch_ptimer_reg)row->arg);
}

static void ptimer_write(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val)
{
	arch_ptimer_write(vcpu, (enum arch_ptimer_reg)row->arg, val);
}

static void sgi_write(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val)
{
	vcpu_vgic_out(vcpu);
	vgic_send_sgi(vcpu, val, row->arg != 0);
}

/* Trapped in VMs of several vCPUs, and while active interrupts are out of list registers. */
static void dir_write(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val)
{
	unsigned int intid = (unsigned int)(val & GENMASK(23, 0));
	/* An SPI may be in another vCPU's list register, a private interrupt is in none but this one's. */
	bool shared = intid >= VGIC_NR_PRIVATE;

	vcpu_vgic_out(vcpu);
	if (shared)
		vgic_freeze(vcpu);
	vgic_deactivate(vcpu, intid);
	if (shared)
		vgic_thaw(vcpu);
}

/* The system-register interface is on, without bypass, for good. */
static uint64_t sre_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return 7;
}

static uint64_t debug_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return arch_debug_read(vcpu, (enum arch_debug_reg)(row->arg >> 8), row->arg & 0xff);
}

static void debug_write(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val)
{
	arch_debug_write(vcpu, (enum arch_debug_reg)(row->arg >> 8), row->arg & 0xff, val);
}

#define ID(op0, op1, crn, crm, op2, reg, hide, ones) \
	{ .enc = ENC(op0, op1, crn, crm, op2), .read = id_read, .host = host_##reg, \
	  .hidden = (hide), .set = (ones) }
#define RAZ(op0, op1, crn, crm, op2) \
	{ .enc = ENC(op0, op1, crn, crm, op2), .read = raz }
#define RAZ_WI(op0, op1, crn, crm, op2) \
	{ .enc = ENC(op0, op1, crn, crm, op2), .read = raz, .write = wi }
#define DCC(op0, op1, crn, crm, op2) \
	{ .enc = ENC(op0, op1, crn, crm, op2), .dcc = true }
#define DEBUG(op0, op1, crn, crm, op2, reg, n) \
	{ .enc = ENC(op0, op1, crn, crm, op2), .arg = (uint32_t)(reg) << 8 | (n), .read = debug_read, \
	  .write = debug_write }
#define DEBUG_N(n) \
	DEBUG(2, 0, 0, n, 4, DEBUG_BVR, n), DEBUG(2, 0, 0, n, 5, DEBUG_BCR, n), \
	DEBUG(2, 0, 0, n, 6, DEBUG_WVR, n), DEBUG(2, 0, 0, n, 7, DEBUG_WCR, n)

static const struct sysreg_row rows[] = {
	RAZ_WI(2, 0, 0, 0, 2),				/* OSDTRRX_EL1 */
	DEBUG_N(0),
	DEBUG_N(1),
	RAZ_WI(2, 0, 0, 2, 0),				/* MDCCINT_EL1 */
	DEBUG(2, 0, 0, 2, 2, DEBUG_MDSCR, 0),
	DEBUG_N(2),
	RAZ_WI(2, 0, 0, 3, 2),				/* OSDTRTX_EL1 */
	DEBUG_N(3),
	DEBUG_N(4),
	DEBUG_N(5),
	RAZ_WI(2, 0, 0, 6, 2),				/* OSECCR_EL1 */
	DEBUG_N(6),
	DEBUG_N(7),
	DEBUG_N(8),
	DEBUG_N(9),
	DEBUG_N(10),
	DEBUG_N(11),
	DEBUG_N(12),
	DEBUG_N(13),
	DEBUG_N(14),
	DEBUG_N(15),
	RAZ(2, 0, 1, 0, 0),				/* MDRAR_EL1 */
	DEBUG(2, 0, 1, 0, 4, DEBUG_OSLAR, 0),
	DEBUG(2, 0, 1, 1, 4, DEBUG_OSLSR, 0),
	RAZ_WI(2, 0, 1, 3, 4),				/* OSDLR_EL1 */
	RAZ_WI(2, 0, 1, 4, 4),				/* DBGPRCR_EL1 */
	RAZ_WI(2, 0, 7, 8, 6),				/* DBGCLAIMSET_EL1 */
	RAZ_WI(2, 0, 7, 9, 6),				/* DBGCLAIMCLR_EL1 */
	RAZ(2, 0, 7, 14, 6),				/* DBGAUTHSTATUS_EL1 */
	DCC(2, 3, 0, 1, 0),				/* MDCCSR_EL0 */
	DCC(2, 3, 0, 4, 0),				/* DBGDTR_EL0 */
	DCC(2, 3, 0, 5, 0),				/* DBGDTRRX_EL0, DBGDTRTX_EL0 */
	ID(3, 0, 0, 1, 0, id_pfr0_el1, FIELD4(28) | FIELD4(20), 0),	/* no RAS, AMU */
	ID(3, 0, 0, 1, 1, id_pfr1_el1, FIELD4(12) | FIELD4(4), 0),	/* no virtualization, security */
	{ .enc = ENC(3, 0, 0, 1, 2), .read = dfr0_32_read, .host = host_id_dfr0_el1,
	  .hidden = ~DFR0_32_KEPT },
	RAZ(3, 0, 0, 1, 3),				/* ID_AFR0_EL1 */
	ID(3, 0, 0, 1, 4, id_mmfr0_el1, 0, 0),
	ID(3, 0, 0, 1, 5, id_mmfr1_el1, 0, 0),
	ID(3, 0, 0, 1, 6, id_mmfr2_el1, 0, 0),
	ID(3, 0, 0, 1, 7, id_mmfr3_el1, 0, 0),
	ID(3, 0, 0, 2, 0, id_isar0_el1, 0, 0),
	ID(3, 0, 0, 2, 1, id_isar1_el1, 0, 0),
	ID(3, 0, 0, 2, 2, id_isar2_el1, 0, 0),
	ID(3, 0, 0, 2, 3, id_isar3_el1, 0, 0),
	ID(3, 0, 0, 2, 4, id_isar4_el1, 0, 0),
	ID(3, 0, 0, 2, 5, id_isar5_el1, 0, 0),
	ID(3, 0, 0, 2, 6, id_mmfr4_el1, 0, 0),
	RAZ(3, 0, 0, 2, 7),				/* ID_ISAR6_EL1 */
	ID(3, 0, 0, 3, 0, mvfr0_el1, 0, 0),
	ID(3, 0, 0, 3, 1, mvfr1_el1, 0, 0),
	ID(3, 0, 0, 3, 2, mvfr2_el1, 0, 0),
	RAZ(3, 0, 0, 3, 3),
	RAZ(3, 0, 0, 3, 4),				/* ID_PFR2_EL1 */
	RAZ(3, 0, 0, 3, 5),				/* ID_DFR1_EL1 */
	RAZ(3, 0, 0, 3, 6),				/* ID_MMFR5_EL1 */
	RAZ(3, 0, 0, 3, 7),
	{ .enc = ENC(3, 0, 0, 4, 0), .read = pfr0_read, .host = host_id_aa64pfr0_el1, .hidden = PFR0_HIDDEN,
	  .set = FIELD_PREP(FIELD4(24), 1) },
	ID(3, 0, 0, 4, 1, id_aa64pfr1_el1, ~PFR1_KEPT, 0),
	RAZ(3, 0, 0, 4, 2),
	RAZ(3, 0, 0, 4, 3),
	RAZ(3, 0, 0, 4, 4),				/* ID_AA64ZFR0_EL1 */
	RAZ(3, 0, 0, 4, 5),				/* ID_AA64SMFR0_EL1 */
	RAZ(3, 0, 0, 4, 6),
	RAZ(3, 0, 0, 4, 7),
	{ .enc = ENC(3, 0, 0, 5, 0), .read = dfr0_read, .host = host_id_aa64dfr0_el1, .hidden = ~DFR0_KEPT,
	  .set = DFR0_SET },
	RAZ(3, 0, 0, 5, 1),				/* ID_AA64DFR1_EL1 */
	RAZ(3, 0, 0, 5, 2),
	RAZ(3, 0, 0, 5, 3),
	RAZ(3, 0, 0, 5, 4),				/* ID_AA64AFR0_EL1 */
	RAZ(3, 0, 0, 5, 5),				/* ID_AA64AFR1_EL1 */
	RAZ(3, 0, 0, 5, 6),
	RAZ(3, 0, 0, 5, 7),
	ID(3, 0, 0, 6, 0, id_aa64isar0_el1, 0, 0),
	ID(3, 0, 0, 6, 1, id_aa64isar1_el1, ISAR1_HIDDEN, 0),
	ID(3, 0, 0, 6, 2, id_aa64isar2_el1, ISAR2_HIDDEN, 0),
	RAZ(3, 0, 0, 6, 3),
	RAZ(3, 0, 0, 6, 4),
	RAZ(3, 0, 0, 6, 5),
	RAZ(3, 0, 0, 6, 6),
	RAZ(3, 0, 0, 6, 7),
	{ .enc = ENC(3, 0, 0, 7, 0), .read = mmfr0_read, .host = host_id_aa64mmfr0_el1,
	  .hidden = MMFR0_HIDDEN },
	ID(3, 0, 0, 7, 1, id_aa64mmfr1_el1, MMFR1_HIDDEN, 0),
	ID(3, 0, 0, 7, 2, id_aa64mmfr2_el1, MMFR2_HIDDEN, 0),
	RAZ(3, 0, 0, 7, 3),
	RAZ(3, 0, 0, 7, 4),
	RAZ(3, 0, 0, 7, 5),
	RAZ(3, 0, 0, 7, 6),
	RAZ(3, 0, 0, 7, 7),
	RAZ_WI(3, 0, 1, 0, 1),				/* ACTLR_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 1), .write = dir_write },		/* ICC_DIR_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 5), .write = sgi_write, .arg = 1 },	/* ICC_SGI1R_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 6), .write = sgi_write },		/* ICC_ASGI1R_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 7), .write = sgi_write },		/* ICC_SGI0R_EL1 */
	{ .enc = ENC(3, 0, 12, 12, 5), .read = sre_read, .write = wi },	/* ICC_SRE_EL1 */
	{ .enc = ENC(3, 3, 14, 0, 1), .read = cntpct_read },		/* CNTPCT_EL0 */
	{ .enc = ENC(3, 3, 14, 2, 0), .read = ptimer_read, .write = ptimer_write, .arg = PTIMER_TVAL },
	{ .enc = ENC(3, 3, 14, 2, 1), .read = ptimer_read, .write = ptimer_write, .arg = PTIMER_CTL },
	{ .enc = ENC(3, 3, 14, 2, 2), .read = ptimer_read, .write = ptimer_write, .arg = PTIMER_CVAL },
};

static uint32_t iss_enc(uint32_t iss)
{
	return ENC((iss >> 20) & 3, (iss >> 14) & 7, (iss >> 10) & 0xf, (iss >> 1) & 0xf, (iss >> 17) & 7);
}

static const struct sysreg_row *find(uint32_t enc)
{
	unsigned int low = 0, high = ARRAY_SIZE(rows);

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (rows[mid].enc == enc)
			return &rows[mid];
		if (rows[mid].enc < enc)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The channel to a debugger outside, from where nothing ever comes. */
static enum trap_outcome dcc_access(struct vcpu *vcpu, const struct trap *trap)
{
	if ((vcpu->arch.frame.spsr & PSR_MODE_MASK) == PSR_MODE_EL0T && arch_debug_denies_dcc(vcpu))
		return TRAP_GUEST;
	if (trap->iss & ISS_READ)
		vcpu_set_reg(vcpu, (unsigned int)FIELD_GET(ISS_RT, trap->iss), 0);
	return TRAP_SKIP;
}

static enum trap_outcome unhandled(struct vcpu *vcpu, const struct trap *trap)
{
	log_debug("%s: %s of S%u_%u_C%u_C%u_%u at pc 0x%lx: UNDEF", vcpu->vm->name,
		  (trap->iss & ISS_READ) ? "read" : "write", (trap->iss >> 20) & 3, (trap->iss >> 14) & 7,
		  (trap->iss >> 10) & 0xf, (trap->iss >> 1) & 0xf, (trap->iss >> 17) & 7,
		  vcpu->arch.frame.elr);
	return TRAP_UNDEF;
}

bool guest_sysreg_read(struct vcpu *vcpu, uint32_t iss, uint64_t *val)
{
	const struct sysreg_row *row = find(iss_enc(iss));

	if (!row)
		return pmu_read(vcpu, iss, val);
	if (row->read)
		*val = row->read(vcpu, row);
	return row->read;
}

bool guest_sysreg_write(struct vcpu *vcpu, uint32_t iss, uint64_t val)
{
	const struct sysreg_row *row = find(iss_enc(iss));

	if (!row)
		return pmu_write(vcpu, iss, val);
	if (row->write)
		row->write(vcpu, row, val);
	return row->write;
}

/* Without a row that has the direction. Out of line, so that the others pay nothing. */
static __noinline enum trap_outcome access_other(struct vcpu *vcpu, const struct trap *trap,
						 const struct sysreg_row *row)
{
	unsigned int rt = (unsigned int)FIELD_GET(ISS_RT, trap->iss);
	uint64_t val;

	if (row)
		return row->dcc ? dcc_access(vcpu, trap) : unhandled(vcpu, trap);
	if (!(trap->iss & ISS_READ))
		return pmu_write(vcpu, trap->iss, vcpu_reg(vcpu, rt)) ? TRAP_SKIP : unhandled(vcpu, trap);
	if (!pmu_read(vcpu, trap->iss, &val))
		return unhandled(vcpu, trap);
	vcpu_set_reg(vcpu, rt, val);
	return TRAP_SKIP;
}

enum trap_outcome trap_sysreg(struct vcpu *vcpu, const struct trap *trap)
{
	const struct sysreg_row *row = find(iss_enc(trap->iss));
	unsigned int rt = (unsigned int)FIELD_GET(ISS_RT, trap->iss);

	vcpu->exits[EXIT_SYSREG]++;
	if (trap->iss & ISS_READ) {
		if (!row || !row->read)
			return access_other(vcpu, trap, row);
		vcpu_set_reg(vcpu, rt, row->read(vcpu, row));
	} else {
		if (!row || !row->write)
			return access_other(vcpu, trap, row);
		row->write(vcpu, row, vcpu_reg(vcpu, rt));
	}
	return TRAP_SKIP;
}
