// SPDX-License-Identifier: MIT
/* Hypercalls that do not exist, arguments that nobody means, reports and the mailbox. */
#include "guests/tests/hostile/hostile.h"

#include "lib/string.h"

#define HVC(imm)	(0xd4000002u | (uint32_t)(imm) << 5)
#define SMC(imm)	(0xd4000003u | (uint32_t)(imm) << 5)

/* Calls that would end this VM, or wait for ever. */
static bool is_final(uint32_t fid)
{
	switch (fid) {
	case PSCI_CPU_OFF:
	case PSCI_SYSTEM_OFF:
	case PSCI_SYSTEM_RESET:
	case PSCI_SYSTEM_RESET2_32:
	case PSCI_SYSTEM_RESET2_64:
	case PSCI_CPU_SUSPEND_32:
	case PSCI_CPU_SUSPEND_64:
	case PSCI_SYSTEM_SUSPEND_32:
	case PSCI_SYSTEM_SUSPEND_64:
		return true;
	default:
		return false;
	}
}

static void immediates(uint64_t smc)
{
	for (uint32_t imm = 0; imm < 0x10000; imm += (imm < 0x110 || imm > 0xfef0) ? 1 : 97)
		hostile_insn(SPSR_EL1H, smc ? SMC(imm) : HVC(imm), 0x84000000, hostile_random());
}

static void from_el0(uint64_t arg __unused)
{
	for (uint32_t imm = 0; imm < 0x10000; imm += 511) {
		hostile_insn(SPSR_EL0T, HVC(imm), PSCI_SYSTEM_OFF, 0);
		hostile_insn(SPSR_EL0T, SMC(imm), PSCI_SYSTEM_OFF, 0);
	}
}

static void call(uint64_t fid, uint64_t x1, uint64_t x2, uint64_t x3)
{
	if (!is_final((uint32_t)fid))
		guest_hvc0(fid, x1, x2, x3);
	if (!is_final((uint32_t)fid))
		guest_smc0(fid, x1, x2, x3);
}

/* Every owner, fast and slow, 32 and 64 bits, the first numbers and the last. */
static void function_ids(uint64_t args)
{
	for (uint64_t top = 0; top < 256; top++) {
		for (uint64_t n = 0; n < 0x60; n++)
			call(top << 24 | n, args ? hostile_random() : 0, args, args ? hostile_random() : 0);
		for (uint64_t n = 0xfef8; n < 0x10010; n++)
			call(top << 24 | n, args, 0, 0);
	}
}

static void random_ids(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 5000; i++)
		call(hostile_random(), hostile_random(), hostile_random(), hostile_random());
}

/* Of all PSCI functions that come back, with arguments at their edges. */
static void psci_arguments(uint64_t arg __unused)
{
	static const uint64_t fids[] = {
		PSCI_CPU_ON_32, PSCI_CPU_ON_64, PSCI_AFFINITY_INFO_32, PSCI_AFFINITY_INFO_64, PSCI_FEATURES,
		PSCI_MIGRATE_INFO_TYPE, PSCI_SYSTEM_SUSPEND_32, PSCI_SYSTEM_SUSPEND_64, 0x84000005,
		0xc4000005, 0x84000007, 0x8400000b, 0x8400000c, 0x8400000d, 0x8400000f, 0x84000010,
		0x84000013, 0xc4000014,
	};
	static const uint64_t values[] = {
		0, 1, 7, 8, 0xff, 0x100, 0x10000, 0x80000000, 0xffffffff, UINT64_C(1) << 32, ~UINT64_C(0),
		IPA_HOLE, GUEST_UART_IPA, IPA_RAM_END, IPA_RAM_END - 1, GUEST_RAM_IPA - 4, GUEST_RAM_IPA + 2,
		UINT64_C(1) << 63,
	};

	for (size_t f = 0; f < ARRAY_SIZE(fids); f++) {
		for (size_t a = 0; a < ARRAY_SIZE(values); a++) {
			for (size_t b = 0; b < ARRAY_SIZE(values); b++) {
				/*
				 * To self always; to the others an entry that is none, or it would be real.
				 */
				uint64_t target = a == 1 || a == 2 ? 0 : values[a];

				guest_hvc0(fids[f], target, values[b], 0);
			}
		}
	}
}

/* Reset and suspend with arguments that are refused. */
static void psci_refused(uint64_t arg __unused)
{
	for (uint64_t type = 1; type; type <<= 1)
		if ((uint32_t)type)
			guest_hvc0(PSCI_SYSTEM_RESET2_64, type, hostile_random(), 0);
	for (uint64_t bit = 0; bit < 32; bit++)
		if (BIT(bit) & (GENMASK(31, 26) | GENMASK(23, 17)))
			guest_hvc0(PSCI_CPU_SUSPEND_64, BIT(bit), hostile_random(), hostile_random());
}

static void reports(uint64_t arg __unused)
{
	/* Not GUEST_EVENT_FAIL of a real task: that would be believed. */
	for (unsigned int i = 0; i < 300; i++) {
		uint64_t task = hostile_random(), event = hostile_random();

		if (i % 3 == 0)
			event &= 1;
		if (i % 3 == 1)
			task &= 7;
		guest_hvc_task_report(task, event, hostile_random(), hostile_random(), hostile_random(),
				      hostile_random());
	}
	guest_hvc_task_report(BIT(32) | 1, 0, 0, 0, 0, 0);
	guest_hvc_task_report(1, BIT(32) | 3, 0, 0, 0, 0);
	guest_hvc_task_report(1, 1, ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0));
}

/* Prints as many lines as it can; what is printed for it is its own time. */
static void report_flood(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 200; i++)
		guest_hvc_task_report(GUEST_TASK_TEST, GUEST_EVENT_PROGRESS, i, i, 0, 0);
}

/* The header destroyed, slots without an end, names that steer a terminal. The dump is printed at the end. */
static void mailbox_garbage(uint64_t arg __unused)
{
	struct guest_mailbox *box = (struct guest_mailbox *)GUEST_MAILBOX_IPA;

	box->nr_slots = ~0u;
	for (unsigned int i = 0; i < GUEST_MAILBOX_SLOTS; i++) {
		for (unsigned int c = 0; c < GUEST_MAILBOX_NAME_LEN; c++)
			box->slots[i].name[c] = i & 1 ? (char)hostile_random() : i == 2 ? '%' : 'A';
		box->slots[i].value = hostile_random();
		box->slots[i].writes = hostile_random();
	}
	memcpy(box->slots[4].name, "\033[2J", 5);
	memcpy(box->slots[6].name, "%s%s%s%n", 9);
	box->magic = (uint32_t)hostile_random();
	box->version = (uint32_t)hostile_random();
}

/* Any vendor's queries and services with garbage in all arguments. */
static void service_garbage(uint64_t arg __unused)
{
	static const uint64_t fids[] = {
		0x80000000, 0x80000001, 0x80000002, 0x80008000, 0x80007fff, 0x84000050, 0x84000051,
		0x84000052, 0x84000053, 0xc4000053, 0xc5000020, 0xc5000021, 0xc5000022, 0x8600ff00,
		0x8600ff01, 0x8600ff03, 0xc6000000, 0xc6000001, 0x86000000, 0xc600ffff,
	};
	static const uint64_t widths[] = { 0, 1, 95, 96, 97, 191, 192, 193, 0xffffffff, ~UINT64_C(0),
					   BIT(63) };

	for (size_t f = 0; f < ARRAY_SIZE(fids); f++) {
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
			guest_hvc0(fids[f], widths[w], hostile_random(), hostile_random());
		for (size_t g = 0; g < ARRAY_SIZE(fids); g++)
			guest_hvc0(fids[f], fids[g] | (hostile_random() & GENMASK(63, 32)), 0, 0);
	}
}

static const struct behaviour calls_rows[] = {
	{ "hvc-immediates", immediates, 0 },
	{ "smc-immediates", immediates, 1 },
	{ "from-el0", from_el0 },
	{ "function-ids", function_ids, 0 },
	{ "function-ids-arguments", function_ids, 1 },
	{ "random-ids", random_ids },
	{ "psci-arguments", psci_arguments },
	{ "psci-refused", psci_refused },
	{ "service-garbage", service_garbage },
	{ "reports", reports },
	{ "report-flood", report_flood },
	{ "mailbox-garbage", mailbox_garbage },
};

const struct family calls_family = FAMILY(calls);
