// SPDX-License-Identifier: MIT
/* Generated code, its pages, and the way into it and back. */
#include "guests/tests/hostile/hostile.h"

#include "guests/lib/gic_regs.h"
#include "lib/string.h"

#define VTIMER_INTID	27
#define ENTRIES		512
#define PTE_ADDR	GENMASK(47, 12)

void hostile_enter_asm(const struct hostile_entry *entry, uint64_t *slot);
extern char hostile_back[];

static uint64_t slots[GUEST_MAX_VCPUS];
static struct hostile_end *ends[GUEST_MAX_VCPUS];
static uint32_t *code;				/* writable, at its own address */

/* ---- memory ---- */

uint64_t *hostile_page(void)
{
	uint64_t *page = guest_alloc(HOSTILE_PAGE, HOSTILE_PAGE);

	if (!page)
		guest_fail(0, 0, 0, "hostile: the heap is used up");
	return page;
}

uint64_t *hostile_root(void)
{
	return (uint64_t *)(guest_read_sysreg("ttbr0_el1") & PTE_ADDR);
}

static uint64_t *descend(uint64_t *entry)
{
	if (!(*entry & PTE_VALID))
		*entry = (uint64_t)hostile_page() | PTE_TABLE | PTE_VALID;
	return (uint64_t *)(*entry & PTE_ADDR);
}

void hostile_map(uint64_t va, uint64_t ipa, uint64_t bits)
{
	uint64_t *level2 = descend(&hostile_root()[va >> 30]);
	uint64_t *entry = &descend(&level2[va >> 21 & (ENTRIES - 1)])[va >> 12 & (ENTRIES - 1)];

	WRITE_ONCE(*entry, 0);
	__asm__ volatile("dsb ishst\n\ttlbi vmalle1is\n\tdsb ish\n\tisb" : : : "memory");
	WRITE_ONCE(*entry, ipa | bits);
	__asm__ volatile("dsb ishst\n\tisb" : : : "memory");
}

uint64_t hostile_alias(uint64_t ipa, uint64_t size, uint64_t bits)
{
	static uint64_t next = HOSTILE_ALIAS;
	uint64_t base = next;

	for (uint64_t at = 0; at < size; at += HOSTILE_PAGE)
		hostile_map(base + at, ipa + at, bits | PTE_LEAF);
	next += size + HOSTILE_PAGE;
	return base;
}

/* ---- into it and back ---- */

bool hostile_caught(struct guest_frame *frame)
{
	unsigned int id = guest_vcpu_id();
	struct hostile_end *end = ends[id];

	if (!slots[id])
		return false;
	/* hostile_back restores FP registers. */
	guest_write_sysreg("cpacr_el1", UINT64_C(3) << 20);
	guest_isb();
	*end = (struct hostile_end){
		.esr = guest_read_sysreg("esr_el1"), .far = guest_read_sysreg("far_el1"),
		.elr = frame->elr, .spsr = frame->spsr, .kind = frame->kind,
		.x0 = frame->x[0], .x1 = frame->x[1],
	};
	frame->x[0] = slots[id];
	frame->elr = (uint64_t)hostile_back;
	frame->spsr = SPSR_EL1H | SPSR_DAIF;
	slots[id] = 0;
	return true;
}

void hostile_enter(const struct hostile_entry *entry, struct hostile_end *end)
{
	unsigned int id = guest_vcpu_id();

	ends[id] = end;
	hostile_enter_asm(entry, &slots[id]);
}

void hostile_code(const uint32_t *words, size_t nr)
{
	memcpy(code, words, nr * sizeof(*words));
	code[nr] = INSN_SVC_DONE;
	for (size_t i = 0; i <= nr; i += 4)
		__asm__ volatile("dc cvau, %0" : : "r"(&code[i]) : "memory");
	__asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
}

static void enter_code(uint64_t spsr, uint64_t x0, uint64_t x1, struct hostile_end *end)
{
	bool el0 = (spsr & 0xf) == SPSR_EL0T;
	struct hostile_entry entry = {
		.elr = el0 ? HOSTILE_UCODE : HOSTILE_CODE, .spsr = spsr,
		.sp_el0 = HOSTILE_UDATA + HOSTILE_UDATA_SIZE / 2, .x = { x0, x1, 0, x0 },
	};

	hostile_enter(&entry, end);
}

bool hostile_run(uint64_t spsr, uint64_t x0, uint64_t x1, struct hostile_end *end)
{
	enter_code(spsr | SPSR_DAIF, x0, x1, end);
	return ESR_EC(end->esr) == EC_SVC && (end->esr & 0xffff) == SVC_DONE;
}

bool hostile_insn(uint64_t spsr, uint32_t word, uint64_t x0, uint64_t x1)
{
	struct hostile_end end;

	hostile_code(&word, 1);
	return hostile_run(spsr, x0, x1, &end);
}

void hostile_run_for(uint64_t spsr, uint64_t ticks, uint64_t x0, uint64_t x1)
{
	struct hostile_end end;

	guest_write_sysreg("cntv_cval_el0", guest_counter() + ticks);
	guest_write_sysreg("cntv_ctl_el0", 1);
	guest_isb();
	enter_code(spsr, x0, x1, &end);
	guest_write_sysreg("cntv_ctl_el0", 0);
	guest_isb();
}

/* An IRQ either ends what was entered, or is a behaviour's own. */
static bool on_irq(struct guest_frame *frame)
{
	unsigned int intid = (unsigned int)guest_read_sysreg(ICC_IAR1_EL1);

	if (intid == VTIMER_INTID)
		guest_write_sysreg("cntv_ctl_el0", 0);
	if (intid < GIC_INTID_SPECIAL)
		guest_write_sysreg(ICC_EOIR1_EL1, intid);
	guest_isb();
	hostile_caught(frame);
	return true;
}

static bool on_other(struct guest_frame *frame)
{
	/* An IRQ from EL0 or EL1t. */
	if (frame->kind % 4 == 1)
		return on_irq(frame);
	return hostile_caught(frame);
}

void hostile_settle(void)
{
	guest_write_sysreg("cntv_ctl_el0", 0);
	guest_write_sysreg("cntp_ctl_el0", 0);
	guest_write_sysreg("mdscr_el1", 0);
	guest_write_sysreg("cpacr_el1", UINT64_C(3) << 20);
	guest_write_sysreg(ICC_CTLR_EL1, 0);
	guest_isb();
	guest_gic_init();
	/* Nothing is enabled but the timer that ends generated code. */
	guest_mmio_write32(guest_gic_redist() + GICR_ICENABLER0, ~0u);
	guest_mmio_write32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ICPENDR, ~0u);
	guest_mmio_write32(guest_gic_redist() + GICR_SGI_FRAME + GIC_ICACTIVER, ~0u);
	for (unsigned int n = 1; n < 8; n++) {
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ICENABLER + 4 * n, ~0u);
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ICPENDR + 4 * n, ~0u);
		guest_mmio_write32(GUEST_GICD_IPA + GIC_ICACTIVER + 4 * n, ~0u);
	}
	guest_write_sysreg(ICC_AP1R0_EL1, 0);
	guest_write_sysreg(ICC_AP0R0_EL1, 0);
	guest_mmio_write32(guest_gic_redist() + GICR_IGROUPR0, ~0u);
	guest_mmio_write8(guest_gic_redist() + GICR_IPRIORITYR(0) + VTIMER_INTID, GIC_PRIORITY_DEFAULT);
	guest_mmio_write32(guest_gic_redist() + GICR_ISENABLER0, BIT(VTIMER_INTID));
	guest_hook(GUEST_HOOK_SYNC, hostile_caught);
	guest_hook(GUEST_HOOK_OTHER, on_other);
	guest_hook(GUEST_HOOK_IRQ, on_irq);
	guest_dsb();
}

/* ---- beginnings ---- */

static uint64_t random_state, time_limit, stride;

uint64_t hostile_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

uint64_t hostile_time(void)
{
	return time_limit;
}

uint64_t hostile_stride(void)
{
	return stride;
}

void hostile_init(void)
{
	uint64_t rx = PTE_LEAF | PTE_NORMAL | PTE_INNER | PTE_RO;

	random_state = guest_arg("seed", 1) * 0x9e3779b97f4a7c15 | 1;
	time_limit = test_us(1000 * guest_arg("ms", 300));
	stride = MAX(guest_arg("stride", 1), UINT64_C(1));
	code = (uint32_t *)hostile_page();
	hostile_map(HOSTILE_CODE, (uint64_t)code, rx | PTE_UXN);
	hostile_map(HOSTILE_UCODE, (uint64_t)code, rx | PTE_USER | PTE_PXN);
	for (uint64_t at = 0; at < HOSTILE_UDATA_SIZE; at += HOSTILE_PAGE)
		hostile_map(HOSTILE_UDATA + at, (uint64_t)hostile_page(),
			    PTE_LEAF | PTE_NORMAL | PTE_INNER | PTE_USER | PTE_PXN | PTE_UXN);
	hostile_settle();
}
