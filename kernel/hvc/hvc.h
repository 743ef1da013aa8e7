/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: HVC and trapped SMC by the SMC Calling Convention (DEN0028), and HVC #0x60.
 *
 * A service has a range of function numbers of one SMCCC owner number, which several may share; its
 * functions are a table indexed by function number. A function reads its arguments from x1.. and returns
 * what goes into x0; it writes x1..x3 itself when it has more to say; x19-x29 and the PC are not in the frame
 * then (vectors.S). What no table has returns NOT_SUPPORTED.
 */
#ifndef KERNEL_HVC_HVC_H
#define KERNEL_HVC_HVC_H

#include "lib/compiler.h"
#include "lib/types.h"
#include "schism/abi/hypercall.h"

struct vcpu;

/* By bit 30 of the function identifier. */
#define HVC_32	BIT(0)		/* exists as SMC32/HVC32 */
#define HVC_64	BIT(1)		/* exists as SMC64/HVC64 */

struct hvc_func {
	uint8_t conv;			/* HVC_32, HVC_64 */
	int64_t (*call)(struct vcpu *vcpu);
};

/* Owners of function identifiers (DEN0028, table 6-1). */
enum hvc_owner {
	OWNER_ARCH = 0,			/* Arm architecture calls */
	OWNER_STANDARD = 4,		/* standard secure service: PSCI, TRNG */
	OWNER_STANDARD_HYP = 5,		/* standard hypervisor service: stolen time */
	OWNER_VENDOR_HYP = 6,		/* vendor-specific hypervisor service: Schism's own */
};

/* The bits of a function identifier that name the owner and the function number, but not the convention. */
#define HVC_ID(owner, number)	((uint32_t)(owner) << 24 | (number))
#define HVC_OWNER(fid)		((fid) >> 24 & 0x3f)

struct hvc_service {
	const struct hvc_func *funcs;	/* by function number, from that of first */
	uint32_t first;			/* HVC_ID(); beside nr: one load for both */
	uint32_t nr;
};

#define HVC_SERVICE(name)	static const struct hvc_service name SECTION_ENTRY(schism_hvc)

/* Serve HVC #imm, or SMC #0 as imm 0: reads and writes the vCPU's registers. */
void hvc_call(struct vcpu *vcpu, unsigned int imm);

/* Whether some service has the function: for the FEATURES calls. */
bool hvc_exists(uint32_t function);

/* Gather the services, in a page of EL2's pool. Context: boot CPU, before a guest runs. */
void hvc_init(void);

#endif
