/* SPDX-License-Identifier: MIT */
/*
 * The virtual CPU interface of a GICv3 as the guest sees it through ICC_*_EL1 (IHI 0069H, 6 and 12.4): list
 * registers, active priorities, priority mask, both EOI modes. 5 bits of priority, so 32 levels.
 */
#ifndef TESTS_HOST_FAKE_ICH_H
#define TESTS_HOST_FAKE_ICH_H

#include "arch/vcpu.h"
#include "lib/types.h"

#define FAKE_ICH_SPURIOUS	1023

/* ICH_MISR_EL2 */
#define MISR_EOI		BIT(0)
#define MISR_U			BIT(1)
#define MISR_LRENP		BIT(2)
#define MISR_NP			BIT(3)
#define MISR_VGRP0E		BIT(4)
#define MISR_VGRP0D		BIT(5)
#define MISR_VGRP1E		BIT(6)
#define MISR_VGRP1D		BIT(7)

struct fake_ich {
	struct arch_ich regs;
	unsigned int nr_lrs;		/* that the hardware has */
	bool counts_drops;		/* EOIcount also counts EOIR with split EOI, as QEMU's does */
	/* Physical interrupts that list registers have deactivated. */
	uint32_t deactivated[32];
	unsigned int nr_deactivated;
};

/* What the guest's software sets up: all priorities, both groups on. eoimode: 1 splits EOIR and DIR. */
uint64_t fake_ich_vmcr(unsigned int pmr, unsigned int eoimode);

/*
 * Into the hardware, and back. used: how many list registers of *regs count, the others being empty. Fails
 * the test where list registers hold what the architecture calls unpredictable.
 */
void fake_ich_load(struct fake_ich *g, const struct arch_ich *regs, unsigned int used);
void fake_ich_save(const struct fake_ich *g, struct arch_ich *regs, unsigned int used);

/* Which maintenance interrupts are asserted: MISR_*. */
uint64_t fake_ich_misr(const struct fake_ich *g);

/* Whether an interrupt of the group is signalled to the vCPU: IRQ for group 1, FIQ for group 0. */
bool fake_ich_signals(const struct fake_ich *g, bool group1);

/* ICC_HPPIR<n>_EL1, ICC_IAR<n>_EL1: INTID, or FAKE_ICH_SPURIOUS. */
uint32_t fake_ich_hppir(const struct fake_ich *g, bool group1);
uint32_t fake_ich_iar(struct fake_ich *g, bool group1);

/* ICC_EOIR<n>_EL1. */
void fake_ich_eoir(struct fake_ich *g, bool group1, uint32_t intid);

/* ICC_DIR_EL1; false: the write traps. */
bool fake_ich_dir(struct fake_ich *g, uint32_t intid);

/* ICC_RPR_EL1. */
unsigned int fake_ich_rpr(const struct fake_ich *g);

#endif
