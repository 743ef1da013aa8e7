// SPDX-License-Identifier: MIT
/*
 * The ring of crash records; the processor's part is arch/crash.h.
 *
 * Lock: crash_lock (RANK_CRASH) around the ring, also while a record is taken and printed, so that two VMs
 * that crash at once do not mix their lines.
 */
#include "kernel/check/crash.h"

#include "arch/cpu.h"
#include "arch/crash.h"
#include "kernel/base/lock.h"
#include "kernel/base/log.h"
#include "kernel/base/timer.h"
#include "kernel/vm/vcpu.h"

struct crash {
	const struct vm *vm;
	unsigned int vcpu;
	enum vm_crash_reason reason;
	uint64_t when;			/* counter */
	uint64_t number;		/* crashes before it, of all VMs */
	struct arch_crash arch;
};

static struct spinlock crash_lock = SPINLOCK_INIT(RANK_CRASH);

/* guarded by crash_lock */
static struct crash ring[CRASH_RECORDS];
static uint64_t nr_crashes;

const char *crash_text(enum vm_crash_reason reason)
{
	static const char *const texts[] = {
		[VM_CRASH_NONE] = "none",
		[VM_CRASH_NO_VECTOR] = "an exception came, and the guest's vector for it cannot be fetched",
		[VM_CRASH_LOAD] = "its images could not be loaded again",
		[VM_CRASH_WATCHDOG] = "its watchdog was not refreshed",
	};

	return texts[reason];
}

static void show(const struct crash *c)
{
	log_err("%s: CRASHED on vCPU %u: %s", c->vm->name, c->vcpu, crash_text(c->reason));
	log_err("  crash %lu, at %lu ms", c->number, timer_ticks_to_us(c->when) / 1000);
	arch_crash_show(&c->arch);
}

void crash_record(struct vcpu *vcpu, enum vm_crash_reason reason)
{
	struct crash *c;

	spin_lock(&crash_lock);
	c = &ring[nr_crashes % CRASH_RECORDS];
	*c = (struct crash){
		.vm = vcpu->vm, .vcpu = vcpu->id, .reason = reason, .when = arch_counter(),
		.number = nr_crashes,
	};
	arch_crash_capture(vcpu, &c->arch);
	nr_crashes++;
	show(c);
	spin_unlock(&crash_lock);
}

bool crash_show_next(const struct vm *vm, uint64_t *next)
{
	bool found = false;

	spin_lock(&crash_lock);
	if (nr_crashes > CRASH_RECORDS)
		*next = MAX(*next, nr_crashes - CRASH_RECORDS);
	while (!found && *next < nr_crashes) {
		const struct crash *c = &ring[(*next)++ % CRASH_RECORDS];

		found = !vm || c->vm == vm;
		if (found)
			show(c);
	}
	spin_unlock(&crash_lock);
	return found;
}
