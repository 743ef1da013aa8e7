// SPDX-License-Identifier: MIT
/* The processor's state out of order: returns to impossible modes, stacks, vectors, the MMU off and on. */
#include "guests/tests/hostile/hostile.h"

#define SCTLR_M		BIT(0)
#define VBAR_HERE	guest_read_sysreg("vbar_el1")

static void eret_to(uint64_t elr, uint64_t spsr, uint64_t sp_el0)
{
	struct hostile_entry entry = { .elr = elr, .spsr = spsr, .sp_el0 = sp_el0 };
	struct hostile_end end;

	/* What waits for an interrupt gets one. */
	guest_write_sysreg("cntv_cval_el0", guest_counter() + test_us(50));
	guest_write_sysreg("cntv_ctl_el0", 1);
	hostile_enter(&entry, &end);
	guest_write_sysreg("cntv_ctl_el0", 0);
}

/* All 32 modes, with interrupts masked; an illegal one sets PSTATE.IL. */
static void modes(uint64_t arg __unused)
{
	uint32_t hvc = 0xd4000002;

	hostile_code(&hvc, 1);
	for (uint64_t mode = 0; mode < 32; mode++) {
		for (uint64_t nzcv = 0; nzcv < 16; nzcv += 5) {
			bool el0 = mode == 0 || mode == 16;

			eret_to(el0 ? HOSTILE_UCODE : HOSTILE_CODE, SPSR_DAIF | mode | nzcv << 28,
				HOSTILE_UDATA + 4096);
		}
	}
}

/* Any bit of SPSR_EL1, into code that traps. M[4] clear: AArch32 is exec.a32-el0. */
static void spsr_bits(uint64_t arg __unused)
{
	/* hvc, wfi, mrs id_aa64isar0_el1 */
	static const uint32_t words[] = { 0xd4000002, 0xd503207f, 0xd5380600 };

	for (unsigned int i = 0; i < 1500; i++) {
		uint64_t spsr = hostile_random() & ~BIT(4);

		/* Single step goes on with MDSCR_EL1.SS only. */
		hostile_code(&words[i % ARRAY_SIZE(words)], 1);
		if (i & 1)
			spsr = (spsr & ~UINT64_C(0xf)) | SPSR_EL1H;
		eret_to((spsr & 0xf) ? HOSTILE_CODE : HOSTILE_UCODE, spsr | SPSR_DAIF, HOSTILE_UDATA + 4096);
	}
}

/* PSTATE.IL set by hand, then everything that exits. */
static void illegal_state(uint64_t arg __unused)
{
	static const uint32_t words[] = { 0xd4000002, 0xd4000003, 0xd503207f, 0xf9400001, 0xd5380600 };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		hostile_code(&words[i], 1);
		eret_to(HOSTILE_CODE, SPSR_EL1H | SPSR_DAIF | BIT(20), 0);
		eret_to(HOSTILE_UCODE, SPSR_EL0T | SPSR_DAIF | BIT(20), 0);
	}
}

static void stacks(uint64_t arg)
{
	static const uint64_t sps[] = {
		1, 8, HOSTILE_UDATA + 4, HOSTILE_UDATA - 16, 0, ~UINT64_C(0), ~UINT64_C(15), BIT(63),
		IPA_HOLE, GUEST_UART_IPA + 0x800, IPA_PVTIME + 0x100, GUEST_GICD_IPA + 4, 0xaa00000040000000,
	};
	/* stp x0, x1, [sp, #-16]!, ldr x0, [sp] */
	static const uint32_t words[] = { 0xa9bf07e0, 0xf94003e0 };
	uint64_t spsr = arg ? SPSR_EL0T : SPSR_EL1T;

	for (size_t i = 0; i < ARRAY_SIZE(sps); i++) {
		for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
			hostile_code(&words[w], 1);
			eret_to(arg ? HOSTILE_UCODE : HOSTILE_CODE, spsr | SPSR_DAIF, sps[i]);
		}
	}
}

/* What SCTLR_EL1 may be for two instructions; then as before. */
static void with_sctlr(uint64_t sctlr, uint32_t insn, uint64_t x1)
{
	/* mov x2, sctlr; msr sctlr, x0; isb; insn; msr sctlr, x2; isb */
	const uint32_t words[] = { 0xd5381002, 0xd5181000, INSN_ISB, insn, 0xd5181002, INSN_ISB };
	struct hostile_end end;

	hostile_code(words, ARRAY_SIZE(words));
	hostile_run(SPSR_EL1H, sctlr, x1, &end);
	/* It may have ended in between. */
	__asm__ volatile("" : : "r"(end.esr));
}

/* Any bits but those that the next instruction needs: M, WXN, EE, and the ones of the EL1 stack. */
static void sctlr_bits(uint64_t arg __unused)
{
	uint64_t keep = SCTLR_M | BIT(2) | BIT(12) | BIT(19) | BIT(25) | BIT(30) | BIT(31);
	uint64_t sctlr = guest_read_sysreg("sctlr_el1");

	for (unsigned int i = 0; i < 800; i++) {
		with_sctlr((sctlr & keep) | (hostile_random() & ~keep), i & 1 ? 0xd4000002 : INSN_NOP, 0);
		guest_write_sysreg("sctlr_el1", sctlr);
		guest_isb();
	}
}

/* Off, an access, on again: from the identity map, so that the PC stays the same. */
static void __noinline mmu_off_access(uint64_t addr, uint64_t sctlr, uint64_t more)
{
	uint64_t value;

	__asm__ volatile("msr sctlr_el1, %[off]\n\tisb\n\tldr %w[value], [%[addr]]\n\t"
			 "msr sctlr_el1, %[on]\n\tisb"
			 : [value] "=&r"(value)
			 : [off] "r"((sctlr & ~(SCTLR_M | BIT(2) | BIT(12))) | more), [on] "r"(sctlr),
			 [addr] "r"(addr)
			 : "memory");
}

/* more: big-endian data, where what comes is swapped, and no more. */
static void mmu_off(uint64_t more)
{
	static const uint64_t addrs[] = {
		GUEST_UART_IPA + 0x18, GUEST_GICD_IPA, GUEST_GICR_IPA, GUEST_RTC_IPA, GUEST_MAILBOX_IPA,
	};
	uint64_t sctlr = guest_read_sysreg("sctlr_el1");

	for (unsigned int i = 0; i < 500; i++)
		mmu_off_access(addrs[i % ARRAY_SIZE(addrs)], sctlr, more);
}

struct off_fault {
	uint64_t addr, sctlr;
};

static void mmu_off_call(void *arg)
{
	const struct off_fault *f = arg;

	mmu_off_access(f->addr, f->sctlr, 0);
}

/* The same where nothing is: the abort finds the MMU off, and its handler runs that way. */
static void mmu_off_fault(uint64_t arg __unused)
{
	static const uint64_t addrs[] = {
		IPA_HOLE, IPA_RAM_END, IPA_PVTIME, UINT64_C(1) << 40, UINT64_C(1) << 47, ~UINT64_C(7), 0,
		GUEST_UART_IPA + 2, 0x7fffffff,
	};
	struct guest_fault fault;

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		struct off_fault f = { addrs[i], guest_read_sysreg("sctlr_el1") };

		/* What the handler pushes must not be older in the cache than in memory. */
		guest_hook(GUEST_HOOK_SYNC, NULL);
		guest_try(mmu_off_call, &f, &fault);
		guest_write_sysreg("sctlr_el1", f.sctlr);
		guest_isb();
		guest_hook(GUEST_HOOK_SYNC, hostile_caught);
	}
}

static void vbar_then(uint64_t vbar, uint32_t insn)
{
	const uint32_t words[] = { 0xd518c000, INSN_ISB, insn };	/* msr vbar_el1, x0 */
	struct hostile_end end;

	hostile_code(words, ARRAY_SIZE(words));
	hostile_run(SPSR_EL1H, vbar, IPA_HOLE, &end);
}

/* Vectors in a place where stage 2 has nothing, or nothing to execute; mapped by stage 1 all the same. */
static void vbar_at(uint64_t arg)
{
	static const uint64_t places[] = { GUEST_GICD_IPA, GUEST_UART_IPA, IPA_HOLE, IPA_PVTIME,
					   IPA_RAM_END };
	uint64_t va = HOSTILE_VA + 0x100000;

	hostile_map(va, places[arg >> 1], PTE_LEAF | PTE_NORMAL | PTE_RO | PTE_UXN);
	/* Entered by EL1's own exception, or by one that Schism injects. */
	vbar_then(va, arg & 1 ? 0xd4000001 : 0xd53c1101);
}

/* Written, read back, and put right, with nothing in between. */
static void vbar_values(uint64_t arg __unused)
{
	uint64_t vbar = VBAR_HERE;

	for (unsigned int i = 0; i < 200; i++) {
		guest_write_sysreg("vbar_el1", hostile_random());
		guest_isb();
		guest_hvc0(SMCCC_VERSION, 0, 0, 0);
		guest_write_sysreg("vbar_el1", vbar);
		guest_isb();
	}
}

static const struct behaviour state_rows[] = {
	{ "modes", modes },
	{ "spsr-bits", spsr_bits },
	{ "illegal-state", illegal_state },
	{ "stacks-el1t", stacks, 0 },
	{ "stacks-el0", stacks, 1 },
	{ "sctlr-bits", sctlr_bits },
	{ "mmu-off", mmu_off, 0 },
	{ "big-endian", mmu_off, BIT(25) | BIT(24) },
	{ "mmu-off-fault", mmu_off_fault },
	{ "vbar-values", vbar_values },
	{ "vbar-gicd-undef", vbar_at, 0, DIES },
	{ "vbar-gicd-svc", vbar_at, 1, DIES },
	{ "vbar-uart-undef", vbar_at, 2, DIES },
	{ "vbar-hole-undef", vbar_at, 4, DIES },
	{ "vbar-hole-svc", vbar_at, 5, DIES },
	{ "vbar-pvtime-undef", vbar_at, 6, DIES },
	{ "vbar-pvtime-svc", vbar_at, 7, DIES },
	{ "vbar-ram-end-svc", vbar_at, 9, DIES },
};

const struct family state_family = FAMILY(state);
