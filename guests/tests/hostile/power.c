// SPDX-License-Identifier: MIT
/* PSCI by all vCPUs at once, and VMs that start over and over. */
#include "guests/tests/hostile/hostile.h"

#include "guests/lib/gic_regs.h"

static uint64_t entries[GUEST_MAX_VCPUS], contexts[GUEST_MAX_VCPUS];
static uint64_t storm_end;
static uint64_t nr_started;

/* Switch everybody on, oneself among them, until the time is over; then go off, or be switched on again. */
static void storm(void *arg __unused)
{
	unsigned int nr = guest_nr_vcpus();

	__atomic_fetch_add(&nr_started, 1, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 20 && guest_counter() < READ_ONCE(storm_end); i++) {
		unsigned int id = 1 + i % (nr - 1);

		guest_hvc0(PSCI_CPU_ON_64, id, entries[id], contexts[id]);
		guest_hvc0(PSCI_AFFINITY_INFO_64, id, 0, 0);
		guest_hvc0(PSCI_CPU_ON_64, guest_vcpu_id(), entries[id], contexts[id]);
		hostile_yield();
	}
}

static void on_off_storm(uint64_t arg __unused)
{
	unsigned int nr = guest_nr_vcpus();

	storm_end = guest_counter() + test_us(40000);
	for (unsigned int id = 1; id < nr; id++)
		guest_vcpu_prepare(id, storm, NULL, &entries[id], &contexts[id]);
	while (guest_counter() < storm_end)
		storm(NULL);
	for (unsigned int id = 1; id < nr; id++)
		if (!test_join(id))
			guest_fail(id, 0, 0, "hostile: vCPU %u does not end", id);
}

static void just_off(void *arg __unused)
{
}

static void send_and_yield(uint64_t sgi)
{
	guest_write_sysreg(ICC_SGI1R_EL1, sgi);
	hostile_yield();
}

/* One that goes off at once, switched on again as soon as it may be; interrupts for it in between. */
static void on_off_race(uint64_t arg __unused)
{
	guest_vcpu_prepare(1, just_off, NULL, &entries[1], &contexts[1]);
	for (unsigned int i = 0; i < 300; i++) {
		while ((int64_t)guest_hvc0(PSCI_CPU_ON_64, 1, entries[1], contexts[1]).x0 == PSCI_ALREADY_ON)
			send_and_yield(2 | (uint64_t)(i & 15) << 24);
	}
	test_join(1);
}

/* Entered where there is no code, with the MMU off: in the last bytes of RAM, and in a zeroed page. */
static void odd_entries(uint64_t arg __unused)
{
	static const uint64_t odd[] = { IPA_RAM_END - 4, GUEST_RAM_IPA, IPA_HOLE, GUEST_UART_IPA, 2,
					BIT(40) };
	uint64_t end = guest_counter() + hostile_time();

	/* It takes its exceptions at VBAR_EL1 = 0: there is nothing, and the VM ends. */
	for (size_t i = 2; i < ARRAY_SIZE(odd); i++)
		guest_hvc0(PSCI_CPU_ON_64, 1, odd[i], 0);
	guest_hvc0(PSCI_CPU_ON_64, 1, odd[arg], 0);
	while (guest_counter() < end)
		guest_relax();
}

static void go_off(void *arg __unused)
{
	guest_hvc0(PSCI_CPU_OFF, 0, 0, 0);
}

/* All vCPUs off, without SYSTEM_OFF: nobody is left who could switch one on. */
static void all_off(uint64_t arg __unused)
{
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		test_start_vcpu(id, go_off, NULL);
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, 1, 0, 0);
	guest_hvc0(PSCI_CPU_OFF, 0, 0, 0);
}

static void call_off(void *arg)
{
	guest_hvc0((uint64_t)arg, 0, 0, 0);
}

/* SYSTEM_OFF by all vCPUs at the same time. */
static void off_by_all(uint64_t arg __unused)
{
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, 1, 0, 0);
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		guest_vcpu_start(id, call_off, (void *)PSCI_SYSTEM_OFF);
	guest_hvc0(PSCI_SYSTEM_OFF, 0, 0, 0);
}

static void spin(void *arg __unused)
{
	for (;;)
		guest_hvc0(SMCCC_VERSION, 0, 0, 0);
}

/* Reset as soon as started, with the other vCPUs in the middle of something. */
static void reset_storm(uint64_t by_all)
{
	if (guest_counter() > hostile_time()) {
		guest_printf("hostile: reset for long enough\n");
		return;
	}
	for (unsigned int id = 1; id < guest_nr_vcpus(); id++)
		guest_vcpu_start(id, by_all ? call_off : spin, (void *)PSCI_SYSTEM_RESET);
	guest_hvc0(PSCI_SYSTEM_RESET, 0, 0, 0);
}

static void suspend_again(void *arg __unused)
{
	if (guest_counter() > hostile_time()) {
		guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, 1, 0, 0);
		guest_system_off();
	}
	nr_started++;
	guest_write_sysreg("cntv_cval_el0", guest_counter() + test_us(nr_started & 1 ? 100 : 0));
	guest_write_sysreg("cntv_ctl_el0", 1);
	guest_isb();
	guest_hvc0(PSCI_SYSTEM_SUSPEND_64, entries[1], contexts[1], 0);
}

/* Asleep as soon as started, woken by a timer that is due soon or already, over and over. */
static void suspend_storm(uint64_t arg __unused)
{
	/* Entered as another vCPU would be, on that one's stack. */
	guest_vcpu_prepare(1, suspend_again, NULL, &entries[1], &contexts[1]);
	suspend_again(NULL);
	guest_fail(0, 0, 0, "hostile: SYSTEM_SUSPEND came back");
}

/* PSCI's standby with an interrupt pending, masked, or due: it comes back. */
static void suspend(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 200; i++) {
		guest_write_sysreg("cntv_cval_el0", guest_counter() + (i & 1 ? 0 : 300));
		guest_write_sysreg("cntv_ctl_el0", 1);
		guest_isb();
		guest_hvc0(i & 2 ? PSCI_CPU_SUSPEND_64 : PSCI_CPU_SUSPEND_32, i & 4 ? BIT(16) : 0, 0, 0);
	}
	guest_write_sysreg("cntv_ctl_el0", 0);
}

static const struct behaviour power_rows[] = {
	{ "suspend", suspend },
	{ "on-off-storm", on_off_storm, 0, COMES_BACK, 2 },
	{ "on-off-race", on_off_race, 0, COMES_BACK, 2 },
	{ "entry-at-ram-end", odd_entries, 0, DIES, 2 },
	{ "entry-without-code", odd_entries, 1, DIES, 2 },
	{ "all-off", all_off, 0, ENDS },
	{ "off-by-all", off_by_all, 0, ENDS },
	{ "suspend-storm", suspend_storm, 0, ENDS },
	{ "reset-storm", reset_storm, 0, ENDS },
	{ "reset-by-all", reset_storm, 1, ENDS },
};

const struct family power_family = FAMILY(power);
