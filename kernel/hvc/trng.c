// SPDX-License-Identifier: MIT
/*
 * The true random number generator interface (DEN0098, section 2), served by this CPU's generator. Where that
 * has no entropy there is none to give: a number that another guest can compute is worse than no number.
 */
#include "kernel/base/random.h"
#include "kernel/hvc/hvc.h"
#include "kernel/vm/vcpu.h"

#define TRNG_FIRST		0x50
#define TRNG_VERSION_1_0	0x10000
#define TRNG_INVALID_PARAMETERS	(-2)
#define TRNG_NO_ENTROPY		(-3)
#define FID_64			BIT(30)

/* b8a1c1f0-5c15-4d8e-9a57-7b1e5c15b10c, as four registers. */
static const uint32_t uuid[4] = { 0xb8a1c1f0, 0x5c154d8e, 0x9a577b1e, 0x5c15b10c };

static int64_t trng_version(struct vcpu *vcpu)
{
	return TRNG_VERSION_1_0;
}

static int64_t trng_features(struct vcpu *vcpu)
{
	uint32_t fid = (uint32_t)vcpu->arch.frame.x[1];
	unsigned int n = (fid & 0xffff) - TRNG_FIRST;

	return (fid >> 24 & 0x3f) == 4 && n < 4 && hvc_exists(fid) ? 0 : SMCCC_NOT_SUPPORTED;
}

static int64_t trng_uuid(struct vcpu *vcpu)
{
	for (unsigned int i = 1; i < 4; i++)
		vcpu->arch.frame.x[i] = uuid[i];
	return uuid[0];
}

/* No bits: x1..x3 are 0 then, too. */
static int64_t refuse(uint64_t *x, int64_t error)
{
	x[1] = x[2] = x[3] = 0;
	return error;
}

/* Bits come in x1..x3, the least significant ones in x3; bits that were not asked for are 0. */
static int64_t trng_rnd(struct vcpu *vcpu)
{
	uint64_t *x = vcpu->arch.frame.x;
	unsigned int width = (x[0] & FID_64) ? 64 : 32;
	uint64_t bits = (x[0] & FID_64) ? x[1] : (uint32_t)x[1];

	if (bits == 0 || bits > 3 * width)
		return refuse(x, TRNG_INVALID_PARAMETERS);
	if (!random_has_entropy())
		return refuse(x, TRNG_NO_ENTROPY);
	for (unsigned int i = 3; i >= 1; i--) {
		uint64_t n = MIN(bits, (uint64_t)width);

		x[i] = n ? random_word() & GENMASK(n - 1, 0) : 0;
		bits -= n;
	}
	return 0;
}

static const struct hvc_func trng_funcs[] = {
	{ HVC_32, trng_version },
	{ HVC_32, trng_features },
	{ HVC_32, trng_uuid },
	{ HVC_32 | HVC_64, trng_rnd },
};

HVC_SERVICE(trng) = {
	.first = HVC_ID(OWNER_STANDARD, TRNG_FIRST), .nr = ARRAY_SIZE(trng_funcs), .funcs = trng_funcs,
};
