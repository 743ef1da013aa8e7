/* SPDX-License-Identifier: MIT */
/*
 * EL2's exception vectors and the way into and out of a guest (Arm ARM D1.3).
 *
 * While a guest runs, SP_EL2 points at its vCPU, whose first member is the trap frame. An exception
 * from the guest stores x0-x30, ELR and SPSR there, moves SP to the CPU's EL2 stack and calls
 *
 *	bool trap_guest_hvc(struct vcpu *vcpu, uint64_t esr);	(true: there is exit work)
 *	struct vcpu *trap_guest_sync(struct vcpu *vcpu, uint64_t esr);
 *	struct vcpu *trap_guest_irq(struct vcpu *vcpu);
 *	struct vcpu *trap_guest_serror(struct vcpu *vcpu, uint64_t esr);
 *
 * of which the last three return the vCPU to go on with. EL1 system registers, FP/SIMD and list registers
 * stay where they are; kernel/sched moves them when the vCPU changes.
 *
 * There are two tables: in the second one EL2 has its own pointer-authentication key, which is swapped
 * with the guest's on the way in and out. traps_init() chooses.
 */
#include "arch/arm64/asm.h"
#include "arch/arm64/sysreg.h"
#include "generated/asm-offsets.h"

	.arch	armv8-a

/* Frame offsets of x<n>. */
#define X(n)	(8 * (n))

.macro save_caller_saved
	stp	x0, x1, [sp, #X(0)]
	stp	x2, x3, [sp, #X(2)]
	stp	x4, x5, [sp, #X(4)]
	stp	x6, x7, [sp, #X(6)]
	stp	x8, x9, [sp, #X(8)]
	stp	x10, x11, [sp, #X(10)]
	stp	x12, x13, [sp, #X(12)]
	stp	x14, x15, [sp, #X(14)]
	stp	x16, x17, [sp, #X(16)]
	str	x18, [sp, #X(18)]
	str	x30, [sp, #X(30)]
.endm

.macro restore_caller_saved
	ldr	x30, [sp, #X(30)]
	ldr	x18, [sp, #X(18)]
	ldp	x16, x17, [sp, #X(16)]
	ldp	x14, x15, [sp, #X(14)]
	ldp	x12, x13, [sp, #X(12)]
	ldp	x10, x11, [sp, #X(10)]
	ldp	x8, x9, [sp, #X(8)]
	ldp	x6, x7, [sp, #X(6)]
	ldp	x4, x5, [sp, #X(4)]
	ldp	x2, x3, [sp, #X(2)]
	ldp	x0, x1, [sp, #X(0)]
.endm

/* sp: the vCPU. Clobbers x2, x3. */
.macro save_rest
	str	x19, [sp, #X(19)]
	stp	x20, x21, [sp, #X(20)]
	stp	x22, x23, [sp, #X(22)]
	stp	x24, x25, [sp, #X(24)]
	stp	x26, x27, [sp, #X(26)]
	stp	x28, x29, [sp, #X(28)]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [sp, #FRAME_ELR]
.endm

/* x0: the vCPU. EL2's key for the guest's, and back. Clobber x4-x8. */
.macro pauth_enter
	mrs	x4, tpidr_el2
	mrs	x5, APIAKEYLO_EL1
	mrs	x6, APIAKEYHI_EL1
	ldp	x7, x8, [x4, #CPU_APIA]
	stp	x5, x6, [x0, #VCPU_APIA]
	msr	APIAKEYLO_EL1, x7
	msr	APIAKEYHI_EL1, x8
	isb
.endm

.macro pauth_leave
	ldp	x5, x6, [x0, #VCPU_APIA]
	msr	APIAKEYLO_EL1, x5
	msr	APIAKEYHI_EL1, x6
.endm

/*
 * HVC is the frequent exit: it finds only x0-x18 and x30 in the frame, and when the handler asks for
 * nothing more, the rest, ELR and SPSR have never left their registers. When it does, they are saved
 * then (the handler, as C does, has kept x19-x29), and sched_exit_work() takes over.
 */
.macro guest_hvc pauth
FUNC(guest_hvc_\pauth)
	mov	x0, sp
	.if \pauth
	pauth_enter
	.endif
	ldr	x2, [x0, #VCPU_EL2_SP]
	mov	sp, x2
	str	x0, [sp, #-16]!
	bl	trap_guest_hvc
	mov	w1, w0
	ldr	x0, [sp]
	cbnz	w1, guest_hvc_slow_\pauth
	.if \pauth
	pauth_leave
	.endif
	mov	sp, x0
	restore_caller_saved
	eret
	dsb	nsh
	isb
guest_hvc_slow_\pauth:
	mov	sp, x0
	save_rest
	ldr	x2, [x0, #VCPU_EL2_SP]
	mov	sp, x2
	mov	x29, #0
	bl	sched_exit_work
	b	guest_exit_\pauth
END(guest_hvc_\pauth)
.endm

/* All other exits: the rest of the frame, then the handler. guest_sync comes with ESR in x1. */
.macro guest_handler name, target, pauth, needs_esr
FUNC(\name)
	save_rest
	mov	x0, sp
	.if \pauth
	pauth_enter
	.endif
	ldr	x2, [x0, #VCPU_EL2_SP]
	.if \needs_esr
	mrs	x1, esr_el2
	.endif
	mov	sp, x2
	mov	x29, #0
	bl	\target
	b	guest_exit_\pauth
END(\name)
.endm

/* x0: the vCPU to run. */
.macro guest_exit pauth
FUNC(guest_exit_\pauth)
	.if \pauth
	pauth_leave
	.endif
	mov	sp, x0
	ldp	x2, x3, [sp, #FRAME_ELR]
	msr	elr_el2, x2
	msr	spsr_el2, x3
	ldp	x28, x29, [sp, #X(28)]
	ldp	x26, x27, [sp, #X(26)]
	ldp	x24, x25, [sp, #X(24)]
	ldp	x22, x23, [sp, #X(22)]
	ldp	x20, x21, [sp, #X(20)]
	ldr	x19, [sp, #X(19)]
	restore_caller_saved
	eret
	/* nothing behind an ERET may run, not even speculatively */
	dsb	nsh
	isb
END(guest_exit_\pauth)
.endm

/*
 * An exception from EL2 itself is always the end: interrupts are masked here, and accessors check
 * before they touch. SP may be what is broken, so the registers go into struct cpu and the dump runs on
 * a stack of its own. SP_EL0 is the only scratch register: its (guest's) value is lost.
 */
.macro el2_fault kind
	.balign	128
	msr	sp_el0, x0
	mrs	x0, tpidr_el2
	cbz	x0, .				/* not even struct cpu: nothing can be printed */
	stp	x2, x3, [x0, #CPU_FAULT_FRAME + 0x10]
	mov	x2, #\kind
	b	el2_fault_common
.endm

/*
 * SErrors are masked at EL2 but for the one instruction where serror_take_unmasked() asks for them: whoever
 * comes with PSTATE.A clear is that, and goes back with its result, and A set.
 */
.macro el2_serror
	.balign	128
	msr	sp_el0, x0
	mrs	x0, spsr_el2
	tbnz	x0, #PSR_A_SHIFT, 1f
	orr	x0, x0, #PSR_A
	msr	spsr_el2, x0
	mov	x0, #1
	eret
	dsb	nsh
	isb
1:	mrs	x0, sp_el0
	b	el2_serror_fault
.endm

.macro guest_sync_vector pauth
	.balign	128
	save_caller_saved
	mrs	x1, esr_el2
	lsr	x2, x1, #ESR_EC_SHIFT
	cmp	x2, #EC_HVC64
	b.eq	guest_hvc_\pauth
	b	guest_sync_\pauth
.endm

.macro guest_vector handler, pauth
	.balign	128
	save_caller_saved
	b	\handler\pauth
.endm

.macro vector_table name, pauth
	.balign	2048
	.global	\name
\name:
	/* current EL with SP_EL0: EL2 never uses it */
	el2_fault 0
	el2_fault 1
	el2_fault 2
	el2_fault 3
	/* current EL with SP_EL2 */
	el2_fault 0
	el2_fault 1
	el2_fault 2
	el2_serror
	/* lower EL, AArch64, then AArch32 (EL0 only: HCR_EL2.RW is 1) */
	.rept 2
	guest_sync_vector \pauth
	guest_vector guest_irq_, \pauth
	guest_vector guest_irq_, \pauth
	guest_vector guest_serror_, \pauth
	.endr
.endm

	.section .text.vectors, "ax"
	vector_table vectors_plain, 0
	vector_table vectors_pauth, 1

	.text
	guest_hvc 0
	guest_hvc 1
	guest_handler guest_sync_0, trap_guest_sync, 0, 0
	guest_handler guest_sync_1, trap_guest_sync, 1, 0
	guest_handler guest_irq_0, trap_guest_irq, 0, 0
	guest_handler guest_irq_1, trap_guest_irq, 1, 0
	guest_handler guest_serror_0, trap_guest_serror, 0, 1
	guest_handler guest_serror_1, trap_guest_serror, 1, 1
	guest_exit 0
	guest_exit 1

el2_serror_fault:
	el2_fault 3

/*
 * bool serror_take_unmasked(void): an exception is the only way for the pending SError to go. el2_serror
 * makes x0 1, and takes SP_EL0.
 */
FUNC(serror_take_unmasked)
	mov	x0, xzr
	msr	daifclr, #4
	isb
	msr	daifset, #4
	ret
END(serror_take_unmasked)

FUNC(el2_fault_common)
	ldr	x3, [x0, #CPU_FAULT_DEPTH]
	add	x3, x3, #1
	str	x3, [x0, #CPU_FAULT_DEPTH]
	cmp	x3, #2
	b.hi	.				/* a fault within the report of a fault, twice */
	add	x0, x0, #CPU_FAULT_FRAME
	stp	x4, x5, [x0, #0x20]
	stp	x6, x7, [x0, #0x30]
	stp	x8, x9, [x0, #0x40]
	stp	x10, x11, [x0, #0x50]
	stp	x12, x13, [x0, #0x60]
	stp	x14, x15, [x0, #0x70]
	stp	x16, x17, [x0, #0x80]
	stp	x18, x19, [x0, #0x90]
	stp	x20, x21, [x0, #0xa0]
	stp	x22, x23, [x0, #0xb0]
	stp	x24, x25, [x0, #0xc0]
	stp	x26, x27, [x0, #0xd0]
	stp	x28, x29, [x0, #0xe0]
	mov	x4, sp
	stp	x30, x4, [x0, #0xf0]
	mrs	x4, elr_el2
	mrs	x5, spsr_el2
	stp	x4, x5, [x0, #0x100]
	mrs	x4, esr_el2
	mrs	x5, far_el2
	stp	x4, x5, [x0, #0x110]
	mrs	x4, sp_el0
	stp	x4, x1, [x0]
	mrs	x3, tpidr_el2
	mov	x0, x3
	ldr	x4, [x3, #CPU_FAULT_STACK]
	mov	sp, x4
	mov	x1, x2
	mov	x29, #0
	bl	el2_fault_report
	b	.
END(el2_fault_common)

/* void arch_enter_guest_plain(struct vcpu *), ..._pauth: the first way into a guest. */
FUNC(arch_enter_guest_plain)
	hint	#34				/* BTI c: reached through a pointer */
	b	guest_exit_0
END(arch_enter_guest_plain)

FUNC(arch_enter_guest_pauth)
	hint	#34
	b	guest_exit_1
END(arch_enter_guest_pauth)
