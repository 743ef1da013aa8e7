// SPDX-License-Identifier: MIT
/* CPUs and PSCI of the device tree. */
#include "kernel/platform/finder.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MPIDR_AFFINITY_MASK	(GENMASK(39, 32) | GENMASK(23, 0))

int visit_cpu(struct finder *f)
{
	unsigned int address_cells = dt_parent(&f->walk)->address_cells;
	struct dt_prop reg = prop(f, DT_REG);
	struct machine *m = f->m;
	struct machine_cpu *cpu;
	const char *method;
	uint64_t mpidr;

	if (address_cells != 1 && address_cells != 2)
		return dt_fail_at(&f->walk, dt_parent(&f->walk)->offset, "#address-cells",
				  "must be 1 or 2");
	if (!reg.val || reg.len < (int)(address_cells * DT_CELL))
		return fail(f, DT_REG, "of a CPU must hold its MPIDR affinity");
	mpidr = dt_cells(reg.val, address_cells);
	if (mpidr & ~MPIDR_AFFINITY_MASK)
		return fail(f, DT_REG, "has bits that are no MPIDR affinity");
	for (unsigned int i = 0; i < m->nr_cpus; i++)
		if (m->cpus[i].mpidr == mpidr)
			return fail(f, DT_REG, "is another CPU's MPIDR too");
	m->nr_cpus_present++;
	if (m->nr_cpus == CONFIG_NR_CPUS)
		return 0;
	cpu = &m->cpus[m->nr_cpus++];
	cpu->mpidr = mpidr;
	cpu->psci = dt_list_contains(prop(f, DT_ENABLE_METHOD), "psci");
	method = dt_prop_string(prop(f, DT_ENABLE_METHOD));
	cpu->enable_method = method ? method : "";
	return 0;
}

/* From version 0.2 on: before, the tree gave each function its number, and there were few. */
int visit_psci(struct finder *f)
{
	const char *method = dt_prop_string(prop(f, DT_METHOD));

	if (method && !strcmp(method, "smc"))
		f->m->psci = PSCI_CONDUIT_SMC;
	else if (method && !strcmp(method, "hvc"))
		f->m->psci = PSCI_CONDUIT_HVC;
	else
		return fail(f, DT_METHOD, "must be \"smc\" or \"hvc\"");
	return 0;
}
