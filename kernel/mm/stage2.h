/* SPDX-License-Identifier: MIT */
/*
 * A VM's address space: IPA to PA. The tree's pages come from EL2's pool against a quota of the VM.
 * Locks: vm->lock, or the VM is not yet running.
 */
#ifndef KERNEL_MM_STAGE2_H
#define KERNEL_MM_STAGE2_H

#include "kernel/mm/page.h"
#include "kernel/mm/pgtable.h"

struct stage2 {
	struct pgtable pt;
	uint16_t vmid;
	unsigned int quota;	/* page-table pages beyond the root that may be in use */
	bool going;		/* is being destroyed */
};

/* An empty address space of ipa_bits for vmid. -ENOMEM. */
__must_check int stage2_init(struct stage2 *s2, uint16_t vmid, unsigned int ipa_bits, unsigned int quota);

/* Give all page-table pages back and forget the VMID's translations. */
void stage2_destroy(struct stage2 *s2);
/* The same in steps of a table each; true: there is more. */
bool stage2_destroy_some(struct stage2 *s2);

/* Map RAM that belongs to the VM, readable, writable, executable. Errors as pgtable_map(). */
__must_check int stage2_map_ram(struct stage2 *s2, ipa_t ipa, pa_t pa, uint64_t size);

#endif
