// SPDX-License-Identifier: MIT
/*
 * Accesses to emulated devices, to what lies between them, and to the edges: every form that a load or a
 * store has, through Device and through Normal memory of stage 1, at EL1 and EL0.
 */
#include "guests/tests/hostile/hostile.h"

enum what { LOADS, STORES, NO_SYNDROME, EXCLUSIVES, MAINTENANCE, FROM_EL0 };

enum where { GICD, GICR, UART, RTC, HOLE, PVTIME, RAM_END, NR_WHERE };

static const struct {
	uint64_t ipa, size;
} places[] = {
	[GICD] = { GUEST_GICD_IPA, GUEST_GICD_SIZE },
	[GICR] = { GUEST_GICR_IPA, GUEST_GICR_STRIDE },
	[UART] = { GUEST_UART_IPA, GUEST_UART_SIZE },
	[RTC] = { GUEST_RTC_IPA, GUEST_RTC_SIZE },
	[HOLE] = { IPA_HOLE, HOSTILE_PAGE },
	[PVTIME] = { IPA_PVTIME, HOSTILE_PAGE },
	[RAM_END] = { IPA_RAM_END, HOSTILE_PAGE },
};

/* A page more on either side, as Device and as Normal; made once. */
static uint64_t views[NR_WHERE][2];

static uint64_t view(enum where where, unsigned int normal)
{
	uint64_t ipa = places[where].ipa - HOSTILE_PAGE, size = places[where].size + 2 * HOSTILE_PAGE;
	uint64_t bits = normal ? PTE_NORMAL | PTE_INNER : PTE_DEVICE;

	if (!views[where][normal])
		views[where][normal] = hostile_alias(ipa, size, bits | PTE_USER | PTE_PXN | PTE_UXN) +
				       HOSTILE_PAGE;
	return views[where][normal];
}

static struct insns forms(enum what what)
{
	switch (what) {
	case LOADS:
		return INSNS(insns_loads);
	case STORES:
		return INSNS(insns_stores);
	case NO_SYNDROME:
		return INSNS(insns_without_syndrome);
	case EXCLUSIVES:
		return INSNS(insns_exclusives);
	default:
		return INSNS(insns_maintenance);
	}
}

/* The UART's data register is left alone, also by pre-index from behind: what it prints is somebody's log. */
static bool is_spared(enum where where, int64_t offset)
{
	return where == UART && offset > -16 && offset <= 4;
}

static void at_all_offsets(enum where where, struct insns list, uint64_t spsr)
{
	int64_t size = (int64_t)places[where].size;
	const int64_t offsets[] = {
		0, 1, 2, 3, 4, 7, 8, 0x14, 0x18, 0x30, 0x38, 0x44, 0x100, 0x104, 0x202, 0x3fc, 0x400, 0x403,
		0xffc, 0xffe, 0xfff, -1, -3, -4, -8, size - 1, size - 2, size - 4, size - 5, size - 8,
		size - 16, size, size + 1,
	};

	for (const uint32_t *insn = list.first; insn < list.end; insn++) {
		struct hostile_end end;

		hostile_code(insn, 1);
		for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
			if (is_spared(where, offsets[i]))
				continue;
			for (unsigned int normal = 0; normal < 2; normal++)
				hostile_run(spsr, view(where, normal) + (uint64_t)offsets[i],
					    hostile_random() & ~UINT64_C(0xff), &end);
		}
	}
}

static void access_place(uint64_t arg)
{
	enum where where = (enum where)(arg >> 8);
	enum what what = (enum what)(arg & 0xff);

	if (what != FROM_EL0) {
		at_all_offsets(where, forms(what), SPSR_EL1H);
		return;
	}
	at_all_offsets(where, INSNS(insns_stores), SPSR_EL0T);
	at_all_offsets(where, INSNS(insns_without_syndrome), SPSR_EL0T);
	at_all_offsets(where, INSNS(insns_exclusives), SPSR_EL0T);
}

/* One access that begins in one device's last bytes, by address, and ends in another one's first. */
static void spanning(uint64_t arg __unused)
{
	static const uint64_t pairs[][2] = {
		{ GUEST_GICD_IPA, GUEST_UART_IPA }, { GUEST_UART_IPA, GUEST_GICR_IPA },
		{ GUEST_MAILBOX_IPA, GUEST_GICD_IPA }, { GUEST_RTC_IPA, GUEST_MAILBOX_IPA },
		{ IPA_PVTIME, GUEST_RTC_IPA }, { IPA_HOLE, GUEST_GICR_IPA },
	};
	uint64_t bits = PTE_LEAF | PTE_NORMAL | PTE_INNER | PTE_PXN | PTE_UXN;
	uint64_t va = HOSTILE_VA + 0x80000;

	for (size_t p = 0; p < ARRAY_SIZE(pairs); p++) {
		struct insns lists[] = { INSNS(insns_loads), INSNS(insns_stores),
					 INSNS(insns_without_syndrome) };

		hostile_map(va, pairs[p][0], bits);
		hostile_map(va + HOSTILE_PAGE, pairs[p][1], bits);
		for (size_t l = 0; l < ARRAY_SIZE(lists); l++)
			for (const uint32_t *insn = lists[l].first; insn < lists[l].end; insn++)
				for (uint64_t back = 1; back < 16; back++)
					hostile_insn(SPSR_EL1H, *insn, va + HOSTILE_PAGE - back, 0);
	}
}

/* Every page of the first GiB, and powers of two up to what stage 1 can put out. */
static void everywhere(uint64_t arg __unused)
{
	uint32_t load = 0xf9400001;	/* ldr x1, [x0] */
	uint64_t va = HOSTILE_VA + 0x90000;
	struct hostile_end end;

	hostile_code(&load, 1);
	for (uint64_t ipa = 0; ipa < BIT(30); ipa += 0x87000) {
		hostile_map(va, ipa, PTE_LEAF | PTE_DEVICE | PTE_PXN | PTE_UXN);
		hostile_run(SPSR_EL1H, va + (hostile_random() & 0xff8), 0, &end);
	}
	for (unsigned int bit = 30; bit < 48; bit++) {
		hostile_map(va, BIT(bit), PTE_LEAF | PTE_NORMAL | PTE_PXN | PTE_UXN);
		hostile_run(SPSR_EL1H, va, 0, &end);
		hostile_map(va, BIT(bit) - HOSTILE_PAGE, PTE_LEAF | PTE_NORMAL | PTE_PXN | PTE_UXN);
		hostile_run(SPSR_EL1H, va, 0, &end);
	}
}

/* Random words to random registers of the UART and the RTC. */
static void random_registers(uint64_t arg)
{
	static const uint64_t devices[] = { GUEST_UART_IPA, GUEST_RTC_IPA };
	uint64_t bits = PTE_DEVICE | PTE_PXN | PTE_UXN;
	uint64_t va = hostile_alias(devices[arg], HOSTILE_PAGE, bits);
	static const uint32_t stores[] = { 0x39000001, 0x79000001, 0xb9000001, 0xf9000001 };

	for (unsigned int i = 0; i < 4000; i++) {
		unsigned int size = (unsigned int)hostile_random() & 3;
		uint64_t offset = hostile_random() & 0xfff & ~((UINT64_C(1) << size) - 1);

		if (hostile_random() & 3)
			offset &= 0x7f;
		if (!is_spared(arg ? RTC : UART, (int64_t)offset))
			hostile_insn(SPSR_EL1H, stores[size], va + offset, hostile_random());
	}
	/* The transmitter works whatever CR says, and an interrupt that is on is not enabled in the GIC. */
	guest_mmio_write32(GUEST_UART_IPA + 0x38, 0);
	guest_mmio_write32(GUEST_UART_IPA + 0x30, 0x301);
}

/* The transmit interrupt asserted for good, and characters without end of line. */
static void uart_flood(uint64_t arg __unused)
{
	guest_mmio_write32(GUEST_UART_IPA + 0x38, 0x7ff);
	for (unsigned int i = 0; i < 4000; i++)
		guest_mmio_write32(GUEST_UART_IPA, 0x80 | i);
	guest_mmio_write32(GUEST_UART_IPA, '\n');
	guest_mmio_write32(GUEST_UART_IPA + 0x38, 0);
}

/* Escape sequences, the end of one missing, and Schism's own prefixes. */
static void uart_escapes(uint64_t arg __unused)
{
	guest_puts("\033[2J\033]0;title\007\033[999;999H\033P\033\\\n[counter_os] not me\033[\n");
	guest_puts("\r\r\r[     0.000000] panic: not really\r\n\033\n");
}

#define ROW(place, id)							\
	{ place ".loads", access_place, (uint64_t)(id) << 8 | LOADS },		\
	{ place ".stores", access_place, (uint64_t)(id) << 8 | STORES },	\
	{ place ".no-syndrome", access_place, (uint64_t)(id) << 8 | NO_SYNDROME }, \
	{ place ".exclusives", access_place, (uint64_t)(id) << 8 | EXCLUSIVES },	\
	{ place ".maintenance", access_place, (uint64_t)(id) << 8 | MAINTENANCE }, \
	{ place ".el0", access_place, (uint64_t)(id) << 8 | FROM_EL0 }

static const struct behaviour mmio_rows[] = {
	ROW("gicd", GICD),
	ROW("gicr", GICR),
	ROW("uart", UART),
	ROW("rtc", RTC),
	ROW("hole", HOLE),
	ROW("pvtime", PVTIME),
	ROW("ram-end", RAM_END),
	{ "spanning", spanning },
	{ "everywhere", everywhere },
	{ "uart-random", random_registers, 0 },
	{ "rtc-random", random_registers, 1 },
	{ "uart-flood", uart_flood },
	{ "uart-escapes", uart_escapes },
};

const struct family mmio_family = FAMILY(mmio);
