/* SPDX-License-Identifier: MIT */
/* All CPUs: starting them, calling each other, stopping. */
#ifndef KERNEL_BOOT_SMP_H
#define KERNEL_BOOT_SMP_H

#include "lib/compiler.h"

struct cpu;

/*
 * Count this CPU among those that run guests, start all others of the machine, and wait for them. One that
 * does not come is left out, and the log says so. Context: boot CPU.
 */
void smp_start_all(void);

/* The rest of a secondary CPU's way up, after arch/ made it able to run C. */
void smp_secondary_up(struct cpu *cpu) __noreturn;

/* Enable the private interrupts that Schism itself uses, on this CPU. */
void smp_enable_interrupts(void);

/* Ask for this CPU's interprocessor interrupts; once, on the boot CPU. */
void smp_init(void);

/* From a panic: stop all other CPUs; each prints where it was. Does not wait longer than 100 ms. */
void smp_stop_others(void);

#endif
