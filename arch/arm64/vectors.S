/* SPDX-License-Identifier: MIT */
/*
 * EL2's exception vectors and the way into and out of a guest (Arm ARM D1.3).
 *
 * While a guest runs, SP_EL2 points at its vCPU, whose first member is the trap frame. An exception
 * from the guest stores x0-x30, ELR and SPSR there, moves SP to the CPU's EL2 stack and calls
 *
 *	struct vcpu *trap_guest_sync(struct vcpu *vcpu, uint64_t esr);
 *	struct vcpu *trap_guest_irq(struct vcpu *vcpu);
 *	struct vcpu *trap_guest_serror(struct vcpu *vcpu, uint64_t esr);
 *
 * which return the vCPU to go on with. EL1 system registers, FP/SIMD and list registers stay where they
 * are; kernel/sched moves them when the vCPU changes.
 *
 * There are two tables: in the second one EL2 has its own pointer-authentication key, which is swapped
 * with the guest's on the way in and out. arch_traps_init() chooses.
 */
#include "arch/arm64/asm.h"
#include "arch/arm64/sysreg.h"
#include "generated/asm-offsets.h"

	.arch	armv8-a

.macro guest_entry handler, pauth, needs_esr
	stp	x0, x1, [sp, #0x00]
	stp	x2, x3, [sp, #0x10]
	stp	x4, x5, [sp, #0x20]
	stp	x6, x7, [sp, #0x30]
	stp	x8, x9, [sp, #0x40]
	stp	x10, x11, [sp, #0x50]
	stp	x12, x13, [sp, #0x60]
	stp	x14, x15, [sp, #0x70]
	stp	x16, x17, [sp, #0x80]
	stp	x18, x19, [sp, #0x90]
	stp	x20, x21, [sp, #0xa0]
	stp	x22, x23, [sp, #0xb0]
	stp	x24, x25, [sp, #0xc0]
	stp	x26, x27, [sp, #0xd0]
	stp	x28, x29, [sp, #0xe0]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	mov	x0, sp
	stp	x30, x2, [x0, #0xf0]
	str	x3, [x0, #0x100]
	b	\handler\pauth
.endm

/* The rest of the entry, out of the 128 bytes that a vector has. */
.macro guest_handler name, target, pauth, needs_esr
FUNC(\name)
	.if \pauth
	mrs	x4, tpidr_el2
	mrs	x5, APIAKEYLO_EL1
	mrs	x6, APIAKEYHI_EL1
	ldp	x7, x8, [x4, #CPU_APIA]
	stp	x5, x6, [x0, #VCPU_APIA]
	msr	APIAKEYLO_EL1, x7
	msr	APIAKEYHI_EL1, x8
	isb
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
	ldp	x5, x6, [x0, #VCPU_APIA]
	msr	APIAKEYLO_EL1, x5
	msr	APIAKEYHI_EL1, x6
	.endif
	mov	sp, x0
	ldp	x30, x2, [x0, #0xf0]
	ldr	x3, [x0, #0x100]
	msr	elr_el2, x2
	msr	spsr_el2, x3
	ldp	x28, x29, [sp, #0xe0]
	ldp	x26, x27, [sp, #0xd0]
	ldp	x24, x25, [sp, #0xc0]
	ldp	x22, x23, [sp, #0xb0]
	ldp	x20, x21, [sp, #0xa0]
	ldp	x18, x19, [sp, #0x90]
	ldp	x16, x17, [sp, #0x80]
	ldp	x14, x15, [sp, #0x70]
	ldp	x12, x13, [sp, #0x60]
	ldp	x10, x11, [sp, #0x50]
	ldp	x8, x9, [sp, #0x40]
	ldp	x6, x7, [sp, #0x30]
	ldp	x4, x5, [sp, #0x20]
	ldp	x2, x3, [sp, #0x10]
	ldp	x0, x1, [sp, #0x00]
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

.macro guest_vector handler, pauth, needs_esr
	.balign	128
	guest_entry \handler, \pauth, \needs_esr
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
	el2_fault 3
	/* lower EL, AArch64, then AArch32 (EL0 only: HCR_EL2.RW is 1) */
	.rept 2
	guest_vector guest_sync_, \pauth, 1
	guest_vector guest_irq_, \pauth, 0
	guest_vector guest_irq_, \pauth, 0
	guest_vector guest_serror_, \pauth, 1
	.endr
.endm

	.section .text.vectors, "ax"
	vector_table vectors_plain, 0
	vector_table vectors_pauth, 1

	.text
	guest_handler guest_sync_0, trap_guest_sync, 0, 1
	guest_handler guest_sync_1, trap_guest_sync, 1, 1
	guest_handler guest_irq_0, trap_guest_irq, 0, 0
	guest_handler guest_irq_1, trap_guest_irq, 1, 0
	guest_handler guest_serror_0, trap_guest_serror, 0, 1
	guest_handler guest_serror_1, trap_guest_serror, 1, 1
	guest_exit 0
	guest_exit 1

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
	ldr	x4, [x3, #CPU_FAULT_STACK]
	mov	sp, x4
	mov	x1, x2
	mov	x29, #0
	bl	el2_fault_report
	b	.
END(el2_fault_common)

/* void arch_enter_guest_asm_plain(struct vcpu *), ..._pauth: the first way into a guest. */
FUNC(arch_enter_guest_plain)
	hint	#34				/* BTI c: reached through a pointer */
	b	guest_exit_0
END(arch_enter_guest_plain)

FUNC(arch_enter_guest_pauth)
	hint	#34
	b	guest_exit_1
END(arch_enter_guest_pauth)

/* void arch_switch_stack(uint64_t top, void (*fn)(void)): go on in fn on another stack, for good. */
FUNC(arch_switch_stack)
	mov	sp, x0
	mov	x29, #0
	mov	x30, #0
	mov	x16, x1				/* x16: a BTI c target accepts BR from it */
	br	x16
END(arch_switch_stack)

/* void fpsimd_save(struct arch_fpsimd *), void fpsimd_restore(const struct arch_fpsimd *) */
FUNC(fpsimd_save)
	.arch_extension fp
	.arch_extension simd
	stp	q0, q1, [x0, #0x000]
	stp	q2, q3, [x0, #0x020]
	stp	q4, q5, [x0, #0x040]
	stp	q6, q7, [x0, #0x060]
	stp	q8, q9, [x0, #0x080]
	stp	q10, q11, [x0, #0x0a0]
	stp	q12, q13, [x0, #0x0c0]
	stp	q14, q15, [x0, #0x0e0]
	stp	q16, q17, [x0, #0x100]
	stp	q18, q19, [x0, #0x120]
	stp	q20, q21, [x0, #0x140]
	stp	q22, q23, [x0, #0x160]
	stp	q24, q25, [x0, #0x180]
	stp	q26, q27, [x0, #0x1a0]
	stp	q28, q29, [x0, #0x1c0]
	stp	q30, q31, [x0, #0x1e0]
	mrs	x1, fpcr
	mrs	x2, fpsr
	add	x0, x0, #0x200
	stp	x1, x2, [x0]
	ret
END(fpsimd_save)

FUNC(fpsimd_restore)
	ldp	q0, q1, [x0, #0x000]
	ldp	q2, q3, [x0, #0x020]
	ldp	q4, q5, [x0, #0x040]
	ldp	q6, q7, [x0, #0x060]
	ldp	q8, q9, [x0, #0x080]
	ldp	q10, q11, [x0, #0x0a0]
	ldp	q12, q13, [x0, #0x0c0]
	ldp	q14, q15, [x0, #0x0e0]
	ldp	q16, q17, [x0, #0x100]
	ldp	q18, q19, [x0, #0x120]
	ldp	q20, q21, [x0, #0x140]
	ldp	q22, q23, [x0, #0x160]
	ldp	q24, q25, [x0, #0x180]
	ldp	q26, q27, [x0, #0x1a0]
	ldp	q28, q29, [x0, #0x1c0]
	ldp	q30, q31, [x0, #0x1e0]
	add	x0, x0, #0x200
	ldp	x1, x2, [x0]
	msr	fpcr, x1
	msr	fpsr, x2
	ret
END(fpsimd_restore)
