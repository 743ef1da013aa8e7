/* SPDX-License-Identifier: MIT */
/*
 * seL4 without its elfloader: where the images of its CPIO go, and how the kernel is entered. The kernel
 * looks for what the elfloader leaves (seL4_tools, elfloader-tool/src/common.c and arch-arm/64/mmu.c):
 *
 *   kernel.elf   at its physical addresses
 *   kernel.dtb   in the next page, totalsize bytes
 *   rootserver   in the next page, flat: from its lowest virtual address to its highest, rounded up
 *   tables       in the next page; stage 1 in which the kernel starts
 *
 * This decides, and writes nothing; everything in the CPIO may be hostile.
 */
#ifndef KERNEL_LOAD_SEL4_H
#define KERNEL_LOAD_SEL4_H

#include "kernel/base/addr.h"
#include "kernel/vm/entry.h"
#include "lib/compiler.h"
#include "lib/elf.h"
#include "lib/types.h"

/* Root of the lower half (empty), and of the upper half: levels 0, 1 and 2. */
#define SEL4_TABLES		4
#define SEL4_TABLES_SIZE	(SEL4_TABLES * PAGE_SIZE)

enum sel4_part {
	SEL4_KERNEL,
	SEL4_DTB,
	SEL4_ROOTSERVER,
	SEL4_TABLE,
	SEL4_PARTS,
};

struct sel4_file {
	const void *data;
	size_t size;
	struct elf64_info elf;		/* not of the DTB */
};

/* A place in the guest's RAM. */
struct sel4_place {
	uint64_t base, size;
};

struct sel4_plan {
	struct sel4_file files[SEL4_TABLE];
	struct sel4_place places[SEL4_PARTS];
	uint64_t ram_end;
	struct vm_entry entry;
	char why[96];			/* what does not do, in words that follow "kernel: " */
};

/* Bytes that belong at an address of the guest's; len may be 0. */
struct sel4_piece {
	uint64_t to;
	const void *from;
	uint64_t len;
};

/*
 * Plan for a CPIO of size bytes, RAM at [ram, ram + ram_size), and so many vCPUs. 0, or -ENOEXEC, -EINVAL or
 * -EFAULT with plan->why. The places do not overlap; that they are in RAM is left to the caller to check.
 */
__must_check int sel4_plan(const void *cpio, size_t size, uint64_t ram, uint64_t ram_size,
			   unsigned int nr_vcpus, struct sel4_plan *plan);

/* Fill the tables, SEL4_TABLES_SIZE bytes, which are to be the last piece. */
void sel4_write_tables(const struct sel4_plan *plan, void *tables);

/* The pieces to be written into cleared RAM, from 0 on; false past the last. */
bool sel4_piece(const struct sel4_plan *plan, const void *tables, unsigned int i, struct sel4_piece *piece);

#endif
