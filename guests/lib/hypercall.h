/* SPDX-License-Identifier: MIT */
/*
 * Calls out of a guest: HVC #0 and SMC #0 by the SMC Calling Convention 1.1 and later (DEN0028),
 * which preserves x4..x17 and returns up to four values in x0..x3.
 */
#ifndef GUESTS_LIB_HYPERCALL_H
#define GUESTS_LIB_HYPERCALL_H

#include <stdint.h>

#include "schism/abi/hypercall.h"

struct guest_smccc {
	uint64_t x0, x1, x2, x3;
};

#define GUEST_SMCCC_CALL(insn, function, a1, a2, a3)						\
	({											\
		register uint64_t r0_ __asm__("x0") = (function);				\
		register uint64_t r1_ __asm__("x1") = (a1);					\
		register uint64_t r2_ __asm__("x2") = (a2);					\
		register uint64_t r3_ __asm__("x3") = (a3);					\
												\
		__asm__ volatile(insn " #0"							\
				 : "+r"(r0_), "+r"(r1_), "+r"(r2_), "+r"(r3_)			\
				 :								\
				 : "memory");							\
		(struct guest_smccc){ r0_, r1_, r2_, r3_ };					\
	})

static inline struct guest_smccc guest_hvc0(uint64_t function, uint64_t a1, uint64_t a2,
					    uint64_t a3)
{
	return GUEST_SMCCC_CALL("hvc", function, a1, a2, a3);
}

static inline struct guest_smccc guest_smc0(uint64_t function, uint64_t a1, uint64_t a2,
					    uint64_t a3)
{
	return GUEST_SMCCC_CALL("smc", function, a1, a2, a3);
}

/* HVC #0x60 as it is, without a look at who answers; guests use guest_task_report(). */
static inline int64_t guest_hvc_task_report(uint64_t task, uint64_t event, uint64_t seq,
					    uint64_t v0, uint64_t v1, uint64_t v2)
{
	register uint64_t x0 __asm__("x0") = task;
	register uint64_t x1 __asm__("x1") = event;
	register uint64_t x2 __asm__("x2") = seq;
	register uint64_t x3 __asm__("x3") = v0;
	register uint64_t x4 __asm__("x4") = v1;
	register uint64_t x5 __asm__("x5") = v2;

	__asm__ volatile("hvc %[imm]"
			 : "+r"(x0)
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5),
			   [imm] "i"(GUEST_HVC_TASK_REPORT)
			 : "memory");
	return (int64_t)x0;
}

#endif
