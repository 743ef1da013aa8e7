// SPDX-License-Identifier: MIT
/*
 * Trapped system registers (Arm ARM D19). One row each, sorted by encoding. What has no row is an
 * identification register (idreg.c), the PMU's, whose registers are rows of their own (pmu.c), or UNDEFINED.
 *
 * What is offered, and what is hidden and why, is listed in docs/design/system-registers.md.
 */
#include "arch/arm64/sysreg.h"

#include "arch/arm64/trap/idreg.h"
#include "arch/arm64/trap/traps.h"
#include "arch/arm64/vcpu/debug.h"
#include "arch/arm64/vcpu/pmu.h"
#include "arch/arm64/vcpu/ptimer.h"
#include "arch/nospec.h"
#include "arch/stage2.h"
#include "kernel/base/log.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "kernel/vm/vmtime.h"

/* op0, op1, CRn, CRm, op2 in one number that sorts as the architecture lists them. */
#define ENC(op0, op1, crn, crm, op2) \
	((uint32_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

/* The identification registers are one range. */
#define ENC_FIRST_ID	ENC(3, 0, 0, 1, 0)

#define ISS_READ	BIT(0)
#define ISS_RT		GENMASK(9, 5)

struct sysreg_row {
	uint32_t enc;
	uint32_t arg;			/* for a handler that serves several rows */
	uint64_t (*read)(struct vcpu *vcpu, const struct sysreg_row *row);
	void (*write)(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val);
	bool dcc;			/* RAZ/WI, for EL0 if MDSCR_EL1.TDCC lets it */
};

/* As the CPU has them; HCR_EL2.TID1 traps them for the sake of SMIDR_EL1, which is not there. */
static uint64_t revidr_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return sysreg_read(revidr_el1);
}

static uint64_t aidr_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return sysreg_read(aidr_el1);
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

static uint64_t cntp_read(struct vcpu *vcpu, const struct sysreg_row *row)
{
	return ptimer_read(vcpu, (enum ptimer_reg)row->arg);
}

static void cntp_write(struct vcpu *vcpu, const struct sysreg_row *row, uint64_t val)
{
	ptimer_write(vcpu, (enum ptimer_reg)row->arg, val);
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
	{ .enc = ENC(3, 0, 0, 0, 6), .read = revidr_read },
	RAZ_WI(3, 0, 1, 0, 1),				/* ACTLR_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 1), .write = dir_write },		/* ICC_DIR_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 5), .write = sgi_write, .arg = 1 },	/* ICC_SGI1R_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 6), .write = sgi_write },		/* ICC_ASGI1R_EL1 */
	{ .enc = ENC(3, 0, 12, 11, 7), .write = sgi_write },		/* ICC_SGI0R_EL1 */
	{ .enc = ENC(3, 0, 12, 12, 5), .read = sre_read, .write = wi },	/* ICC_SRE_EL1 */
	{ .enc = ENC(3, 1, 0, 0, 7), .read = aidr_read },
	{ .enc = ENC(3, 3, 14, 0, 1), .read = cntpct_read },		/* CNTPCT_EL0 */
	{ .enc = ENC(3, 3, 14, 0, 5), .read = cntpct_read },		/* CNTPCTSS_EL0, though hidden */
	{ .enc = ENC(3, 3, 14, 2, 0), .read = cntp_read, .write = cntp_write, .arg = PTIMER_TVAL },
	{ .enc = ENC(3, 3, 14, 2, 1), .read = cntp_read, .write = cntp_write, .arg = PTIMER_CTL },
	{ .enc = ENC(3, 3, 14, 2, 2), .read = cntp_read, .write = cntp_write, .arg = PTIMER_CVAL },
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
	uint32_t enc = iss_enc(iss), id = enc - ENC_FIRST_ID;
	const struct sysreg_row *row = find(enc);

	if (id < NR_IDREGS) {
		*val = idreg_read(id);
		return true;
	}
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
	uint32_t enc = iss_enc(trap->iss), id = enc - ENC_FIRST_ID;
	unsigned int rt = (unsigned int)FIELD_GET(ISS_RT, trap->iss);
	const struct sysreg_row *row;

	vcpu->exits[EXIT_SYSREG]++;
	if (id < NR_IDREGS && (trap->iss & ISS_READ)) {
		vcpu_set_reg(vcpu, rt, idreg_read((unsigned int)index_nospec(id, NR_IDREGS)));
		return TRAP_SKIP;
	}
	row = find(enc);
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
