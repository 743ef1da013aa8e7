// SPDX-License-Identifier: MIT
/* The hypercall dispatcher; see hvc.h. */
#include "kernel/hvc/hvc.h"

#include "kernel/hvc/report.h"
#include "kernel/panic.h"
#include "kernel/vm/vcpu.h"

#define FID_FAST	BIT(31)
#define FID_64		BIT(30)
#define FID_OWNER(fid)	(((fid) >> 24) & 0x3f)
#define FID_MBZ		GENMASK(23, 16)

/* Two services may share an owner; the one with the lower function numbers is asked first. */
#define MAX_PER_OWNER	2
static const struct hvc_service *services[64][MAX_PER_OWNER];

void hvc_init(void)
{
	SECTION_FOREACH(struct hvc_service, it, schism_hvc) {
		const struct hvc_service **of = services[it->owner];

		ASSERT(!of[MAX_PER_OWNER - 1]);
		if (of[0] && of[0]->first > it->first) {
			of[1] = of[0];
			of[0] = it;
		} else {
			of[of[0] ? 1 : 0] = it;
		}
	}
}

static inline const struct hvc_func *find(uint32_t fid)
{
	unsigned int conv = (fid & FID_64) ? HVC_64 : HVC_32;

	if (!(fid & FID_FAST) || (fid & FID_MBZ))
		return NULL;
	for (unsigned int i = 0; i < MAX_PER_OWNER; i++) {
		const struct hvc_service *s = services[FID_OWNER(fid)][i];
		unsigned int n;

		if (!s)
			return NULL;
		n = (fid & 0xffff) - s->first;
		if (n < s->nr && (s->funcs[n].conv & conv))
			return &s->funcs[n];
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
