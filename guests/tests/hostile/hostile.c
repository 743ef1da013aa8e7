// SPDX-License-Identifier: MIT
/*
 * hostile: runs the behaviours that its arguments choose; see hostile.h.
 *
 * Arguments: only=FAMILY.NAME one behaviour; family=FAMILY all of it that come back, family=all of all
 * families. seed=N for what is random, ms=N for what has no end, list=1 prints all names.
 */
#include "guests/tests/hostile/hostile.h"

#include "lib/fmt.h"

static const struct family *const families[] = {
	&mmio_family, &exec_family, &tables_family, &state_family, &calls_family, &power_family,
	&sysreg_family, &cache_family, &irq_family, &gic_family, &time_family, &debug_family, &cpu_family,
	&endless_family,
};

#define MAX_ROWS	64

/* Found out before anything runs: the arguments are in the mailbox, which some of them destroy. */
static bool chosen[ARRAY_SIZE(families)][MAX_ROWS];
static uint64_t nr_run, nr_skipped;

static void run_on_vcpu1(void *arg)
{
	const struct behaviour *row = arg;

	row->run(row->arg);
}

/* vCPU 1 goes on for ever; this one sees to it that it does not. */
static void run_endless(const struct behaviour *row)
{
	uint64_t end;

	/* It only reads it. */
	if (!test_start_vcpu(1, run_on_vcpu1, (void *)row))
		guest_fail(0, 0, 0, "hostile: vCPU 1 does not start");
	end = guest_counter() + hostile_time();
	guest_write_sysreg("cntv_cval_el0", end);
	guest_write_sysreg("cntv_ctl_el0", 1);
	while (guest_counter() < end)
		__asm__ volatile("wfi");
}

static void run_row(const char *family, const struct behaviour *row)
{
	if (row->vcpus > guest_nr_vcpus() || (row->kind == ENDLESS && guest_nr_vcpus() < 2)) {
		nr_skipped++;
		return;
	}
	guest_printf("hostile: %s.%s\n", family, row->name);
	if (row->kind == ENDLESS)
		run_endless(row);
	else
		row->run(row->arg);
	nr_run++;
	if (row->kind == DIES)
		guest_fail(0, 0, 0, "hostile: %s.%s came back", family, row->name);
	hostile_settle();
	if (guest_hvc0(SMCCC_VERSION, 0, 0, 0).x0 < 0x10001)
		guest_fail(0, 0, 0, "hostile: no SMCCC after %s.%s", family, row->name);
}

static bool is_chosen(const char *family, const struct behaviour *row)
{
	char name[64];

	fmt_snprintf(name, sizeof(name), "%s.%s", family, row->name);
	if (guest_arg_is("only", name))
		return true;
	return row->kind == COMES_BACK && (guest_arg_is("family", family) || guest_arg_is("family", "all"));
}

static void choose(bool listing)
{
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		if (families[f]->nr > MAX_ROWS)
			guest_fail(f, families[f]->nr, 0, "hostile: MAX_ROWS is too small");
		for (size_t i = 0; i < families[f]->nr; i++) {
			chosen[f][i] = is_chosen(families[f]->name, &families[f]->rows[i]);
			if (listing)
				guest_printf("hostile: %s.%s kind %u\n", families[f]->name,
					     families[f]->rows[i].name, families[f]->rows[i].kind);
		}
	}
}

void guest_main(uint64_t dtb __unused)
{
	bool listing = guest_arg("list", 0) != 0;

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	hostile_init();
	choose(listing);
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		for (size_t i = 0; i < families[f]->nr; i++) {
			if (chosen[f][i])
				run_row(families[f]->name, &families[f]->rows[i]);
		}
	}
	guest_printf("hostile: %lu behaviours, %lu skipped\n", nr_run, nr_skipped);
	if (!nr_run && !nr_skipped && !listing)
		guest_fail(0, 0, 0, "hostile: nothing was chosen");
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, nr_run, 0, nr_skipped);
}
