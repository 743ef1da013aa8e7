/* SPDX-License-Identifier: MIT */
/*
 * What the processor knew when a guest crashed: its registers, the exception, the instruction, how its
 * addresses were translated, and its last exits.
 */
#ifndef ARCH_CRASH_H
#define ARCH_CRASH_H

#include "arch/vcpu.h"
#include "lib/types.h"

#define ARCH_WALK_LEVELS	5	/* -1 to 3 */
#define ARCH_CRASH_INSNS	4

/* A walk of the guest's stage-1 tables by EL2, and what stage 2 makes of the end. */
struct arch_walk {
	uint64_t va;
	bool mmu_on;
	unsigned int nr;			/* descriptors that were read */
	bool missing;				/* and one more, steps[nr], could not be */
	struct {
		int level;
		uint64_t at;			/* IPA of the descriptor */
		uint64_t desc;			/* as a number, whatever the tables' endianness */
	} steps[ARCH_WALK_LEVELS];
	const char *end;			/* NULL: it translates; else why it does not */
	uint64_t ipa;				/* valid when it translates */
	bool in_stage2;
	uint64_t pa;				/* valid when in_stage2 */
};

struct arch_crash {
	struct trapframe frame;
	uint64_t sysregs[ARCH_NR_SYSREGS];
	uint64_t esr, far;			/* of the last exit */
	bool at_vector;				/* which was the fetch of a vector of the guest */
	uint64_t first_esr, first_pc;		/* of the exception that led to that vector */
	struct arch_walk pc_walk, far_walk;
	uint32_t insns[ARCH_CRASH_INSNS];	/* from PC - 8 on */
	unsigned int nr_insns;			/* 0: they cannot be read */
	struct arch_exit exits[ARCH_NR_EXITS];	/* oldest first */
	unsigned int nr_exits;
};

/* Fill it from a vCPU. Context: it is loaded on this CPU, in a trap handler; or saved, its VM stopped. */
void arch_crash_capture(struct vcpu *vcpu, struct arch_crash *crash);

/* Print it, a line of the log each. */
void arch_crash_show(const struct arch_crash *crash);

#endif
