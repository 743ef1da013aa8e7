// SPDX-License-Identifier: MIT
/* Execution where there is no code, and of what is none. */
#include "guests/tests/hostile/hostile.h"

#include "lib/string.h"

static const uint64_t targets[] = {
	GUEST_GICD_IPA, GUEST_GICR_IPA, GUEST_UART_IPA, GUEST_RTC_IPA, IPA_HOLE, IPA_PVTIME, IPA_RAM_END,
};

static void jump(uint64_t va, uint64_t spsr)
{
	struct hostile_entry entry = { .elr = va, .spsr = spsr | SPSR_DAIF, .sp_el0 = HOSTILE_UDATA };
	struct hostile_end end;

	hostile_enter(&entry, &end);
}

static void jump_to(uint64_t arg)
{
	uint64_t ipa = targets[arg];
	uint64_t el1 = hostile_alias(ipa, HOSTILE_PAGE, PTE_NORMAL | PTE_RO | PTE_UXN);
	uint64_t el0 = hostile_alias(ipa, HOSTILE_PAGE, PTE_NORMAL | PTE_RO | PTE_USER | PTE_PXN);

	for (uint64_t offset = 0; offset < HOSTILE_PAGE; offset += 0x7fc) {
		jump(el1 + offset, SPSR_EL1H);
		jump(el1 + offset, SPSR_EL1T);
		jump(el0 + offset, SPSR_EL0T);
	}
}

/* Unaligned, not canonical, not mapped, and with bits on top. */
static void jump_odd(uint64_t arg __unused)
{
	static const uint64_t odd[] = {
		1, 2, 3, HOSTILE_CODE + 2, HOSTILE_UCODE + 1, ~UINT64_C(0), ~UINT64_C(3), BIT(63), BIT(48),
		BIT(47),
		0xaa00000000000000 | HOSTILE_CODE, BIT(39), BIT(38), 0xffff000000000000, 0x5555555555555555,
	};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		jump(odd[i], SPSR_EL1H);
		jump(odd[i], SPSR_EL1T);
		jump(odd[i], SPSR_EL0T);
	}
}

/* One instruction after the other, at EL1h, EL1t and EL0. */
static void run_list(struct insns list)
{
	for (const uint32_t *insn = list.first; insn < list.end; insn++) {
		static const uint64_t spsrs[] = { SPSR_EL1H, SPSR_EL1T, SPSR_EL0T };

		for (size_t i = 0; i < ARRAY_SIZE(spsrs); i++) {
			hostile_code(insn, 1);
			/* WFI ends by the timer. */
			hostile_run_for(spsrs[i] | (SPSR_DAIF & ~SPSR_I), test_us(200), HOSTILE_UDATA, 0);
		}
	}
}

static void exceptions(uint64_t arg __unused)
{
	run_list(INSNS(insns_exceptions));
}

/* Random words at EL0, where they reach two pages; a timer ends what loops. */
static void random_el0(uint64_t arg)
{
	for (unsigned int i = 0; i < 1500; i++) {
		uint32_t words[8];

		for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
			words[w] = (uint32_t)hostile_random();
			/* Halfway: system instructions, or loads and stores on x0. */
			if (arg == 1)
				words[w] = (words[w] & 0x003fffff) | 0xd5000000;
			if (arg == 2)
				words[w] = (words[w] & ~0x0a0003e0u) | 0x08000000;
		}
		hostile_code(words, ARRAY_SIZE(words));
		hostile_run_for(SPSR_EL0T | (SPSR_DAIF & ~SPSR_I), test_us(50),
				HOSTILE_UDATA + HOSTILE_PAGE, hostile_random());
	}
}

/* AArch32 at EL0, where the CPU has it: random words, and the instructions that trap. */
static void aarch32_el0(uint64_t arg)
{
	static const uint32_t some[] = {
		0xef000000, 0xe320f003, 0xe320f002, 0xee100f10, 0xee1e0f10, 0xee1f2f3f, 0xec510f0e,
		0xee070f15, 0xee100e10, 0xe1400070, 0xe7f000f0, 0xeef10a10, 0xf1010200, 0xe1600070,
		0xee190f1d, 0xed900e00, 0xbf30bf20, 0xbf20bf08, 0xdf00bf30, 0xe8d04f4f, 0xee114f70,
		0xbf30bf18,
	};

	for (unsigned int i = 0; i < 600; i++) {
		uint32_t words[4];

		for (size_t w = 0; w < ARRAY_SIZE(words); w++)
			words[w] = i < 100 ? some[(i + w) % ARRAY_SIZE(some)] : (uint32_t)hostile_random();
		hostile_code(words, ARRAY_SIZE(words));
		/* x0 has to be an address of 32 bits for its loads; there is none. T is bit 5. */
		hostile_run_for(0x10 | (arg ? BIT(5) : 0) | BIT(8) | BIT(6), test_us(50), 0x1000, 0x2000);
	}
}

/* A random MCR, MRC, MCRR, MRRC, LDC or STC of coprocessor 14 or 15, mostly of registers that there are. */
static uint32_t coprocessor_word(void)
{
	static const uint32_t some[] = {
		0xee090f10, 0xee0e0f10, 0xee000e10, 0xec400f0e, 0xec400f09, 0xec400e00, 0xec805e00,
	};
	uint32_t random = (uint32_t)hostile_random(), word = some[random >> 24 & 7 ? random % 7 : 0];

	if (random & BIT(31))
		word |= 0x00ef00e0 & random;
	/* L, Rt, CRm, opc2; and Rt2 of MRRC, where the others have CRn. */
	word |= random & (word & BIT(25) ? 0x0010f0ef : 0x001ff00f);
	return random & BIT(30) ? word : (word & 0x0fffffff) | (random & 0xf0000000);
}

/* The same where EL1 lets EL0 at its timers and performance monitors. */
static void coprocessors_el0(uint64_t arg)
{
	bool pmu = guest_read_sysreg("id_aa64dfr0_el1") >> 8 & 0xf;

	guest_write_sysreg("cntkctl_el1", 0x303);
	if (pmu)
		guest_write_sysreg("pmuserenr_el0", 0xf);
	for (unsigned int i = 0; i < 1500; i++) {
		uint32_t words[8];

		for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
			words[w] = coprocessor_word();
			/* T32, in an IT block of one now and then. */
			if (arg)
				words[w] = w & 1 ? 0xbf08bf00 | (words[w] & 0xe0000000) >> 8 :
						   words[w] >> 16 | 0xe000 | words[w] << 16;
		}
		hostile_code(words, ARRAY_SIZE(words));
		hostile_run_for(0x10 | (arg ? BIT(5) : 0) | BIT(8) | BIT(6), test_us(50), hostile_random(),
				hostile_random());
	}
	guest_write_sysreg("cntkctl_el1", 0);
	if (!pmu)
		return;
	guest_write_sysreg("pmcr_el0", 6);
	guest_write_sysreg("pmuserenr_el0", 0);
}

/* Code that its own CPU, or the next one, rewrites while it runs. */
static void self_modifying(uint64_t arg __unused)
{
	uint32_t words[64];

	for (unsigned int i = 0; i < 500; i++) {
		for (size_t w = 0; w < ARRAY_SIZE(words); w++)
			words[w] = hostile_random() & 1 ? INSN_NOP : 0xd4000002 |
				(uint32_t)(hostile_random() & 0xffff) << 5;
		hostile_code(words, ARRAY_SIZE(words));
		hostile_run_for(SPSR_EL1H | SPSR_DAIF, test_us(100), 0x84000000, 0);
	}
}

#define INSN_HLT_SEMIHOSTING	0xd45e0000u	/* HLT #0xf000 */
#define SEMIHOSTING_NAME	(HOSTILE_UDATA + 0x100)

/* Calls of the emulator: it would open a file of its host for writing, or end with a status of our choice. */
static const struct {
	uint64_t call, block[3];
} semihosting_calls[] = {
	{ 0x01, { SEMIHOSTING_NAME, 4, 19 } },		/* SYS_OPEN, "w" */
	{ 0x0e, { SEMIHOSTING_NAME, 19 } },		/* SYS_REMOVE */
	{ 0x18, { 0x20026, 42 } },			/* SYS_EXIT, ADP_Stopped_ApplicationExit */
	{ 0x20, { 0x20026, 42 } },			/* SYS_EXIT_EXTENDED */
};

static void semihosting(uint64_t arg)
{
	static const uint32_t word = INSN_HLT_SEMIHOSTING;
	struct hostile_end end;

	for (size_t i = 0; i < ARRAY_SIZE(semihosting_calls); i++) {
		uint64_t call = semihosting_calls[i].call;

		memcpy((void *)SEMIHOSTING_NAME, "hostile-semihosting", 20);
		memcpy((void *)HOSTILE_UDATA, semihosting_calls[i].block, sizeof(semihosting_calls[i].block));
		hostile_code(&word, 1);
		if (hostile_run(arg, call, HOSTILE_UDATA, &end) || ESR_EC(end.esr) != 0)
			guest_fail(call, end.esr, end.x0, "hostile: semihosting answers");
	}
}

static const struct behaviour exec_rows[] = {
	{ "gicd", jump_to, 0 },
	{ "gicr", jump_to, 1 },
	{ "uart", jump_to, 2 },
	{ "rtc", jump_to, 3 },
	{ "hole", jump_to, 4 },
	{ "pvtime", jump_to, 5 },
	{ "ram-end", jump_to, 6 },
	{ "odd", jump_odd },
	{ "exceptions", exceptions },
	{ "random-el0", random_el0, 0 },
	{ "random-system-el0", random_el0, 1 },
	{ "random-memory-el0", random_el0, 2 },
	{ "a32-el0", aarch32_el0, 0 },
	{ "t32-el0", aarch32_el0, 1 },
	{ "a32-registers", coprocessors_el0, 0 },
	{ "t32-registers", coprocessors_el0, 1 },
	{ "self-modifying", self_modifying },
	{ "semihosting", semihosting, SPSR_EL1H },
	{ "semihosting-el0", semihosting, SPSR_EL0T },
};

const struct family exec_family = FAMILY(exec);
