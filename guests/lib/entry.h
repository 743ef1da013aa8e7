/* SPDX-License-Identifier: MIT */
/*
 * Entry of a guest that looks at the state in which it is entered, instead of start.S: link it with
 * "-e guest_entry", or "-e guest_linux_header" where it is to begin with an arm64 Image header (the latter's
 * text_offset is GUEST_ENTRY_TEXT_OFFSET).
 *
 * guest_entry (entry.S) records what every vCPU was entered with, before anything else. vCPU 0 goes on into
 * guest_entry_main(), on the image's stack, with vectors installed, FP/SIMD enabled, and translation as it
 * was; .bss and stack have not been cleared by anybody. Others switch themselves off.
 */
#ifndef GUESTS_LIB_ENTRY_H
#define GUESTS_LIB_ENTRY_H

#include "guests/lib/asm.h"

/* From the base of memory: what follows the 64 bytes of the header begins a page. */
#define GUEST_ENTRY_TEXT_OFFSET	0x1fffc0

/* System registers in the order in which they are recorded; FAR_EL1 and ELR_EL1 were needed for it. */
#define GUEST_ENTRY_SYSREGS(X)	\
	X(CurrentEL)		\
	X(DAIF)			\
	X(SPSel)		\
	X(SCTLR_EL1)		\
	X(TCR_EL1)		\
	X(MAIR_EL1)		\
	X(TTBR0_EL1)		\
	X(TTBR1_EL1)		\
	X(TPIDR_EL1)		\
	X(MPIDR_EL1)		\
	X(CNTFRQ_EL0)		\
	X(CNTV_CTL_EL0)		\
	X(CNTP_CTL_EL0)		\
	X(CNTKCTL_EL1)		\
	X(CPACR_EL1)		\
	X(SP_EL0)		\
	X(SPSR_EL1)		\
	X(ESR_EL1)		\
	X(AFSR0_EL1)		\
	X(AFSR1_EL1)		\
	X(AMAIR_EL1)		\
	X(CONTEXTIDR_EL1)	\
	X(TPIDR_EL0)		\
	X(TPIDRRO_EL0)		\
	X(CSSELR_EL1)

/* struct guest_entry_state */
#define ENTRY_SP		248
#define ENTRY_PC		256
#define ENTRY_DIRTY		264
#define ENTRY_RECORDED		272
#define ENTRY_SYSREG		280
#define ENTRY_SHIFT		9

#ifndef __ASSEMBLER__
#include "lib/compiler.h"
#include "lib/types.h"

enum guest_entry_sysreg {
#define X(name) ENTRY_##name,
	GUEST_ENTRY_SYSREGS(X)
#undef X
	GUEST_ENTRY_NR_SYSREGS,
};

struct guest_entry_state {
	uint64_t x[31];
	uint64_t sp, pc;
	uint64_t dirty;			/* vCPU 0: first address in .bss or stack that was not zero */
	uint64_t recorded;		/* 1 when the rest is there */
	uint64_t sysregs[GUEST_ENTRY_NR_SYSREGS];
} __aligned(1 << ENTRY_SHIFT);

_Static_assert(offsetof(struct guest_entry_state, sp) == ENTRY_SP, "entry.S");
_Static_assert(offsetof(struct guest_entry_state, pc) == ENTRY_PC, "entry.S");
_Static_assert(offsetof(struct guest_entry_state, dirty) == ENTRY_DIRTY, "entry.S");
_Static_assert(offsetof(struct guest_entry_state, recorded) == ENTRY_RECORDED, "entry.S");
_Static_assert(offsetof(struct guest_entry_state, sysregs) == ENTRY_SYSREG, "entry.S");
_Static_assert(sizeof(struct guest_entry_state) == 1 << ENTRY_SHIFT, "entry.S");

extern struct guest_entry_state guest_entry_states[GUEST_MAX_VCPUS];
extern char guest_entry[], guest_linux_header[];

/* The guest itself. */
void guest_entry_main(void) __noreturn;
#endif

#endif
