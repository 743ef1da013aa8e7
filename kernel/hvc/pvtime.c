// SPDX-License-Identifier: MIT
/*
 * Paravirtualized stolen time (DEN0057A): how long a vCPU was ready but did not run. One 64-byte record per
 * vCPU, in a page of the VM's own that it can read only, at PVTIME_IPA.
 */
#include "kernel/hvc/pvtime.h"

#include "arch/cpu.h"
#include "kernel/hvc/hvc.h"
#include "kernel/mm/page.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"

#define PV_FIRST		0x20
#define PV_TIME_FEATURES	0xc5000020
#define PV_TIME_ST		0xc5000021

/* Little-endian (3.2.2). */
struct stolen_time {
	uint32_t revision;
	uint32_t attributes;
	uint64_t stolen_ns;
	uint8_t reserved[48];
};

_Static_assert(sizeof(struct stolen_time) * CONFIG_MAX_VCPUS <= PAGE_SIZE, "one page holds all records");

int pvtime_create(struct vm *vm)
{
	vm->pvtime = hyp_alloc_pages(1);
	if (!vm->pvtime)
		return -ENOMEM;
	return pgtable_map(&vm->stage2.pt, PVTIME_IPA, hyp_va_to_pa(vm->pvtime), PAGE_SIZE, MAP_R);
}

void pvtime_destroy(struct vm *vm)
{
	hyp_free_pages(vm->pvtime, 1);
	vm->pvtime = NULL;
}

void pvtime_update(struct vcpu *vcpu)
{
	struct stolen_time *st = (struct stolen_time *)vcpu->vm->pvtime + vcpu->id;

	WRITE_ONCE(st->stolen_ns, timer_ticks_to_us(vcpu->stolen_ticks) * 1000);
}

static int64_t pv_features(struct vcpu *vcpu)
{
	uint32_t fid = (uint32_t)vcpu->arch.frame.x[1];

	return fid == PV_TIME_FEATURES || fid == PV_TIME_ST ? SMCCC_SUCCESS : SMCCC_NOT_SUPPORTED;
}

static int64_t pv_st(struct vcpu *vcpu)
{
	return PVTIME_IPA + vcpu->id * sizeof(struct stolen_time);
}

static const struct hvc_func pv_funcs[] = {
	{ HVC_64, pv_features },
	{ HVC_64, pv_st },
};

HVC_SERVICE(pvtime) = {
	.first = HVC_ID(OWNER_STANDARD_HYP, PV_FIRST), .nr = ARRAY_SIZE(pv_funcs), .funcs = pv_funcs,
};
