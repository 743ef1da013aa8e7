// SPDX-License-Identifier: MIT
/* Breakpoints, watchpoints and single step where they hurt: on handlers, on traps, with garbage. */
#include "guests/tests/hostile/hostile.h"

#define MDSCR_SS	BIT(0)
#define MDSCR_KDE	BIT(13)
#define MDSCR_MDE	BIT(15)
#define SPSR_SS		BIT(21)
#define SPSR_D		BIT(9)

static void write_debug(unsigned int crm, unsigned int op2, uint64_t val)
{
	hostile_insn(SPSR_EL1H, INSN_SYSREG(2, 0, 0, crm, op2, 0), val, 0);
}

static void clear_all(void)
{
	guest_write_sysreg("mdscr_el1", 0);
	for (unsigned int n = 0; n < 16; n++)
		for (unsigned int op2 = 4; op2 < 8; op2++)
			write_debug(n, op2, 0);
}

static void set_mdscr(uint64_t val)
{
	guest_write_sysreg("mdscr_el1", val);
	guest_isb();
}

/* Everything that traps, under single step, at EL1 and EL0. */
static void step_over_traps(uint64_t el0)
{
	static const uint32_t words[] = {
		0xd4000002, 0xd4000003, 0xd503207f, 0xd503205f, 0xd5380600, 0xd53be040, 0xb9400021,
		0xb9000021, 0xf9400001, 0xd4200000, 0xd4000001, 0xd53be220, 0xd51be220, 0xd5300240,
		0x1e202008,
	};
	uint64_t spsr = el0 ? SPSR_EL0T : SPSR_EL1H;

	set_mdscr(MDSCR_SS | MDSCR_KDE | MDSCR_MDE);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct hostile_entry entry = {
			.elr = el0 ? HOSTILE_UCODE : HOSTILE_CODE, .sp_el0 = HOSTILE_UDATA + 4096,
			.x = { 0x84000000, GUEST_UART_IPA + 0x18 },
		};
		struct hostile_end end;

		hostile_code(&words[i], 1);
		/*
		 * PSTATE.SS set: after one instruction; clear: at once. D clear, or nothing is stepped at
		 * EL1.
		 */
		entry.spsr = spsr | (SPSR_DAIF & ~SPSR_D) | SPSR_SS;
		hostile_enter(&entry, &end);
		entry.spsr &= ~SPSR_SS;
		hostile_enter(&entry, &end);
	}
	clear_all();
}

/* A breakpoint on the handler of breakpoints: EL1 masks debug exceptions on entry, so it comes to nothing. */
static void break_handlers(uint64_t arg __unused)
{
	uint64_t vbar = guest_read_sysreg("vbar_el1");
	const uint32_t word = 0xd4000002;

	for (unsigned int n = 0; n < 6; n++) {
		write_debug(n, 4, vbar + 0x200 + (n & 3) * 4);
		write_debug(n, 5, 0x1e7);
	}
	hostile_code(&word, 1);
	for (unsigned int i = 0; i < 50; i++) {
		struct hostile_entry entry = { .elr = HOSTILE_CODE, .spsr = SPSR_EL1H |
					       (SPSR_DAIF & ~SPSR_D) };
		struct hostile_end end;

		set_mdscr(MDSCR_MDE | (i & 1 ? MDSCR_KDE : 0));
		write_debug(i % 6, 4, i & 1 ? HOSTILE_CODE : vbar + 0x200);
		write_debug(i % 6, 5, 0x1e7);
		hostile_enter(&entry, &end);
	}
	clear_all();
}

/* Any control value, whatever it links, masks or matches; EL2's address range among the addresses. */
static void garbage(uint64_t arg)
{
	static const uint32_t words[] = { 0xd4000002, 0xf9400001, 0xb9400021, 0xd503207f };

	for (unsigned int i = 0; i < 1200; i++) {
		struct hostile_entry entry = {
			.elr = i & 1 ? HOSTILE_CODE : HOSTILE_UCODE, .sp_el0 = HOSTILE_UDATA + 4096,
			.spsr = (i & 1 ? SPSR_EL1H : SPSR_EL0T) | (SPSR_DAIF & ~SPSR_D),
			.x = { HOSTILE_UDATA, GUEST_UART_IPA + 0x18 },
		};
		unsigned int n = (unsigned int)hostile_random() & 15, op2 =
			4 + ((unsigned int)hostile_random() & 3);
		uint64_t val = hostile_random();
		struct hostile_end end;

		if (op2 & 1)
			val |= 1;
		else if (i % 3 == 0)
			val = HOSTILE_CODE + (val & 0xc);
		else if (i % 3 == 1)
			val = 0x8000000000 + (val & 0xffffc);
		write_debug(n, op2, val);
		if (arg && i % 7 == 0)
			set_mdscr(hostile_random() & ~MDSCR_SS);
		else if (i % 64 == 0)
			set_mdscr(MDSCR_MDE | MDSCR_KDE);
		/* WFI with debug on comes back by the timer only; it is the odd one out here. */
		hostile_code(&words[i % 3], 1);
		hostile_enter(&entry, &end);
	}
	clear_all();
}

/* Watchpoints on the mailbox, on a device, on the stack of exceptions, with all masks. */
static void watch_everything(uint64_t arg __unused)
{
	uint64_t sp;

	__asm__ volatile("mov %0, sp" : "=r"(sp));
	write_debug(0, 6, GUEST_MAILBOX_IPA);
	write_debug(1, 6, GUEST_UART_IPA);
	write_debug(2, 6, sp & ~UINT64_C(0xfff));
	write_debug(3, 6, HOSTILE_UDATA);
	for (unsigned int n = 0; n < 4; n++)
		write_debug(n, 7, UINT64_C(31) << 24 | 0xff << 5 | 3 << 3 | 3 << 1 | 1);
	for (unsigned int i = 0; i < 100; i++) {
		set_mdscr(i & 1 ? MDSCR_MDE | MDSCR_KDE : MDSCR_MDE);
		hostile_insn(SPSR_EL0T, 0xf9400001, HOSTILE_UDATA, 0);
		hostile_insn(SPSR_EL1H, 0xf9000001, GUEST_UART_IPA + 0x24, 0);
		(void)guest_mmio_read32(GUEST_UART_IPA + 0x18);
	}
	clear_all();
}

/* The OS lock on and off, and the registers behind it. */
static void os_lock(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 300; i++) {
		guest_write_sysreg("oslar_el1", hostile_random());
		(void)guest_read_sysreg("oslsr_el1");
		hostile_insn(SPSR_EL1H, INSN_SYSREG(2, 0, 1, 3, 4, 0), hostile_random(), 0);
		set_mdscr(hostile_random() & ~MDSCR_SS);
	}
	guest_write_sysreg("oslar_el1", 0);
	guest_write_sysreg("osdlr_el1", 0);
	clear_all();
}

/* BRK, HLT and the debug-state instructions, each with many immediates. */
static void immediates(uint64_t arg)
{
	static const uint32_t words[] = { 0xd4200000, 0xd4400000, 0xd4a00001, 0xd4a00002, 0xd4a00003 };

	for (uint32_t imm = 0; imm < 0x10000; imm += 331)
		hostile_insn(imm & 1 ? SPSR_EL1H : SPSR_EL0T, words[arg] | imm << 5, 0, 0);
}

static const struct behaviour debug_rows[] = {
	{ "step-over-traps", step_over_traps, 0 },
	{ "step-over-traps-el0", step_over_traps, 1 },
	{ "break-handlers", break_handlers },
	{ "garbage", garbage, 0 },
	{ "garbage-mdscr", garbage, 1 },
	{ "watch-everything", watch_everything },
	{ "os-lock", os_lock },
	{ "brk", immediates, 0 },
	{ "hlt", immediates, 1 },
	{ "dcps1", immediates, 2 },
	{ "dcps2", immediates, 3 },
	{ "dcps3", immediates, 4 },
};

const struct family debug_family = FAMILY(debug);
