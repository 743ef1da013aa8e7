// SPDX-License-Identifier: MIT
/*
 * Further vCPUs: one struct vcpu_start for each, which guest_secondary_entry (secondary.S) reads while its
 * MMU is still off. A vCPU that has switched itself off may be started again on the same stack.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/guest.h"

struct vcpu_start {
	uint64_t mair, tcr, ttbr0, sctlr;
	uint64_t sp;
	void (*fn)(void *arg);
	void *arg;
} __aligned(64);

_Static_assert(offsetof(struct vcpu_start, mair) == START_MAIR, "asm.h");
_Static_assert(offsetof(struct vcpu_start, tcr) == START_TCR, "asm.h");
_Static_assert(offsetof(struct vcpu_start, ttbr0) == START_TTBR0, "asm.h");
_Static_assert(offsetof(struct vcpu_start, sctlr) == START_SCTLR, "asm.h");
_Static_assert(offsetof(struct vcpu_start, sp) == START_SP, "asm.h");

extern char guest_secondary_entry[];
void guest_secondary_main(struct vcpu_start *start) __noreturn;

static struct vcpu_start starts[GUEST_MAX_VCPUS];

unsigned int guest_nr_vcpus(void)
{
	unsigned int nr = 0;
	uint64_t typer;

	do {
		typer = guest_mmio_read64(GUEST_GICR_IPA + nr * GUEST_GICR_STRIDE + GICR_TYPER);
		nr++;
	} while (!(typer & GICR_TYPER_LAST) && nr < GUEST_MAX_VCPUS);
	return nr;
}

/* The half of the slot below it that vectors.S takes for an overflow begins the slot above it. */
static uint64_t stack_alloc(void)
{
	char *slot = guest_alloc(GUEST_STACK_SIZE, 2 * GUEST_STACK_SIZE);

	if (!slot)
		guest_fail(0, 0, 0, "guest: no room for a vCPU's stack");
	return (uint64_t)slot + GUEST_STACK_SIZE;
}

void guest_vcpu_prepare(unsigned int id, void (*fn)(void *arg), void *arg, uint64_t *entry,
			uint64_t *context)
{
	struct vcpu_start *start = &starts[id];

	start->mair = guest_read_sysreg("mair_el1");
	start->tcr = guest_read_sysreg("tcr_el1");
	start->ttbr0 = guest_read_sysreg("ttbr0_el1");
	start->sctlr = guest_read_sysreg("sctlr_el1");
	if (!start->sp)
		start->sp = stack_alloc();
	start->fn = fn;
	start->arg = arg;
	/* It will be read past the caches. */
	__asm__ volatile("dc civac, %0\n\tdsb sy" : : "r"(start) : "memory");
	*entry = (uint64_t)guest_secondary_entry;
	*context = (uint64_t)start;
}

int64_t guest_vcpu_start(unsigned int id, void (*fn)(void *arg), void *arg)
{
	uint64_t entry, context;

	guest_vcpu_prepare(id, fn, arg, &entry, &context);
	return (int64_t)guest_hvc0(PSCI_CPU_ON_64, id, entry, context).x0;
}

int64_t guest_vcpu_state(unsigned int id)
{
	return (int64_t)guest_hvc0(PSCI_AFFINITY_INFO_64, id, 0, 0).x0;
}

void guest_secondary_main(struct vcpu_start *start)
{
	start->fn(start->arg);
	guest_notify();
	guest_hvc0(PSCI_CPU_OFF, 0, 0, 0);
	guest_fail(guest_vcpu_id(), 0, 0, "guest: vCPU %u is on after CPU_OFF", guest_vcpu_id());
}
