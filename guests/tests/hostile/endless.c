// SPDX-License-Identifier: MIT
/*
 * Loops without end, on vCPU 1 with interrupts masked: they cost this VM its own share of time, and nobody
 * else anything. Those marked so in docs/hostile.md complete no instruction, so that QEMU's clock, when it
 * counts instructions, stops with them.
 */
#include "guests/tests/hostile/hostile.h"

#include "guests/lib/gic_regs.h"

static void forever(const uint32_t *words, size_t nr, uint64_t x0, uint64_t x1)
{
	uint32_t loop[16];
	struct hostile_end end;

	for (size_t i = 0; i < nr; i++)
		loop[i] = words[i];
	/* b back to the first */
	loop[nr] = 0x14000000 | ((0u - (uint32_t)nr) & 0x3ffffff);
	hostile_code(loop, nr + 1);
	hostile_run(SPSR_EL1H, x0, x1, &end);
}

static const uint32_t nothing[] = { INSN_NOP };
static const uint32_t yields[] = { 0xd503203f };
static const uint32_t wfis[] = { 0xd503207f };
static const uint32_t wfes[] = { 0xd503205f };
static const uint32_t sev_wfes[] = { 0xd503209f, 0xd503205f };
static const uint32_t hvcs[] = { 0xaa0103e0, 0xd4000002 };		/* mov x0, x1; hvc #0 */
static const uint32_t smcs[] = { 0xaa0103e0, 0xd4000003 };
static const uint32_t ids[] = { 0xd5380602 };				/* mrs x2, id_aa64isar0_el1 */
static const uint32_t flags[] = { 0xb9400022 };				/* ldr w2, [x1] */
static const uint32_t exclusives[] = { 0xc85f7c22, 0xc8047c22 };	/* ldxr, stxr */
/* tlbi vmalle1is; dsb ish; and some, or QEMU would do nothing else */
static const uint32_t tlbis[] = {
	0xd508831f, 0xd5033b9f, INSN_NOP, INSN_NOP, INSN_NOP, INSN_NOP, INSN_NOP, INSN_NOP, INSN_NOP,
	INSN_NOP, INSN_NOP, INSN_NOP, INSN_NOP, INSN_NOP,
};
/* msr cntp_cval_el0, x0; cntp_ctl_el0, x1 */
static const uint32_t timers[] = { 0xd51be240, 0xd51be221 };
static const uint32_t sgis[] = { 0xd518cba1 };				/* msr icc_sgi1r_el1, x1 */
static const uint32_t reports[] = { 0xd2800060, 0xd4000c02 };		/* mov x0, #3; hvc #0x60 */

static const struct {
	const uint32_t *words;
	size_t nr;
	uint64_t x0, x1;
} loops[] = {
	{ nothing, 1 },
	{ yields, 1 },
	{ wfis, 1 },
	{ wfes, 1 },
	{ sev_wfes, 2 },
	{ hvcs, 2, 0, 0xc6000000 },
	{ smcs, 2, 0, 0xc6000000 },
	{ ids, 1 },
	{ flags, 1, 0, GUEST_UART_IPA + 0x18 },
	{ exclusives, 2, 0, GUEST_MAILBOX_IPA + 0x800 },
	{ tlbis, ARRAY_SIZE(tlbis) },
	{ timers, 2, 0, 1 },
	{ sgis, 1, 0, 0xff },
	{ reports, 2, 0, GUEST_EVENT_PROGRESS },
};

static void loop(uint64_t arg)
{
	forever(loops[arg].words, loops[arg].nr, loops[arg].x0, loops[arg].x1);
}

/* All sixteen vectors begin with first, and SP is sp; then insn, on an address where nothing is. */
static void with_vectors(uint32_t first, uint64_t sp, uint32_t insn)
{
	uint64_t *page = hostile_page();
	uint32_t *vector = (uint32_t *)page;
	uint64_t va = HOSTILE_VA + 0x200000, hole = va + HOSTILE_PAGE;
	/* msr vbar_el1, x0; mov sp, x1; isb */
	const uint32_t start[] = { 0xd518c000, 0x9100003f, INSN_ISB, insn };
	struct hostile_entry entry = {
		.elr = HOSTILE_CODE, .spsr = SPSR_EL1H | (SPSR_DAIF & ~SPSR_I), .x = { va, sp, hole },
	};
	struct hostile_end end;

	for (unsigned int i = 0; i < 512; i += 32) {
		vector[i] = first;
		vector[i + 1] = INSN_ERET;
	}
	__asm__ volatile("dsb ish\n\tic ialluis\n\tdsb ish\n\tisb" : : : "memory");
	hostile_map(va, (uint64_t)page, PTE_LEAF | PTE_NORMAL | PTE_INNER | PTE_RO | PTE_UXN);
	hostile_map(hole, IPA_HOLE, PTE_LEAF | PTE_DEVICE | PTE_UXN | PTE_PXN);
	hostile_code(start, ARRAY_SIZE(start));
	hostile_enter(&entry, &end);
}

#define LOAD_FROM_HOLE	0xf9400043		/* ldr x3, [x2] */
#define UNDEFINED	0xd53c1103		/* mrs x3, hcr_el2 */

/* A handler of aborts that aborts, its page being there: an exception in each vector, as its first word. */
static void recursion(uint64_t arg)
{
	static const uint32_t firsts[] = {
		LOAD_FROM_HOLE,		/* Schism forwards it */
		UNDEFINED,
		0xd4000001,		/* svc */
		0xd5380603,		/* a trap that is served, then ERET to where it came from */
	};

	with_vectors(firsts[arg], HOSTILE_UDATA, LOAD_FROM_HOLE);
}

/* SP_EL1 is where no frame can be written: the vector's first store faults, and again. */
static void stack_gone(uint64_t arg)
{
	const uint64_t sps[] = {
		HOSTILE_UDATA + 8 + 1, HOSTILE_VA + 0x300800, HOSTILE_VA + 0x301800, HOSTILE_VA + 0x302800,
	};
	uint64_t bits = PTE_LEAF | PTE_UXN | PTE_PXN;

	hostile_map(HOSTILE_VA + 0x300000, IPA_HOLE, bits);
	hostile_map(HOSTILE_VA + 0x301000, GUEST_UART_IPA, bits);
	hostile_map(HOSTILE_VA + 0x302000, IPA_PVTIME, bits | PTE_NORMAL);
	/* stp x0, x1, [sp, #-16]! */
	with_vectors(0xa9bf07e0, sps[arg], UNDEFINED);
}

/* A timer that is due, and a handler that returns without a look at it. */
static void irq_recursion(uint64_t arg __unused)
{
	guest_gic_init();
	test_gic_set(GIC_IGROUPR, 27);
	test_gic_priority(27, 0x80);
	test_gic_set(GIC_ISENABLER, 27);
	guest_write_sysreg("cntv_cval_el0", 0);
	guest_write_sysreg("cntv_ctl_el0", 1);
	with_vectors(INSN_ERET, HOSTILE_UDATA, INSN_NOP);
}

/* VBAR_EL1 that stage 1 does not translate: no instruction is ever fetched again. */
static void vbar_unmapped(uint64_t arg)
{
	static const uint64_t bases[] = { 0x7000000000, 0xffff000000000000, 0x5555555555555000, 0 };
	const uint32_t words[] = { 0xd518c000, INSN_ISB, 0xd4000001 };
	struct hostile_end end;

	hostile_code(words, ARRAY_SIZE(words));
	hostile_run(SPSR_EL1H, bases[arg], 0, &end);
}

static const struct behaviour endless_rows[] = {
	{ "nothing", loop, 0, ENDLESS },
	{ "yield", loop, 1, ENDLESS },
	{ "wfi", loop, 2, ENDLESS },
	{ "wfe", loop, 3, ENDLESS },
	{ "sev-wfe", loop, 4, ENDLESS },
	{ "hvc", loop, 5, ENDLESS },
	{ "smc", loop, 6, ENDLESS },
	{ "id-register", loop, 7, ENDLESS },
	{ "uart-flags", loop, 8, ENDLESS },
	{ "exclusives", loop, 9, ENDLESS },
	{ "tlbi", loop, 10, ENDLESS },
	{ "ptimer", loop, 11, ENDLESS },
	{ "sgi", loop, 12, ENDLESS },
	{ "reports", loop, 13, ENDLESS },
	{ "abort-recursion", recursion, 0, ENDLESS },
	{ "undef-recursion", recursion, 1, ENDLESS },
	{ "svc-recursion", recursion, 2, ENDLESS },
	{ "trap-recursion", recursion, 3, ENDLESS },
	{ "sp-unaligned", stack_gone, 0, ENDLESS },
	{ "sp-in-hole", stack_gone, 1, ENDLESS },
	{ "sp-in-uart", stack_gone, 2, ENDLESS },
	{ "sp-in-pvtime", stack_gone, 3, ENDLESS },
	{ "vbar-unmapped", vbar_unmapped, 0, ENDLESS },
	{ "vbar-high", vbar_unmapped, 1, ENDLESS },
	{ "vbar-not-canonical", vbar_unmapped, 2, ENDLESS },
	{ "vbar-zero", vbar_unmapped, 3, ENDLESS },
	{ "irq-recursion", irq_recursion, 0, ENDLESS },
};

const struct family endless_family = FAMILY(endless);
