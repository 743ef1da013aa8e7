// SPDX-License-Identifier: MIT
/*
 * shm_os: two VMs talk through a shared window.
 *
 * Argument role=
 *   ping     writes a number into the window, waits until the other has answered with the next one, and so
 *            on for rounds=N rounds; then reports PASS
 *   pong     answers
 *   reader   has the window read-only: follows the numbers, and expects its own write to abort
 * window=ADDRESS is where the VM sees it.
 */
#include "guests/lib/guest.h"

#define WINDOW_SIZE	MIB(2)
#define QUIT		UINT64_MAX
#define PATIENCE_HZ	100

static volatile uint64_t *ping, *pong;

static void window_init(void)
{
	uint64_t at = guest_arg("window", 0x30000000);

	guest_mmu_map(at, WINDOW_SIZE, GUEST_MAP_RW);
	ping = (volatile uint64_t *)at;
	pong = ping + 8;
}

/* Wait until the word is at least val; the other VM's turn comes with our WFI. */
static void wait_for(volatile uint64_t *word, uint64_t val)
{
	while (*word < val)
		guest_wfi_until(guest_ticks() + 1);
}

static uint64_t play_ping(uint64_t rounds)
{
	for (uint64_t n = 1; n <= rounds; n++) {
		*ping = n;
		wait_for(pong, n);
	}
	*ping = QUIT;
	return rounds;
}

static uint64_t play_pong(void)
{
	uint64_t answered = 0, seen;

	for (;;) {
		wait_for(ping, answered + 1);
		seen = *ping;
		if (seen == QUIT)
			return answered;
		answered = seen;
		*pong = seen;
	}
}

static void store(void *arg)
{
	*(volatile uint64_t *)arg = 0;
}

static uint64_t play_reader(void)
{
	struct guest_fault fault;
	uint64_t changes = 0, last = 0;

	while (last != QUIT) {
		uint64_t now = *ping;

		changes += now != last;
		last = now;
		guest_wfi_until(guest_ticks() + 1);
	}
	if (!guest_try(store, (void *)ping, &fault) || ESR_FSC(fault.esr) != ESR_FSC_SYNC_EXTERNAL)
		guest_fail(changes, 0, 0, "shm_os: a store to a read-only window did not abort");
	return changes;
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t done;

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	window_init();
	guest_gic_init();
	guest_timer_start(PATIENCE_HZ);
	if (guest_arg_is("role", "ping"))
		done = play_ping(guest_arg("rounds", 10));
	else if (guest_arg_is("role", "pong"))
		done = play_pong();
	else
		done = play_reader();
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, done, 0, 0);
}
