/* SPDX-License-Identifier: MIT */
/* EL2's own address space, and the windows through which it looks at guest RAM. */
#ifndef KERNEL_MM_HYP_H
#define KERNEL_MM_HYP_H

#include "kernel/base/addr.h"
#include "kernel/mm/pgtable.h"
#include "kernel/platform/machine.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct vm;

extern struct pgtable hyp_pgtable;

/* The sections of the image, for messages and for naming a fault: "" when va is in none. */
const char *hyp_region_name(uint64_t va);

/* Whether va lies in a guard page of some CPU's stack. */
bool hyp_region_is_stack_guard(uint64_t va);

/* Whether 16 bytes at va lie in the image's .bss. */
bool hyp_region_is_bss(uint64_t va);

/*
 * Build EL2's final map: image sections with their permissions, stacks, device tree, and *area at
 * LINEAR_VA. image: its physical address. Context: boot CPU, before page_init(). -ENOMEM when the
 * static tables do not suffice.
 */
__must_check int hyp_map_init(pa_t image, const struct machine *m, const struct mem_region *area);

/* Map device registers, read-write, and return where; NULL when no room is left. */
volatile void *hyp_map_device(const struct mem_region *regs);

/* Map RAM read-only at LINEAR_VA (the boot package), and unmap it again. */
__must_check int hyp_map_ram_ro(pa_t base, uint64_t size);
void hyp_unmap_ram(pa_t base, uint64_t size);

/* Where RAM that hyp_map_ram_ro() mapped is seen. */
const void *hyp_linear(pa_t base);

/* From here on page-table pages come from the pool. */
void hyp_map_use_pool(void);

/* Give a CPU its stack: maps it between guard pages. Returns -ENOMEM when the pool is exhausted. */
struct cpu;
__must_check int hyp_map_stack(struct cpu *cpu);

/*
 * Make up to 2 MiB of RAM visible: a window of this CPU onto pa (any alignment), valid until
 * window_close(). One at a time per CPU. Returns the address that corresponds to pa, *len what is visible
 * from there. (Never NULL on the target; a test's window may fail.) Some 40 instructions for both.
 */
void *window_open(pa_t pa, uint64_t *len);
void window_close(void);

#endif
