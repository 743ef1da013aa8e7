// SPDX-License-Identifier: MIT
/*
 * Secondary CPUs: started by PSCI CPU_ON (DEN0022, 5.1.4) at secondary_entry (head.S), which brings them
 * through the early map to secondary_main() on their own stack.
 */
#include "arch/arm64/boot/el2.h"
#include "arch/arm64/boot/mmu.h"
#include "arch/arm64/features.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/trap/traps.h"
#include "arch/arm64/vcpu/pauth.h"
#include "arch/smp.h"
#include "kernel/base/cpu.h"
#include "kernel/base/log.h"
#include "kernel/boot/smp.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/platform/this_machine.h"
#include "schism/abi/hypercall.h"

/* Read by secondary_entry, with the MMU on and caches coherent. */
struct {
	uint64_t root;		/* TTBR0_EL2 of the final map */
	uint64_t sctlr;
	uint64_t stacks[CONFIG_NR_CPUS];
} secondary_boot;

extern char secondary_entry[];
void secondary_main(uint64_t id) __noreturn;

static uint64_t fault_stacks[CONFIG_NR_CPUS][512] __aligned(16);

uint64_t arch_fault_stack(unsigned int id)
{
	return (uint64_t)&fault_stacks[id][512];
}

/* Runs with whatever key and canary there were at reset: a function that never returns. */
__no_stack_protector void secondary_main(uint64_t id)
{
	struct cpu *cpu = &cpus[id];

	cpu->arch.fault_stack_top = arch_fault_stack((unsigned int)id);
	cpu_init_this(cpu, (unsigned int)id, machine.cpus[id].mpidr);
	features_init();
	traps_init();
	pauth_use_own_key(cpu);
	el2_init_cpu();
	mmu_stage2_init();
	smp_secondary_up(cpu);
}

const char *arch_start_cpu(unsigned int id)
{
	struct cpu *cpu = &cpus[id];
	int64_t err;

	secondary_boot.root = hyp_va_to_pa(hyp_pgtable.root).pa;
	secondary_boot.sctlr = sysreg_read(sctlr_el2) & ~UINT64_C(SCTLR_ENIA_MASK);
	secondary_boot.stacks[id] = cpu->stack_top.va;
	dsb(ish);
	err = (int32_t)arch_firmware_call(PSCI_CPU_ON_64, machine.cpus[id].mpidr,
					  hyp_va_to_pa(secondary_entry).pa, id);
	switch (err) {
	case PSCI_SUCCESS:
		return NULL;
	case PSCI_ALREADY_ON:
		return "PSCI CPU_ON: already on";
	case PSCI_INVALID_PARAMETERS:
		return "PSCI CPU_ON: no such CPU";
	default:
		return "PSCI CPU_ON failed";
	}
}
