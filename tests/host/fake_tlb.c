// SPDX-License-Identifier: MIT
/* Maintenance operations leave a record; a test that models a TLB sees them as they happen. */
#include "tests/host/fake.h"

#include "arch/stage2.h"
#include "arch/tlb.h"

struct fake_tlb_op fake_tlb_log[FAKE_TLB_LOG];
unsigned int fake_tlb_ops;
void (*fake_tlb_hook)(const struct fake_tlb_op *op);

void fake_tlb_clear(void)
{
	fake_tlb_ops = 0;
}

static void record(struct fake_tlb_op op)
{
	unsigned int n = __atomic_fetch_add(&fake_tlb_ops, 1, __ATOMIC_RELAXED);

	if (n < FAKE_TLB_LOG)
		fake_tlb_log[n] = op;
	if (fake_tlb_hook)
		fake_tlb_hook(&op);
}

void arch_pt_sync(void)
{
	record((struct fake_tlb_op){ .kind = FAKE_PT_SYNC });
}

void arch_tlb_flush_el2(uint64_t va, uint64_t size)
{
	record((struct fake_tlb_op){ FAKE_TLB_EL2, 0, va, size });
}

void arch_tlb_flush_ipa(uint64_t vttbr, uint64_t ipa, uint64_t size)
{
	record((struct fake_tlb_op){ FAKE_TLB_IPA, vttbr, ipa, size });
}

void arch_tlb_flush_vm(uint64_t vttbr)
{
	record((struct fake_tlb_op){ .kind = FAKE_TLB_VM, .vttbr = vttbr });
}

unsigned int arch_ipa_bits(void)
{
	return 40;
}

unsigned int arch_nr_vmids(void)
{
	return 256;
}

uint64_t arch_stage2_vttbr(pa_t root, uint16_t vmid)
{
	return (uint64_t)vmid << 48 | root.pa;
}
