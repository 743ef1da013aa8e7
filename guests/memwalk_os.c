// SPDX-License-Identifier: MIT
/*
 * memwalk_os: walks its private work buffer, and finds out whether anybody else writes there.
 *
 * Each pass takes a window of 256 KiB. It verifies what the last pass over this window left (16
 * passes ago, so that 4 MiB are always under watch), writes the whole window with this pass's
 * pattern, and verifies it. About half a million instructions; then WFI until the next tick.
 *
 * In every other pass it also holds patterns in all registers, as counter_os does: for its own
 * sake, and because a register that is not switched shows only if both guests use it. In the
 * remaining passes it leaves FP/SIMD alone, as a guest would for whom a hypervisor switches it
 * lazily.
 *
 * With stray=1 (or built with -DMEMWALK_STRAY=1), each pass also loads, stores and executes outside
 * its RAM, at addresses that its own stage 1 maps as Normal memory: what refuses is the
 * hypervisor's stage 2, or on bare QEMU (-m 8) the empty bus. Each access must take a synchronous
 * external abort with the right syndrome.
 *
 * Arguments: passes=N or rounds=N (0 or none: for ever), stray=0|1.
 */
#include "guests/lib/guest.h"
#include "lib/string.h"

#ifndef MEMWALK_STRAY
#define MEMWALK_STRAY		0
#endif

#define TICK_HZ			100
#define WINDOW_SIZE		KIB(256)
#define WINDOW_WORDS		(WINDOW_SIZE / sizeof(uint64_t))
#define HOLD_SPINS		10000
#define HOLD_SEEDS		UINT64_C(0x6d656d77616c6b00)	/* far from counter_os's */
#define NR_WINDOWS		(GUEST_WORK_SIZE / WINDOW_SIZE)

static uint64_t passes, bytes_checked, aborts, reports;

#define fail(fmt, ...)										\
	guest_fail(passes, bytes_checked, aborts, "memwalk_os: pass %lu: " fmt, passes,	\
		   ##__VA_ARGS__)

/* ---- walking ---- */

/*
 * A pattern: the value of the word at addr, from the word before it (the first one gets the pass's
 * seed).
 */
typedef uint64_t pattern_fn(uint64_t addr, uint64_t previous);

static uint64_t pattern_address(uint64_t addr, uint64_t previous __unused)
{
	return addr;
}

static uint64_t pattern_inverted(uint64_t addr, uint64_t previous __unused)
{
	return ~addr;
}

static uint64_t pattern_walking_one(uint64_t addr, uint64_t previous __unused)
{
	return BIT((addr >> 3) % 64);
}

static uint64_t pattern_walking_zero(uint64_t addr, uint64_t previous __unused)
{
	return ~BIT((addr >> 3) % 64);
}

static uint64_t pattern_xorshift(uint64_t addr __unused, uint64_t previous)
{
	previous ^= previous << 13;
	previous ^= previous >> 7;
	return previous ^ previous << 17;
}

static uint64_t pass_seed(uint64_t pass)
{
	return (pass + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t *pass_window(uint64_t pass)
{
	return (uint64_t *)(GUEST_WORK_IPA + pass % NR_WINDOWS * WINDOW_SIZE);
}

static inline __attribute__((always_inline)) void window_write(uint64_t pass, pattern_fn *pattern)
{
	uint64_t *window = pass_window(pass);
	uint64_t value = pass_seed(pass);

	for (uint64_t i = 0; i < WINDOW_WORDS; i++) {
		value = pattern((uint64_t)&window[i], value);
		WRITE_ONCE(window[i], value);
	}
}

static inline __attribute__((always_inline)) void window_verify(uint64_t pass, pattern_fn *pattern)
{
	uint64_t *window = pass_window(pass);
	uint64_t value = pass_seed(pass);
	uint64_t found;

	for (uint64_t i = 0; i < WINDOW_WORDS; i++) {
		value = pattern((uint64_t)&window[i], value);
		found = READ_ONCE(window[i]);
		if (found != value)
			fail("%p holds %016lx, not %016lx of pass %lu", (void *)&window[i],
			     found, value, pass);
	}
	bytes_checked += WINDOW_SIZE;
}

/* A writer and a verifier per pattern, with the pattern inlined into the loop. */
struct pattern {
	void (*write)(uint64_t pass);
	void (*verify)(uint64_t pass);
};

#define PATTERN_LOOPS(name)									\
	static void write_##name(uint64_t pass) { window_write(pass, pattern_##name); }		\
	static void verify_##name(uint64_t pass) { window_verify(pass, pattern_##name); }

PATTERN_LOOPS(address)
PATTERN_LOOPS(inverted)
PATTERN_LOOPS(walking_one)
PATTERN_LOOPS(walking_zero)
PATTERN_LOOPS(xorshift)

static const struct pattern patterns[] = {
	{ write_address, verify_address },
	{ write_inverted, verify_inverted },
	{ write_walking_one, verify_walking_one },
	{ write_walking_zero, verify_walking_zero },
	{ write_xorshift, verify_xorshift },
};

static const struct pattern *pass_pattern(uint64_t pass)
{
	return &patterns[pass % ARRAY_SIZE(patterns)];
}

static void walk(void)
{
	if (passes >= NR_WINDOWS)
		pass_pattern(passes - NR_WINDOWS)->verify(passes - NR_WINDOWS);
	pass_pattern(passes)->write(passes);
	pass_pattern(passes)->verify(passes);
}

/* ---- straying ---- */

#define RAM_END			(GUEST_RAM_IPA + GUEST_RAM_SIZE)
#define PAGE_SIZE		UINT64_C(4096)
#define DCZID_DZP		BIT(4)
#define ISAR0_ATOMIC		GENMASK(23, 20)

enum stray_needs {
	NEEDS_NOTHING,
	NEEDS_LSE,
	NEEDS_DC_ZVA,
};

struct stray_access {
	const char *name;
	void (*probe)(void *addr);
	uint8_t size;
	bool crosses;			/* may lie across the end of RAM */
	bool write;
	enum stray_needs needs;
};

#define PROBE(insn)	.name = #insn, .probe = guest_probe_##insn

static const struct stray_access stray_accesses[] = {
	{ PROBE(ldrb), .size = 1 },
	{ PROBE(ldrh), .size = 2, .crosses = true },
	{ PROBE(ldr_w), .size = 4, .crosses = true },
	{ PROBE(ldr_x), .size = 8, .crosses = true },
	{ PROBE(ldr_q), .size = 16, .crosses = true },
	{ PROBE(ldrsw), .size = 4, .crosses = true },
	{ PROBE(ldr_post), .size = 8, .crosses = true },
	{ PROBE(ldp), .size = 16, .crosses = true },
	{ PROBE(ldxr), .size = 8 },
	{ PROBE(ldar), .size = 8 },
	{ PROBE(strb), .size = 1, .write = true },
	{ PROBE(strh), .size = 2, .crosses = true, .write = true },
	{ PROBE(str_w), .size = 4, .crosses = true, .write = true },
	{ PROBE(str_x), .size = 8, .crosses = true, .write = true },
	{ PROBE(str_q), .size = 16, .crosses = true, .write = true },
	{ PROBE(str_post), .size = 8, .crosses = true, .write = true },
	{ PROBE(stp), .size = 16, .crosses = true, .write = true },
	{ PROBE(stlr), .size = 8, .write = true },
	{ PROBE(ldadd), .size = 8, .write = true, .needs = NEEDS_LSE },
	{ PROBE(dc_zva), .size = 64, .write = true, .needs = NEEDS_DC_ZVA },
};

/*
 * Where to stray to: one page for loads and stores, and one for fetches, since stage 1 maps nothing
 * both writable and executable.
 */
static struct stray_place {
	uint64_t data, code;
} stray_places[] = {
	{ GUEST_RAM_IPA - PAGE_SIZE, GUEST_RAM_IPA - 2 * PAGE_SIZE },	/* right below RAM */
	{ RAM_END, RAM_END + PAGE_SIZE },				/* right above it */
	{ RAM_END + MIB(1), RAM_END + MIB(1) + PAGE_SIZE },
	{ 0, 0 },		/* far away, see stray_init() */
};

static uint64_t stray_wnr_wrong;

static bool stray_possible(enum stray_needs needs)
{
	switch (needs) {
	case NEEDS_LSE:
		return guest_read_sysreg("id_aa64isar0_el1") & ISAR0_ATOMIC;
	case NEEDS_DC_ZVA:
		return !(guest_read_sysreg("dczid_el0") & DCZID_DZP);
	default:
		return true;
	}
}

/* Call probe(addr): it must take an external abort of class ec, FAR in [addr, addr + size). */
static uint64_t stray_expect(const char *name, void (*probe)(void *), uint64_t addr, uint64_t size,
			     uint64_t ec)
{
	const uint64_t never = ESR_ISV | ESR_FNV | ESR_S1PTW;
	struct guest_fault fault;

	if (!guest_try(probe, (void *)addr, &fault))
		fail("%s at %lx took no exception", name, addr);
	if (ESR_EC(fault.esr) != ec || ESR_FSC(fault.esr) != ESR_FSC_SYNC_EXTERNAL ||
	    !(fault.esr & ESR_IL) || (fault.esr & never))
		fail("%s at %lx: ESR %lx is no external abort of class %lx", name, addr,
		     fault.esr, ec);
	if (fault.far - addr >= size)
		fail("%s at %lx: FAR is %lx", name, addr, fault.far);
	aborts++;
	return fault.esr;
}

static void stray_data(const struct stray_access *access, uint64_t addr)
{
	uint64_t esr = stray_expect(access->name, access->probe, addr, access->size,
				    ESR_EC_DABT_SAME_EL);

	/* WnR of an external abort may be UNKNOWN: count what is odd. Atomics are reads as well. */
	if (access->needs != NEEDS_LSE && !(esr & ESR_WNR) == access->write)
		stray_wnr_wrong++;
}

/*
 * From the last bytes of RAM into what follows. The part of a store that is inside RAM may or may
 * not have been written (DDI 0487, B2.2.1): put the walk's words back.
 */
static void stray_across(const struct stray_access *access)
{
	uint64_t *tail = (uint64_t *)(RAM_END - 16);
	uint64_t saved[2] = { READ_ONCE(tail[0]), READ_ONCE(tail[1]) };

	stray_data(access, RAM_END - access->size / 2);
	WRITE_ONCE(tail[0], saved[0]);
	WRITE_ONCE(tail[1], saved[1]);
}

static void stray(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(stray_accesses); i++) {
		const struct stray_access *access = &stray_accesses[i];

		if (!stray_possible(access->needs))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(stray_places); j++) {
			stray_data(access, stray_places[j].data);
			stray_data(access, stray_places[j].data + PAGE_SIZE - access->size);
		}
		if (access->crosses)
			stray_across(access);
	}
	for (size_t j = 0; j < ARRAY_SIZE(stray_places); j++) {
		uint64_t addr = stray_places[j].code + PAGE_SIZE / 2;

		stray_expect("execution", (void (*)(void *))addr, addr, 4, ESR_EC_IABT_SAME_EL);
	}
	guest_log_value("aborts", aborts);
	guest_log_value("stray_wnr_wrong", stray_wnr_wrong);
}

/* The last place is the end of what stage 1 can put out. */
static void stray_init(void)
{
	uint64_t limit = guest_mmu_limit();

	stray_places[ARRAY_SIZE(stray_places) - 1] =
		(struct stray_place){ limit - PAGE_SIZE, limit - 2 * PAGE_SIZE };
	for (size_t j = 0; j < ARRAY_SIZE(stray_places); j++) {
		guest_mmu_map(stray_places[j].data, PAGE_SIZE, GUEST_MAP_RW);
		guest_mmu_map(stray_places[j].code, PAGE_SIZE, GUEST_MAP_RX);
	}
}

/* ---- */

static void hold(void)
{
	const char *complaint = guest_hold(HOLD_SEEDS + passes, HOLD_SPINS, passes % 4 == 3);

	if (complaint)
		fail("%s", complaint);
}

static void report(enum guest_event event)
{
	guest_task_report(GUEST_TASK_MEMWALK, event, reports++, passes, bytes_checked, aborts);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t last = guest_arg("passes", guest_arg("rounds", 0));
	uint64_t every = MAX(guest_arg("every", 1), UINT64_C(1));
	bool strays = guest_arg("stray", MEMWALK_STRAY);
	const char *complaint;

	report(GUEST_EVENT_START);
	guest_log_facts();
	guest_log_value("stray", strays);
	if (strays)
		stray_init();
	guest_log_value("pauth", guest_hold_init());
	guest_gic_init();
	guest_timer_start(TICK_HZ);

	while (!last || passes < last) {
		walk();
		if (passes % 2)
			hold();
		if (strays)
			stray();
		passes++;
		guest_log_value("passes", passes);
		guest_log_value("ticks", guest_ticks());
		if (passes % every == 0)
			report(GUEST_EVENT_PROGRESS);
		guest_wfi_until(guest_ticks() + 1);
		complaint = guest_timer_check();
		if (complaint)
			fail("%s", complaint);
	}
	report(GUEST_EVENT_PASS);
}
