// SPDX-License-Identifier: MIT
/* The hypercall dispatcher; see hvc.h. */
#include "kernel/hvc/hvc.h"

#include "arch/nospec.h"
#include "kernel/hvc/report.h"
#include "kernel/panic.h"
#include "kernel/vm/vcpu.h"

#define FID_FAST	BIT(31)
#define FID_64		BIT(30)
#define FID_OWNER(fid)	(((fid) >> 24) & 0x3f)
#define FID_MBZ		GENMASK(23, 16)

/* Several services may share an owner; the one with the lowest function numbers is asked first. NULL ends. */
#define MAX_PER_OWNER	3
static const struct hvc_service *services[64][MAX_PER_OWNER + 1];

void hvc_init(void)
{
	SECTION_FOREACH(struct hvc_service, it, schism_hvc) {
		const struct hvc_service **of = services[it->owner];
		unsigned int at = MAX_PER_OWNER - 1;

		ASSERT(!of[at]);
		for (; at && (!of[at - 1] || of[at - 1]->first > it->first); at--)
			of[at] = of[at - 1];
		of[at] = it;
	}
}

static inline const struct hvc_func *find(uint32_t fid)
{
	bool is64 = (fid & FID_64) != 0;

	if (!(fid & FID_FAST) || (fid & FID_MBZ))
		return NULL;
	for (const struct hvc_service **of = services[FID_OWNER(fid)]; *of; of++) {
		uint32_t n = (fid & 0xffff) - (*of)->first;
		uint64_t mask = nospec_mask(n, (*of)->nr);

		if (mask && ((*of)->funcs[n & mask].conv >> is64 & 1))
			return &(*of)->funcs[n & mask];
	}
	return NULL;
}

bool hvc_exists(uint32_t function)
{
	return find(function) != NULL;
}

void hvc_call(struct vcpu *vcpu, unsigned int imm)
{
	const struct hvc_func *func;
	int64_t result = SMCCC_NOT_SUPPORTED;

	if (likely(imm == 0)) {
		func = find((uint32_t)vcpu->arch.frame.x[0]);
		if (likely(func))
			result = func->call(vcpu);
	} else if (imm == GUEST_HVC_TASK_REPORT) {
		result = handle_guest_task_report(vcpu);
	}
	vcpu->arch.frame.x[0] = (uint64_t)result;
}
