// SPDX-License-Identifier: MIT
/* The hypercall dispatcher; see hvc.h. */
#include "kernel/hvc/hvc.h"

#include "arch/nospec.h"
#include "kernel/base/panic.h"
#include "kernel/hvc/report.h"
#include "kernel/mm/page.h"
#include "kernel/vm/vcpu.h"

#define FID_FAST	BIT(31)
#define FID_64		BIT(30)
#define FID_MBZ		GENMASK(23, 16)
#define FID_ID		(GENMASK(29, 24) | GENMASK(15, 0))
#define NR_OWNERS	64

/*
 * By their first functions, with a row behind the last one that is nobody's. of_owner[n] is where those
 * of owner n begin, or would.
 */
static struct hvc_service *services;
static const struct hvc_service *of_owner[NR_OWNERS];

static void insert(unsigned int nr, const struct hvc_service *service)
{
	unsigned int at = nr;

	for (; at && service->first < services[at - 1].first; at--)
		services[at] = services[at - 1];
	services[at] = *service;
}

static size_t nr_services(void)
{
	size_t nr = 0;

	SECTION_FOREACH(struct hvc_service, it, schism_hvc)
		nr++;
	return nr;
}

void hvc_init(void)
{
	unsigned int nr = 0, at = 0;

	services = hyp_alloc_pages(DIV_ROUND_UP((nr_services() + 1) * sizeof(*services), PAGE_SIZE));
	if (!services)
		panic("no pages for the table of hypercall services");
	SECTION_FOREACH(struct hvc_service, it, schism_hvc)
		insert(nr++, it);
	services[nr].first = HVC_ID(NR_OWNERS, 0);
	for (unsigned int owner = 0; owner < NR_OWNERS; owner++) {
		while (services[at].first < HVC_ID(owner, 0))
			at++;
		of_owner[owner] = &services[at];
	}
}

static inline const struct hvc_func *find(uint32_t fid)
{
	const struct hvc_service *it = of_owner[HVC_OWNER(fid)];
	bool is64 = (fid & FID_64) != 0;

	if (!(fid & FID_FAST) || (fid & FID_MBZ))
		return NULL;
	/* An owner without services begins at those of another one, whose numbers differ in the owner. */
	do {
		uint32_t n = (fid & FID_ID) - it->first;
		uint64_t mask = nospec_mask(n, it->nr);

		if (mask && (it->funcs[n & mask].conv >> is64 & 1))
			return &it->funcs[n & mask];
	} while ((++it)->first >> 24 == HVC_OWNER(fid));
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
