/* SPDX-License-Identifier: MIT */
/*
 * Identification registers as guests see them (Arm ARM D19): op0 3, op1 0, CRn 0, CRm 1 to 7. Of each field
 * that idreg.c lists a guest sees the least of what the CPUs have and what Schism virtualizes; the rest
 * is hidden.
 */
#ifndef ARCH_ARM64_TRAP_IDREG_H
#define ARCH_ARM64_TRAP_IDREG_H

#include "lib/types.h"

/* A register's number. */
#define IDREG(crm, op2)	(((crm) - 1) * 8 + (op2))
#define NR_IDREGS	IDREG(8, 0)

/*
 * Take one more CPU's registers into account; the first one's are the machine's until then. What this CPU
 * has less of than the ones before, guests have less of on all: each such field is in the log. With the
 * same CPU again nothing changes. Context: the CPU itself, before guests run; CPUs start one by one.
 */
void idreg_add_cpu(unsigned int cpu, const uint64_t host[NR_IDREGS]);

/* As before the first CPU. Context: tests. */
void idreg_forget(void);

/* What a guest reads of register n, which is below NR_IDREGS. */
uint64_t idreg_read(unsigned int n);

#endif
