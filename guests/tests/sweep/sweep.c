// SPDX-License-Identifier: MIT
/*
 * sweep: what one VM writes to system registers, no other VM reads.
 *
 * Two VMs run this on one CPU, side=0 and side=1, and take turns by a word in a shared window. A turn reads
 * every register of op0 2 and 3 that can be read and compares with what it held at the end of the last turn;
 * then it writes every encoding that can be written, all ones, all zeros or a pattern, where the other side
 * writes the complement; and notes what the registers hold now. What passes from one VM to the other, or is
 * lost on the way, is a difference.
 *
 * Encodings are not listed: all 32768 are tried, allocated, implementation-defined and reserved ones. What is
 * UNDEFINED is stepped over. What is listed is the few registers that cannot hold a pattern (kept[]) or
 * change by themselves (moving[]), each with its reason.
 *
 * Arguments: side=0 or 1, window=ADDRESS, dump=1 to print every register that can be read.
 */
#include "guests/lib/guest.h"

#define NR_ENCODINGS	32768
#define MAX_FOUND	2048
#define MAX_SHOWN	64
#define WINDOW_SIZE	MIB(2)
#define NOTHING		UINT64_C(0x0bad0bad0bad0bad)	/* a read that was stepped over leaves it */

/* As the instructions have it, from op2 on. */
#define ENC(op0, op1, crn, crm, op2) \
	((uint32_t)(((op0) & 1) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

#define EC_FP		0x07
#define EC_SYSREG	0x18
#define EC_SVE		0x19
#define EC_SME		0x1d

extern char sweep_read[], sweep_write[], sweep_vectors[];

/* Bits that a pattern may change without this guest's ending; its own value stays in the others. */
static const struct {
	uint32_t enc;
	uint64_t mask;
} kept[] = {
	/* SCTLR_EL1: what concerns EL0 alone; the MMU, caches and alignment checks stay as they are. */
	{ ENC(3, 0, 1, 0, 0), BIT(4) | BIT(5) | BIT(7) | BIT(8) | BIT(9) | BIT(14) | BIT(15) | BIT(16) |
			      BIT(18) | BIT(24) | BIT(26) },
	{ ENC(3, 0, 2, 0, 0), GENMASK(63, 48) },	/* TTBR0_EL1: the ASID; all mappings are global */
	{ ENC(3, 0, 2, 0, 2), GENMASK(21, 16) | GENMASK(31, 24) | BIT(38) },	/* TCR_EL1: the unused half */
	{ ENC(3, 0, 10, 2, 0), GENMASK(63, 16) },	/* MAIR_EL1: all but the two attributes in use */
	{ ENC(3, 0, 4, 2, 0), 0 },			/* SPSel: the stack */
	{ ENC(3, 3, 4, 2, 1), BIT(8) | BIT(6) },	/* DAIF: no interrupts, no debug exceptions */
	{ ENC(3, 3, 9, 12, 0), ~BIT(0) },		/* PMCR_EL0: counters stand; test_pmu lets them run */
};
#define VBAR_EL1	ENC(3, 0, 12, 0, 0)		/* between the two tables of vectors */

/* Not compared, since nobody has to write them for them to change. */
static const uint32_t moving[] = {
	ENC(3, 3, 14, 0, 1), ENC(3, 3, 14, 0, 2),	/* CNTPCT_EL0, CNTVCT_EL0 */
	ENC(3, 3, 14, 0, 5), ENC(3, 3, 14, 0, 6),	/* CNTPCTSS_EL0, CNTVCTSS_EL0 */
	ENC(3, 3, 14, 2, 0), ENC(3, 3, 14, 3, 0),	/* CNTP_TVAL_EL0, CNTV_TVAL_EL0: less the counter */
	ENC(3, 3, 2, 4, 0), ENC(3, 3, 2, 4, 1),		/* RNDR, RNDRRS */
	ENC(3, 3, 4, 2, 0),				/* NZCV: this program's own flags */
};

/*
 * Written by exceptions, which come while registers are tried. So they are written last in a turn, after
 * which there are none, and read first in the next.
 */
static const uint32_t of_exceptions[] = {
	ENC(3, 0, 4, 0, 0), ENC(3, 0, 4, 0, 1),		/* SPSR_EL1, ELR_EL1 */
	ENC(3, 0, 5, 2, 0), ENC(3, 0, 6, 0, 0),		/* ESR_EL1, FAR_EL1 */
};

static const uint64_t patterns[] = {
	~UINT64_C(0), 0, 0x5a5aa5a5c3c33c3c, 0xa5a55a5a3c3cc3c3,
};

static struct {
	uint32_t enc[MAX_FOUND];
	uint64_t is[MAX_FOUND];
	unsigned int nr;
} readable;

static struct {
	uint32_t enc[MAX_FOUND];
	unsigned int nr;
} writable;

static struct {
	uint32_t enc;
	uint64_t was, is;
} differences[MAX_SHOWN];

static uint64_t own[ARRAY_SIZE(kept)];
static uint64_t exceptions[ARRAY_SIZE(of_exceptions)];
static unsigned int nr_differences;
static volatile uint64_t *turn;
static bool stepped_over;

static bool step_over(struct guest_frame *frame)
{
	uint64_t ec = ESR_EC(guest_read_sysreg("esr_el1"));

	if (ec != ESR_EC_UNKNOWN && ec != EC_SYSREG && ec != EC_FP && ec != EC_SVE && ec != EC_SME)
		return false;
	frame->elr += 4;
	stepped_over = true;
	return true;
}

static uint64_t read(uint32_t enc)
{
	uint64_t (*fn)(uint64_t) = (uint64_t (*)(uint64_t))(sweep_read + 8 * enc);

	return fn(NOTHING);
}

static void write(uint32_t enc, uint64_t val)
{
	void (*fn)(uint64_t) = (void (*)(uint64_t))(sweep_write + 8 * enc);

	fn(val);
	guest_isb();
}

static bool is_listed(const uint32_t *list, size_t nr, uint32_t enc)
{
	for (size_t i = 0; i < nr; i++) {
		if (list[i] == enc)
			return true;
	}
	return false;
}

#define IS_LISTED(list, enc)	is_listed(list, ARRAY_SIZE(list), enc)

static uint64_t value_for(uint32_t enc, uint64_t pattern)
{
	if (enc == VBAR_EL1)
		return (uint64_t)((pattern & 1) ? sweep_vectors : guest_vectors);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (kept[i].enc == enc)
			return (own[i] & ~kept[i].mask) | (pattern & kept[i].mask);
	}
	return pattern;
}

static void find_readable(void)
{
	for (uint32_t enc = 0; enc < NR_ENCODINGS; enc++) {
		stepped_over = false;
		(void)read(enc);
		if (stepped_over || IS_LISTED(moving, enc) || IS_LISTED(of_exceptions, enc))
			continue;
		if (readable.nr == MAX_FOUND)
			guest_fail(enc, 0, 0, "sweep: more than %u registers", MAX_FOUND);
		readable.enc[readable.nr++] = enc;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		own[i] = read(kept[i].enc);
}

/* By writing ones, which leaves all open that a register can close, such as FPCR. */
static void find_writable(void)
{
	for (uint32_t enc = 0; enc < NR_ENCODINGS; enc++) {
		stepped_over = false;
		write(enc, value_for(enc, ~UINT64_C(0)));
		if (stepped_over)
			continue;
		if (writable.nr == MAX_FOUND)
			guest_fail(enc, 0, 0, "sweep: more than %u registers", MAX_FOUND);
		writable.enc[writable.nr++] = enc;
	}
}

static void write_all(uint64_t pattern)
{
	for (unsigned int i = 0; i < writable.nr; i++)
		write(writable.enc[i], value_for(writable.enc[i], pattern));
}

static void note(void)
{
	for (unsigned int i = 0; i < readable.nr; i++)
		readable.is[i] = read(readable.enc[i]);
}

static void note_exceptions(uint64_t pattern)
{
	for (size_t i = 0; i < ARRAY_SIZE(of_exceptions); i++) {
		write(of_exceptions[i], pattern);
		exceptions[i] = read(of_exceptions[i]);
	}
}

static void compare(uint32_t enc, uint64_t was)
{
	uint64_t is = read(enc);

	if (is == was)
		return;
	if (nr_differences < MAX_SHOWN) {
		differences[nr_differences].enc = enc;
		differences[nr_differences].was = was;
		differences[nr_differences].is = is;
	}
	nr_differences++;
}

static void compare_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(of_exceptions); i++)
		compare(of_exceptions[i], exceptions[i]);
	for (unsigned int i = 0; i < readable.nr; i++)
		compare(readable.enc[i], readable.is[i]);
}

/* Turn n is side n % 2's. Whoever waits gives up the CPU: no instruction of an exception's. */
static void wait_for_turn(uint64_t n)
{
	while (*turn != n)
		guest_relax();
}

static void end_turn(uint64_t n)
{
	*turn = n + 1;
	guest_notify();
}

static void show(const char *what, uint32_t enc, uint64_t a, uint64_t b)
{
	guest_printf("%s: S%u_%u_C%u_C%u_%u: 0x%016lx 0x%016lx\n", what, 2 + (enc >> 14), enc >> 11 & 7,
		     enc >> 7 & 0xf, enc >> 3 & 0xf, enc & 7, a, b);
}

static void show_findings(void)
{
	for (unsigned int i = 0; i < MIN(nr_differences, MAX_SHOWN); i++)
		show("DIFFERENT", differences[i].enc, differences[i].was, differences[i].is);
	for (unsigned int i = 0; guest_arg("dump", 0) && i < readable.nr; i++)
		show("readable", readable.enc[i], readable.is[i], 0);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t side = guest_arg("side", 0), at = guest_arg("window", 0x30000000), n = side;

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	guest_mmu_map(at, WINDOW_SIZE, GUEST_MAP_RW);
	turn = (volatile uint64_t *)at;
	guest_hook(GUEST_HOOK_SYNC, step_over);

	wait_for_turn(n);
	find_readable();
	note();
	note_exceptions(0);
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		uint64_t pattern = side ? ~patterns[i] : patterns[i];

		end_turn(n);
		n += 2;
		wait_for_turn(n);
		compare_all();
		if (i == 0)
			find_writable();
		write_all(pattern);
		note();
		note_exceptions(pattern);
	}
	end_turn(n);
	n += 2;
	wait_for_turn(n);
	compare_all();
	show_findings();
	guest_printf("sweep: %u readable, %u writable, %u differences\n", readable.nr, writable.nr,
		     nr_differences);
	end_turn(n);
	if (nr_differences)
		guest_fail(readable.nr, writable.nr, nr_differences,
			   "sweep: registers are not this VM's own");
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, readable.nr, writable.nr, 0);
}
