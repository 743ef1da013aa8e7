/* SPDX-License-Identifier: MIT */
/* The architecture-neutral part of coming up; called from arch/ in the order given here. */
#ifndef KERNEL_BOOT_BOOT_H
#define KERNEL_BOOT_BOOT_H

#include "kernel/platform/machine.h"
#include "lib/compiler.h"

/*
 * The console: the UART that the tree names, else CONFIG_DEBUG_UART_BASE where the tree is that of its board.
 * fdt: a tree with a sound header, or NULL. *driver: NULL where none is built in that drives it. False:
 * there is none, and nothing may be written anywhere.
 */
__must_check bool boot_find_console(const void *fdt, struct mem_region *regs,
				    const struct serial_driver **driver);

/* Whether the tree is of the board that CONFIG_DEBUG_UART_BASE belongs to. */
bool boot_is_debug_board(const void *fdt);

/* Refuse a machine that lacks what Schism needs: GICv3, EL2 timer, console, RAM. */
void boot_check_machine(void);

/*
 * Decide which RAM EL2 takes: *area is what page_init() will use. image: physical address, size in bytes.
 * Refuses overlaps and too little RAM.
 */
void boot_plan_memory(uint64_t image, uint64_t size, struct mem_region *area);

/* The interrupt controller, and every interrupt that EL2 handles. Refuses a machine where it cannot. */
void boot_interrupts(void);

/* What machine this is, in the log. */
void boot_hello(void);

/* On the boot CPU's own stack and the final map: the rest of the boot, and the first guest. */
void kernel_main(void) __noreturn;

#endif
