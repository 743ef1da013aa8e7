// SPDX-License-Identifier: MIT
/* Commands on the machine: check, mem, sched, log, uptime, version, poweroff. */
#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/deferred.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/timer.h"
#include "kernel/base/version.h"
#include "kernel/check/invariants.h"
#include "kernel/console/console.h"
#include "kernel/mm/page.h"
#include "kernel/platform/this_machine.h"
#include "kernel/shell/shell.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

/* ---- check ---- */

/* What does not hold is in the log as an error. */
static void run_check(const struct shell_args *args)
{
	if (!IS_ENABLED(CONFIG_CHECK_INVARIANTS))
		shell_print("not looked at: CONFIG_CHECK_INVARIANTS is off");
	else if (invariants_check())
		shell_print("all invariants hold");
	else
		shell_print("some invariants do not hold: the lines above say which");
}

SHELL_COMMAND(check) = {
	.name = "check", .args = "", .help = "whether Schism's invariants hold",
	.more = "Locks, run queues, vCPUs, interrupts, page records and stage 2, each against the others.\n"
		"The guests wait meanwhile for as long as that takes.",
	.run = run_check,
};

/* ---- mem ---- */

static void show_memory_of(struct vm *vm)
{
	struct carveout ram[VM_MAX_REGIONS];
	bool present;

	spin_lock(&vm->lock);
	memcpy(ram, vm->ram, sizeof(ram));
	present = vm->nr_vcpus != 0;
	spin_unlock(&vm->lock);
	for (unsigned int i = 0; present && i < vm->desc.nr_regions; i++)
		shell_print("%s: %lu KiB at IPA 0x%lx = PA 0x%lx", vm->name, ram[i].size >> 10,
			    vm->desc.regions[i].ipa.ipa, ram[i].base.pa);
	if (!present)
		shell_print("%s: none, it is %s", vm->name, vm_state_name(READ_ONCE(vm->state)));
}

static void run_mem(const struct shell_args *args)
{
	struct page_stats s;

	page_get_stats(&s);
	shell_print("RAM: %lu KiB, %lu KiB free, %lu KiB of that not cleared yet", s.total << 2, s.free << 2,
		    s.dirty << 2);
	shell_print("EL2's pool: %lu KiB, %lu KiB free", s.pool << 2, s.pool_free << 2);
	for (unsigned int i = 0; i < nr_vms; i++) {
		show_memory_of(vms[i]);
	}
}

SHELL_COMMAND(mem) = {
	.name = "mem", .args = "", .help = "RAM, EL2's own memory, and what each VM has", .run = run_mem,
};

/* ---- sched ---- */

struct occupant {
	const struct vm *vm;	/* NULL: nobody */
	unsigned int vcpu;
};

/* By way of the VMs, whose locks keep vCPUs from being given back. */
static void find_occupants(struct occupant *on)
{
	memset(on, 0, CONFIG_NR_CPUS * sizeof(*on));
	for (unsigned int i = 0; i < nr_vms; i++) {
		spin_lock(&vms[i]->lock);
		for (unsigned int v = 0; v < vms[i]->nr_vcpus; v++) {
			const struct vcpu *vcpu = vms[i]->vcpus[v];

			if (READ_ONCE(vcpu->state) == VCPU_RUNNING)
				on[READ_ONCE(vcpu->cpu)->id] = (struct occupant){ vms[i], v };
		}
		spin_unlock(&vms[i]->lock);
	}
}

static void run_sched(const struct shell_args *args)
{
	struct occupant on[CONFIG_NR_CPUS];

	find_occupants(on);
	for_each_online_cpu(cpu) {
		const struct occupant *who = &on[cpu->id];
		unsigned int queued = READ_ONCE(cpu->rq.nr_queued);

		if (who->vm)
			shell_print("CPU %u: %s vCPU %u, %u queued, %lu switches, %lu interrupts", cpu->id,
				    who->vm->name, who->vcpu, queued, READ_ONCE(cpu->nr_switches),
				    READ_ONCE(cpu->nr_irqs));
		else
			shell_print("CPU %u: %s, %u queued, %lu switches, %lu interrupts", cpu->id,
				    READ_ONCE(cpu->idle) ? "idle" : "in Schism", queued,
				    READ_ONCE(cpu->nr_switches), READ_ONCE(cpu->nr_irqs));
	}
	shell_print("Schism's own work: %lu us in one go at most", job_longest_us());
}

SHELL_COMMAND(sched) = {
	.name = "sched", .args = "", .help = "what each CPU runs, and how much waits for it",
	.run = run_sched,
};

/* ---- log ---- */

#define LINES_A_STEP	8

static const char *const level_names[] = {
	[LOG_ERR] = "error", [LOG_WARN] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

static struct {
	enum log_level level;
	uint64_t at, end;
	unsigned int lines;	/* of this page */
} replay;

static const char *nth_level(unsigned int i)
{
	return i < ARRAY_SIZE(level_names) ? level_names[i] : NULL;
}

static bool show_log(void)
{
	char text[LOG_LINE_MAX];
	enum log_level level;
	size_t len;

	for (unsigned int n = 0; n < LINES_A_STEP;) {
		if (!log_read(&replay.at, replay.end, &level, text, &len))
			return false;
		if (level > replay.level)
			continue;
		log_show(level, text, len);
		n++;
		if (++replay.lines % SHELL_PAGE == 0) {
			shell_pause();
			break;
		}
	}
	return true;
}

static void run_log(const struct shell_args *args)
{
	unsigned int level = LOG_DEBUG;

	if (args->n > 1) {
		for (level = 0; level < ARRAY_SIZE(level_names); level++) {
			if (!strcmp(level_names[level], args->word[1]))
				break;
		}
		if (level == ARRAY_SIZE(level_names)) {
			shell_print("\"%s\" is not a level: error, warning, info or debug", args->word[1]);
			return;
		}
	}
	replay.level = (enum log_level)level;
	replay.at = 0;
	replay.lines = 0;
	replay.end = log_end();
	shell_continue(show_log);
}

SHELL_COMMAND(log) = {
	.name = "log", .args = "[LEVEL]", .help = "Schism's log again, as far as it is kept",
	.more = "LEVEL: error, warning, info or debug: lines of that importance and above.\n"
		"After each screen q ends it, and any other key goes on.",
	.max = 1, .complete = { nth_level }, .run = run_log,
};

/* ---- uptime, version ---- */

static uint64_t since(uint64_t counter)
{
	return timer_ticks_to_us(arch_counter() - counter);
}

static void run_uptime(const struct shell_args *args)
{
	char text[32];

	shell_print("the machine: up %s", shell_format_time(text, sizeof(text), since(0)));
	for (unsigned int i = 0; i < nr_vms; i++) {
		enum vm_state state = READ_ONCE(vms[i]->state);

		if (state == VM_RUNNING || state == VM_PAUSED)
			shell_print("%s: %s, started %s ago", vms[i]->name, vm_state_name(state),
				    shell_format_time(text, sizeof(text),
						      since(READ_ONCE(vms[i]->started_at))));
		else
			shell_print("%s: %s", vms[i]->name, vm_state_name(state));
	}
}

SHELL_COMMAND(uptime) = {
	.name = "uptime", .args = "", .help = "how long the machine runs, and each VM since its last start",
	.run = run_uptime,
};

static void run_version(const struct shell_args *args)
{
	shell_print("Schism %s on %s", schism_version(), machine.model);
}

SHELL_COMMAND(version) = {
	.name = "version", .args = "", .help = "what was built, and the machine's name", .run = run_version,
};

/* ---- poweroff ---- */

static const char *nth_way_off(unsigned int i)
{
	return i ? NULL : "force";
}

static void run_poweroff(const struct shell_args *args)
{
	if (args->n == 1) {
		vm_end_machine_as_asked();
	} else if (!strcmp(args->word[1], "force")) {
		shell_print("powering off, whatever has happened");
		machine_end();
	} else {
		shell_print("\"%s\" is no way to power off: force", args->word[1]);
	}
}

SHELL_COMMAND(poweroff) = {
	.name = "poweroff", .args = "[force]", .help = "turn the machine off at once; guests are not asked",
	.more = "If a VM has crashed, reported a failure or was refused, that is an end in failure,\n"
		"which may be configured to be a reset. force: off all the same, as in success.",
	.max = 1, .complete = { nth_way_off }, .run = run_poweroff,
};
