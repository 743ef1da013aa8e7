// SPDX-License-Identifier: MIT
/*
 * Telemetry (hvc #0x60) and the mailbox page. Whether anybody answers reports is found out by the
 * first one: without EL2, HVC is UNDEFINED, and QEMU's built-in PSCI answers NOT_SUPPORTED.
 */
#include <stdarg.h>

#include "guests/lib/guest.h"
#include "lib/fmt.h"
#include "lib/string.h"

struct report {
	uint64_t task, event, seq, v0, v1, v2;
	int64_t result;
};

static enum { ANSWER_UNKNOWN, ANSWER_NONE, ANSWER_SCHISM } answer;
static uint64_t last_task = GUEST_TASK_TEST, next_seq;

static struct guest_mailbox *mailbox(void)
{
	struct guest_mailbox *box = (struct guest_mailbox *)GUEST_MAILBOX_IPA;

	/* The compiler must not remember what Schism wrote, or a stray store of ours destroyed. */
	__asm__ volatile("" : "+r"(box) : : "memory");
	return box;
}

static bool mailbox_valid(const struct guest_mailbox *box)
{
	return box->magic == GUEST_MAILBOX_MAGIC && box->version == GUEST_MAILBOX_VERSION;
}

void guest_mailbox_init(void)
{
	struct guest_mailbox *box = mailbox();

	if (mailbox_valid(box))
		return;
	memset(box, 0, sizeof(*box));
	box->magic = GUEST_MAILBOX_MAGIC;
	box->version = GUEST_MAILBOX_VERSION;
	box->nr_slots = GUEST_MAILBOX_SLOTS;
}

static void report_hvc(void *arg)
{
	struct report *r = arg;

	r->result = guest_hvc_task_report(r->task, r->event, r->seq, r->v0, r->v1, r->v2);
}

static void report_print(const struct report *r)
{
	static const char *const tasks[] = { "?", "counter", "memwalk", "test", "bench" };
	static const char *const events[] = { "START", "PROGRESS", "PASS", "FAIL" };

	guest_printf("report: %s %s seq %lu values %lu %lu %lu\n",
		     r->task < ARRAY_SIZE(tasks) ? tasks[r->task] : "?",
		     r->event < ARRAY_SIZE(events) ? events[r->event] : "?", r->seq, r->v0,
		     r->v1, r->v2);
}

void guest_task_report(enum guest_task task, enum guest_event event, uint64_t seq, uint64_t v0,
		       uint64_t v1, uint64_t v2)
{
	struct report r = { task, event, seq, v0, v1, v2, SMCCC_NOT_SUPPORTED };
	struct guest_fault fault;

	last_task = task;
	next_seq = seq + 1;
	if (answer == ANSWER_UNKNOWN) {
		bool undefined = guest_try(report_hvc, &r, &fault);

		answer = undefined || r.result == SMCCC_NOT_SUPPORTED ? ANSWER_NONE : ANSWER_SCHISM;
	} else if (answer == ANSWER_SCHISM) {
		report_hvc(&r);
	}
	if (answer == ANSWER_NONE)
		report_print(&r);
	else if (r.result != SMCCC_SUCCESS)
		guest_printf("guest: task report refused: %ld\n", r.result);
}

bool guest_under_schism(void)
{
	return answer == ANSWER_SCHISM;
}

void guest_fail(uint64_t v0, uint64_t v1, uint64_t v2, const char *fmt, ...)
{
	static bool failing;
	char text[160];
	va_list args;

	guest_irq_mask();
	/* Should saying it fail as well, then rather go off in silence than round in circles. */
	if (failing)
		guest_system_off();
	failing = true;
	va_start(args, fmt);
	fmt_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	guest_printf("FAIL: %s\n", text);
	guest_task_report(last_task, GUEST_EVENT_FAIL, next_seq, v0, v1, v2);
	guest_system_off();
}

void guest_log_value(const char *name, uint64_t value)
{
	struct guest_mailbox *box = mailbox();
	struct guest_mailbox_slot *slot;
	size_t len = MIN(strlen(name), (size_t)GUEST_MAILBOX_NAME_LEN - 1);

	if (!mailbox_valid(box))
		return;
	for (size_t i = 0; i < MIN(box->nr_slots, (uint32_t)GUEST_MAILBOX_SLOTS); i++) {
		slot = &box->slots[i];
		if (!slot->name[0])
			memcpy(slot->name, name, len);
		else if (memcmp(slot->name, name, len) || slot->name[len])
			continue;
		slot->value = value;
		slot->writes++;
		return;
	}
}

void guest_log_facts(void)
{
	uint64_t sp;

	__asm__ volatile("mov %0, sp" : "=r"(sp));
	guest_log_value("CurrentEL", guest_read_sysreg("CurrentEL") >> 2);
	guest_log_value("SP", sp);
	guest_log_value("heap_base", guest_heap_base());
	guest_log_value("work_base", GUEST_WORK_IPA);
	guest_log_value("MPIDR_EL1", guest_read_sysreg("mpidr_el1"));
	guest_log_value("MIDR_EL1", guest_read_sysreg("midr_el1"));
	guest_log_value("CNTFRQ_EL0", guest_read_sysreg("cntfrq_el0"));
	guest_log_value("CNTVCT_EL0_at_start", guest_counter());
	guest_log_value("VBAR_EL1", guest_read_sysreg("vbar_el1"));
	guest_log_value("SCTLR_EL1", guest_read_sysreg("sctlr_el1"));
	guest_log_value("CPACR_EL1", guest_read_sysreg("cpacr_el1"));
	guest_log_value("TTBR0_EL1", guest_read_sysreg("ttbr0_el1"));
	guest_log_value("TCR_EL1", guest_read_sysreg("tcr_el1"));
	guest_log_value("MAIR_EL1", guest_read_sysreg("mair_el1"));
	guest_log_value("ID_AA64PFR0_EL1", guest_read_sysreg("id_aa64pfr0_el1"));
	guest_log_value("ID_AA64ISAR0_EL1", guest_read_sysreg("id_aa64isar0_el1"));
	guest_log_value("ID_AA64ISAR1_EL1", guest_read_sysreg("id_aa64isar1_el1"));
	guest_log_value("ID_AA64MMFR0_EL1", guest_read_sysreg("id_aa64mmfr0_el1"));
}

/* The text after "name=" in the mailbox's arguments, or NULL. It ends at a space, a NUL or *end. */
static const char *arg_find(const char *name, const char **end)
{
	const struct guest_mailbox *box = mailbox();
	size_t len = strlen(name);
	const char *p = box->args;

	*end = box->args + GUEST_MAILBOX_ARGS_LEN;
	if (!mailbox_valid(box))
		return NULL;
	while (p < *end && *p) {
		if ((size_t)(*end - p) > len && !memcmp(p, name, len) && p[len] == '=')
			return p + len + 1;
		while (p < *end && *p && *p != ' ')
			p++;
		while (p < *end && *p == ' ')
			p++;
	}
	return NULL;
}

/* The value of a digit, or 255. */
static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return 255;
}

uint64_t guest_arg(const char *name, uint64_t fallback)
{
	const char *end, *p = arg_find(name, &end);
	unsigned int base = 10;
	uint64_t value = 0;

	if (!p)
		return fallback;
	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x') {
		base = 16;
		p += 2;
	}
	for (; p < end && digit(*p) < base; p++)
		value = value * base + digit(*p);
	return value;
}

bool guest_arg_is(const char *name, const char *value)
{
	const char *end, *p = arg_find(name, &end);
	size_t len = strlen(value);

	if (!p || (size_t)(end - p) < len || memcmp(p, value, len))
		return false;
	return p + len == end || p[len] == '\0' || p[len] == ' ';
}
