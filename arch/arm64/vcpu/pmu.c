// SPDX-License-Identifier: MIT
/*
 * Performance monitors of guests (Arm ARM D11, PMUv3 up to PMUv3p5).
 *
 * All accesses trap for good (MDCR_EL2.TPM); the counting is done by hardware. A vCPU's registers are in
 * memory, struct arch_pmu, and its PMU costs nothing, until it sets PMCR_EL0.E or opens PMUSERENR_EL0: then
 * it is used, and they are in the CPU whenever the vCPU is. What only trapped accesses change is current in
 * memory all the same; counters, overflow flags and PMSELR_EL0 have to be read back.
 *
 * A counter counts at EL1 and EL0 alone: the filters that could make it count at EL2 are not the guest's
 * to write. A vCPU that leaves its CPU takes its counters along, stopped.
 *
 * The overflow interrupt is a level: PMCR_EL0.E, and some counter both overflowed and enabled to say so.
 * It is computed whenever one of these changes. In hardware only counters that have not overflowed may
 * interrupt; so the physical line falls as soon as EL2 has seen it, and stays out of the guest's way.
 */
#include "arch/arm64/vcpu/pmu.h"

#include "arch/arm64/sysreg.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/log.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"
#include "lib/string.h"

#define PMCR_E		BIT(0)
#define PMCR_P		BIT(1)
#define PMCR_C		BIT(2)
#define PMCR_D		BIT(3)
#define PMCR_DP		BIT(5)
#define PMCR_LC		BIT(6)
#define PMCR_LP		BIT(7)
#define PMCR_N		GENMASK(15, 11)
#define PMCR_IDENT	GENMASK(31, 16)		/* IMP, IDCODE */
#define PMUSERENR_MASK	GENMASK(3, 0)
#define PMSELR_SEL	GENMASK(4, 0)
/* Of a filter, a guest has the levels that it has itself: EL1, EL0. No NSH: it would see EL2 work. */
#define FILTER_P	BIT(31)
#define FILTER_U	BIT(30)

#define PMUVER		GENMASK(11, 8)		/* ID_AA64DFR0_EL1 */
#define PERFMON		GENMASK(27, 24)		/* ID_DFR0_EL1 */
#define PMUVER_NONE	0
#define PMUVER_V3	1
#define PMUVER_V3P1	4
#define PMUVER_V3P4	5
#define PMUVER_V3P5	6
#define PMUVER_IMPDEF	15
#define PERFMON_V3	3

#define EVENT_SW_INCR	0x00
#define EVENT_CHAIN	0x1e
#define PMMIR_EL1	S3_0_C9_C14_6

/* ISS of a trapped MSR or MRS */
#define ISS_OP0		GENMASK(21, 20)
#define ISS_OP2		GENMASK(19, 17)
#define ISS_OP1		GENMASK(16, 14)
#define ISS_CRN		GENMASK(13, 10)
#define ISS_CRM		GENMASK(4, 1)

/* PMCCNTR_EL0 and PMCCFILTR_EL0 are number 31 everywhere. */
#define CYCLES		31

#define FOR_EACH_COUNTER(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) \
	X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30)

struct pmu_reg {
	uint64_t (*read)(const struct arch_pmu *p, unsigned int n);
	void (*write)(struct arch_pmu *p, unsigned int n, uint64_t val);
};

/* What all CPUs have. Written while they start, one after the other. */
static struct {
	bool known;
	unsigned int version;		/* PMUVER_* */
	unsigned int nr;		/* event counters */
} caps;

/* ---- what there is ---- */

static unsigned int version_of_cpu(void)
{
	unsigned int version = (unsigned int)FIELD_GET(PMUVER, sysreg_read(id_aa64dfr0_el1));

	return version == PMUVER_IMPDEF ? PMUVER_NONE : MIN(version, PMUVER_V3P5);
}

void pmu_init_cpu(void)
{
	unsigned int version = version_of_cpu(), nr = 0;

	if (version != PMUVER_NONE) {
		nr = (unsigned int)FIELD_GET(PMCR_N, sysreg_read(pmcr_el0));
		sysreg_write(pmcr_el0, PMCR_LC);
		sysreg_write(pmcntenclr_el0, UINT32_MAX);
		sysreg_write(pmintenclr_el1, UINT32_MAX);
		sysreg_write(pmovsclr_el0, UINT32_MAX);
		sysreg_write(pmuserenr_el0, 0);
		isb();
	}
	caps.version = caps.known ? MIN(caps.version, version) : version;
	caps.nr = caps.known ? MIN(caps.nr, nr) : nr;
	caps.known = true;
}

bool arch_pmu_offered(void)
{
	return caps.version != PMUVER_NONE && machine.pmu_intid;
}

uint64_t pmu_version(void)
{
	return arch_pmu_offered() ? caps.version : PMUVER_NONE;
}

uint64_t pmu_version_aarch32(void)
{
	/* Absent on a CPU without AArch32, whose register is 0. */
	if (!arch_pmu_offered() || !FIELD_GET(PERFMON, sysreg_read(id_dfr0_el1)))
		return 0;
	return caps.version == PMUVER_V3 ? PERFMON_V3 : caps.version;
}

static uint64_t all_counters(void)
{
	return BIT(CYCLES) | (BIT(caps.nr) - 1);
}

static uint64_t event_mask(void)
{
	return caps.version >= PMUVER_V3P1 ? GENMASK(15, 0) : GENMASK(9, 0);
}

static uint64_t pmcr_mask(void)
{
	return PMCR_E | PMCR_D | PMCR_DP | PMCR_LC | (caps.version >= PMUVER_V3P5 ? PMCR_LP : 0);
}

/* ---- hardware ---- */

static uint64_t hw_counter(unsigned int n)
{
	switch (n) {
#define X(i) case i: return sysreg_read(pmevcntr##i##_el0);
	FOR_EACH_COUNTER(X)
#undef X
	default: return sysreg_read(pmccntr_el0);
	}
}

static void hw_write(unsigned int n, uint64_t counter, uint64_t filter)
{
	switch (n) {
#define X(i)	case i:						\
		sysreg_write(pmevtyper##i##_el0, filter);	\
		sysreg_write(pmevcntr##i##_el0, counter);	\
		break;
	FOR_EACH_COUNTER(X)
#undef X
	default:
		sysreg_write(pmccfiltr_el0, filter);
		sysreg_write(pmccntr_el0, counter);
		break;
	}
}

static void start(const struct arch_pmu *p)
{
	for (unsigned int n = 0; n < caps.nr; n++)
		hw_write(n, p->counter[n], p->filter[n]);
	hw_write(CYCLES, p->counter[CYCLES], p->filter[CYCLES]);
	sysreg_write(pmovsset_el0, p->overflow);
	sysreg_write(pmintenset_el1, p->inten & ~p->overflow);
	sysreg_write(pmcntenset_el0, p->enabled);
	sysreg_write(pmselr_el0, p->selr);
	sysreg_write(pmuserenr_el0, p->userenr);
	isb();
	sysreg_write(pmcr_el0, p->pmcr);
}

static void stop(struct arch_pmu *p)
{
	sysreg_write(pmcr_el0, p->pmcr & ~PMCR_E);
	isb();
	for (unsigned int n = 0; n < caps.nr; n++)
		p->counter[n] = hw_counter(n);
	p->counter[CYCLES] = hw_counter(CYCLES);
	p->overflow = sysreg_read(pmovsset_el0) & all_counters();
	p->selr = sysreg_read(pmselr_el0) & PMSELR_SEL;
	sysreg_write(pmcntenclr_el0, UINT32_MAX);
	sysreg_write(pmintenclr_el1, UINT32_MAX);
	sysreg_write(pmovsclr_el0, UINT32_MAX);
	sysreg_write(pmuserenr_el0, 0);
	isb();
}

/* ---- the interrupt ---- */

static void update_line(struct vcpu *vcpu)
{
	struct arch_pmu *p = &vcpu->pmu;
	bool line = (p->pmcr & PMCR_E) && (p->overflow & p->inten);

	if (line == p->line)
		return;
	p->line = line;
	vgic_set_line(vcpu, VGIC_PMU_INTID, line);
}

static enum irq_result overflow_interrupt(uint32_t intid)
{
	struct vcpu *vcpu = this_cpu()->current;
	struct arch_pmu *p;

	if (!vcpu || !vcpu->pmu.used)
		return IRQ_DONE;
	p = &vcpu->pmu;
	p->overflow = sysreg_read(pmovsset_el0) & all_counters();
	sysreg_write(pmintenclr_el1, p->overflow);
	/* The line has fallen before the interrupt is deactivated. */
	isb();
	update_line(vcpu);
	return IRQ_DONE;
}

void arch_pmu_request_interrupt(void)
{
	if (!arch_pmu_offered()) {
		log_info("guests have no PMU: %s", caps.version != PMUVER_NONE ?
			 "the device tree has no arm,armv8-pmuv3 with a private interrupt" :
			 "a CPU has none");
		return;
	}
	if (irq_request(machine.pmu_intid, overflow_interrupt)) {
		log_warn("guests have no PMU: its interrupt, INTID %u, is something else's too",
			 machine.pmu_intid);
		machine.pmu_intid = 0;
	}
}

void arch_pmu_enable_interrupt(void)
{
	if (arch_pmu_offered())
		irqchip_enable(machine.pmu_intid, false);
}

/* ---- registers: writes to a stopped PMU in memory, reads from wherever the value is ---- */

static uint64_t counter_read(const struct arch_pmu *p, unsigned int n)
{
	return p->used ? hw_counter(n) : p->counter[n];
}

static void counter_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->counter[n] = n == CYCLES || caps.version >= PMUVER_V3P5 ? val : (uint32_t)val;
}

static uint64_t filter_read(const struct arch_pmu *p, unsigned int n)
{
	return p->filter[n];
}

static void filter_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->filter[n] = val & (FILTER_P | FILTER_U | (n == CYCLES ? 0 : event_mask()));
}

static uint64_t pmcr_read(const struct arch_pmu *p, unsigned int n)
{
	return (sysreg_read(pmcr_el0) & PMCR_IDENT) | FIELD_PREP(PMCR_N, caps.nr) | p->pmcr;
}

static void pmcr_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->pmcr = val & pmcr_mask();
	if (val & PMCR_C)
		p->counter[CYCLES] = 0;
	for (unsigned int i = 0; (val & PMCR_P) && i < caps.nr; i++)
		p->counter[i] = 0;
}

static uint64_t enabled_read(const struct arch_pmu *p, unsigned int n)
{
	return p->enabled;
}

static void enabled_set(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->enabled |= val & all_counters();
}

static void enabled_clear(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->enabled &= ~val;
}

static uint64_t inten_read(const struct arch_pmu *p, unsigned int n)
{
	return p->inten;
}

static void inten_set(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->inten |= val & all_counters();
}

static void inten_clear(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->inten &= ~val;
}

static uint64_t overflow_read(const struct arch_pmu *p, unsigned int n)
{
	return p->used ? sysreg_read(pmovsset_el0) & all_counters() : p->overflow;
}

static void overflow_set(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->overflow |= val & all_counters();
}

static void overflow_clear(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->overflow &= ~val;
}

static uint64_t selr_read(const struct arch_pmu *p, unsigned int n)
{
	return p->used ? sysreg_read(pmselr_el0) & PMSELR_SEL : p->selr;
}

static void selr_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->selr = val & PMSELR_SEL;
}

/* A selection that has no counter is CONSTRAINED UNPREDICTABLE: here, RAZ/WI. */
static uint64_t selected_filter_read(const struct arch_pmu *p, unsigned int n)
{
	n = (unsigned int)selr_read(p, 0);
	return n < caps.nr || n == CYCLES ? filter_read(p, n) : 0;
}

static void selected_filter_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	if (p->selr < caps.nr || p->selr == CYCLES)
		filter_write(p, (unsigned int)p->selr, val);
}

static uint64_t selected_counter_read(const struct arch_pmu *p, unsigned int n)
{
	n = (unsigned int)selr_read(p, 0);
	return n < caps.nr ? counter_read(p, n) : 0;
}

static void selected_counter_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	if (p->selr < caps.nr)
		counter_write(p, (unsigned int)p->selr, val);
}

static uint64_t cycles_read(const struct arch_pmu *p, unsigned int n)
{
	return counter_read(p, CYCLES);
}

static void cycles_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	counter_write(p, CYCLES, val);
}

static uint64_t userenr_read(const struct arch_pmu *p, unsigned int n)
{
	return p->userenr;
}

static void userenr_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	p->userenr = val & PMUSERENR_MASK;
}

static uint64_t ceid0_read(const struct arch_pmu *p, unsigned int n)
{
	return sysreg_read(pmceid0_el0);
}

static uint64_t ceid1_read(const struct arch_pmu *p, unsigned int n)
{
	return sysreg_read(pmceid1_el0);
}

static uint64_t mmir_read(const struct arch_pmu *p, unsigned int n)
{
	return caps.version >= PMUVER_V3P4 ? sysreg_read(PMMIR_EL1) : 0;
}

static bool counts(const struct arch_pmu *p, unsigned int n, unsigned int event)
{
	return n < caps.nr && (p->pmcr & PMCR_E) && (p->enabled & BIT(n)) &&
	       (p->filter[n] & event_mask()) == event;
}

/* One more in counter n; whether it overflows. */
static bool increment(struct arch_pmu *p, unsigned int n)
{
	uint64_t val = p->counter[n] + 1;

	counter_write(p, n, val);
	if ((p->pmcr & PMCR_LP) ? val : (uint32_t)val)
		return false;
	p->overflow |= BIT(n);
	return true;
}

/* n: the filter bit of the level that writes. EL2 does it, for at EL2 the hardware does not count. */
static void swinc_write(struct arch_pmu *p, unsigned int n, uint64_t val)
{
	for (unsigned int i = 0; i < caps.nr; i++) {
		if (!(val & BIT(i)) || !counts(p, i, EVENT_SW_INCR) || (p->filter[i] & BIT(n)))
			continue;
		if (increment(p, i) && !(i & 1) && counts(p, i + 1, EVENT_CHAIN))
			increment(p, i + 1);
	}
}

/* By op1, CRm and op2; CRn is 9. */
#define INDEX(op1, crm, op2)	(((op1) ? 64 : 0) + ((crm) & 7) * 8 + (op2))

static const struct pmu_reg regs[128] = {
	[INDEX(0, 14, 1)] = { inten_read, inten_set },			/* PMINTENSET_EL1 */
	[INDEX(0, 14, 2)] = { inten_read, inten_clear },		/* PMINTENCLR_EL1 */
	[INDEX(0, 14, 6)] = { mmir_read, NULL },			/* PMMIR_EL1 */
	[INDEX(3, 12, 0)] = { pmcr_read, pmcr_write },			/* PMCR_EL0 */
	[INDEX(3, 12, 1)] = { enabled_read, enabled_set },		/* PMCNTENSET_EL0 */
	[INDEX(3, 12, 2)] = { enabled_read, enabled_clear },		/* PMCNTENCLR_EL0 */
	[INDEX(3, 12, 3)] = { overflow_read, overflow_clear },		/* PMOVSCLR_EL0 */
	[INDEX(3, 12, 4)] = { NULL, swinc_write },			/* PMSWINC_EL0 */
	[INDEX(3, 12, 5)] = { selr_read, selr_write },			/* PMSELR_EL0 */
	[INDEX(3, 12, 6)] = { ceid0_read, NULL },			/* PMCEID0_EL0 */
	[INDEX(3, 12, 7)] = { ceid1_read, NULL },			/* PMCEID1_EL0 */
	[INDEX(3, 13, 0)] = { cycles_read, cycles_write },		/* PMCCNTR_EL0 */
	[INDEX(3, 13, 1)] = { selected_filter_read, selected_filter_write },	/* PMXEVTYPER_EL0 */
	[INDEX(3, 13, 2)] = { selected_counter_read, selected_counter_write },	/* PMXEVCNTR_EL0 */
	[INDEX(3, 14, 0)] = { userenr_read, userenr_write },		/* PMUSERENR_EL0 */
	[INDEX(3, 14, 3)] = { overflow_read, overflow_set },		/* PMOVSSET_EL0 */
};

/* PMEVCNTR<n>_EL0, PMEVTYPER<n>_EL0: CRn is 14, CRm 8 to 11 and 12 to 15. */
static const struct pmu_reg counter_reg = { counter_read, counter_write };
static const struct pmu_reg filter_reg = { filter_read, filter_write };

/* The register of an access, NULL when the guest has none; *n is what its functions want to know. */
static const struct pmu_reg *find(uint32_t iss, const struct vcpu *vcpu, unsigned int *n)
{
	unsigned int op1 = (unsigned int)FIELD_GET(ISS_OP1, iss), op2 = (unsigned int)FIELD_GET(ISS_OP2, iss);
	unsigned int crn = (unsigned int)FIELD_GET(ISS_CRN, iss), crm = (unsigned int)FIELD_GET(ISS_CRM, iss);

	if (FIELD_GET(ISS_OP0, iss) != 3 || (op1 != 0 && op1 != 3))
		return NULL;
	if (crn == 9 && crm >= 12 && crm <= 14) {
		bool el1 = (vcpu->arch.frame.spsr & PSR_MODE_MASK) != PSR_MODE_EL0T;

		*n = el1 ? 31 : 30;	/* FILTER_P, FILTER_U */
		return &regs[INDEX(op1, crm, op2)];
	}
	if (crn != 14 || op1 != 3 || crm < 8)
		return NULL;
	*n = (crm & 3) << 3 | op2;
	if (crm >= 12)
		return *n < caps.nr || *n == CYCLES ? &filter_reg : NULL;
	return *n < caps.nr ? &counter_reg : NULL;
}

static void change(struct vcpu *vcpu, const struct pmu_reg *reg, unsigned int n, uint64_t val)
{
	struct arch_pmu *p = &vcpu->pmu;

	if (p->used)
		stop(p);
	reg->write(p, n, val);
	p->used = (p->pmcr & PMCR_E) || p->userenr;
	if (p->used)
		start(p);
	update_line(vcpu);
}

bool pmu_read(struct vcpu *vcpu, uint32_t iss, uint64_t *val)
{
	unsigned int n = 0;
	const struct pmu_reg *reg = find(iss, vcpu, &n);

	if (!arch_pmu_offered() || !reg || !reg->read)
		return false;
	*val = reg->read(&vcpu->pmu, n);
	return true;
}

bool pmu_write(struct vcpu *vcpu, uint32_t iss, uint64_t val)
{
	unsigned int n = 0;
	const struct pmu_reg *reg = find(iss, vcpu, &n);

	if (!arch_pmu_offered() || !reg || !reg->write)
		return false;
	change(vcpu, reg, n, val);
	return true;
}

/* ---- with the vCPU ---- */

void pmu_reset(struct vcpu *vcpu)
{
	struct arch_pmu *p = &vcpu->pmu;
	bool line = p->line;

	memset(p, 0, sizeof(*p));
	/* PSCI CPU_OFF leaves the virtual GIC as it is. */
	p->line = line;
	update_line(vcpu);
}

void pmu_load_used(struct vcpu *vcpu)
{
	start(&vcpu->pmu);
}

void pmu_save_used(struct vcpu *vcpu)
{
	stop(&vcpu->pmu);
	update_line(vcpu);
}
