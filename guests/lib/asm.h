/* SPDX-License-Identifier: MIT */
/* Sizes and offsets that the runtime's assembly shares with its C; guest.h asserts them. */
#ifndef GUESTS_LIB_ASM_H
#define GUESTS_LIB_ASM_H

#define GUEST_STACK_SHIFT	14
#define GUEST_STACK_SIZE	(1 << GUEST_STACK_SHIFT)
#define GUEST_OVERFLOW_STACK_SIZE	4096
/* A power of two. A vCPU's number is MPIDR_EL1.Aff0, and the redistributors are mapped for so many. */
#define GUEST_MAX_VCPUS		8

/* struct guest_frame */
#define FRAME_X(n)		((n) * 8)
#define FRAME_ELR		248
#define FRAME_SPSR		256
#define FRAME_KIND		264
#define FRAME_SIZE		272

/* struct guest_cpu_state */
#define CPU_STATE_V(n)		((n) * 16)
#define CPU_STATE_FPCR		512
#define CPU_STATE_FPSR		520
#define CPU_STATE_X(n)		(528 + (n) * 8)
#define CPU_STATE_SIZE		776

/* struct vcpu_start of smp.c */
#define START_MAIR		0
#define START_TCR		8
#define START_TTBR0		16
#define START_SCTLR		24
#define START_SP		32

/* struct guest_pauth_sigs */
#define PAUTH_SIG_IA		0
#define PAUTH_SIG_IB		8
#define PAUTH_SIG_DA		16
#define PAUTH_SIG_DB		24
#define PAUTH_SIG_GA		32

#endif
