// SPDX-License-Identifier: MIT
/* Schism's own calls: the vendor-specific hypervisor service (DEN0028, section 6.2). */
#include "kernel/hvc/hvc.h"
#include "kernel/vm/vcpu.h"

#define REVISION_MAJOR	1
#define REVISION_MINOR	0

/* 5c15c41a-6d7e-4f0b-9a3e-2b1d8e7f5c15, in the byte order that SMCCC gives a UUID in four registers. */
static const uint32_t uid[4] = { 0x1ac4155c, 0x0b4f7e6d, 0x1d2b3e9a, 0x155c7f8e };

static int64_t vendor_null(struct vcpu *vcpu)
{
	return SMCCC_SUCCESS;
}

static int64_t vendor_uid(struct vcpu *vcpu)
{
	for (unsigned int i = 1; i < 4; i++)
		vcpu->arch.frame.x[i] = uid[i];
	return uid[0];
}

static int64_t vendor_revision(struct vcpu *vcpu)
{
	vcpu->arch.frame.x[1] = REVISION_MINOR;
	return REVISION_MAJOR;
}

static const struct hvc_func vendor_funcs[] = {
	[0x00] = { HVC_64, vendor_null },
};

HVC_SERVICE(vendor) = {
	.first = HVC_ID(OWNER_VENDOR_HYP, 0), .nr = ARRAY_SIZE(vendor_funcs), .funcs = vendor_funcs,
};

/* The general queries, which every SMCCC service has. */
static const struct hvc_func vendor_queries[] = {
	[0x01] = { HVC_32, vendor_uid },
	[0x03] = { HVC_32, vendor_revision },
};

HVC_SERVICE(vendor_general) = {
	.first = HVC_ID(OWNER_VENDOR_HYP, 0xff00), .nr = ARRAY_SIZE(vendor_queries), .funcs = vendor_queries,
};
