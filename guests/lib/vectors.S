/* SPDX-License-Identifier: MIT */
/*
 * EL1 vectors. Every entry builds a struct guest_frame on the stack and calls
 *   void guest_handle_sync(struct guest_frame *) for a synchronous exception from EL1h,
 *   void guest_handle_irq(struct guest_frame *) for an interrupt at EL1h,
 *   void guest_handle_unexpected(struct guest_frame *) for all else.
 * FP/SIMD registers are left alone; the C side uses none.
 */
#include "guests/lib/asm.h"

	.arch_extension fp
	.arch_extension simd

#define KIND_SYNC_SPX	4
#define KIND_IRQ_SPX	5

/*
 * One vector. Before anything is stored, SP is tested for having left the stack (see guest.lds.S)
 * with no register to spare: x0 and SP carry each other's value for a moment.
 */
	.macro	vector kind
	.balign	128
	sub	sp, sp, #FRAME_SIZE
	add	sp, sp, x0
	sub	x0, sp, x0
	tbnz	x0, #GUEST_STACK_SHIFT, stack_overflow
	sub	x0, sp, x0
	sub	sp, sp, x0
	stp	x0, x1, [sp, #FRAME_X(0)]
	mov	x0, #\kind
	b	exception_entry
	.endm

	.section .text.vectors, "ax"
	.balign	2048
	.globl	guest_vectors
guest_vectors:
	.irp	kind, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vector	\kind
	.endr
	.balign	128

	.type	exception_entry, %function
exception_entry:
	stp	x2, x3, [sp, #FRAME_X(2)]
	stp	x4, x5, [sp, #FRAME_X(4)]
	stp	x6, x7, [sp, #FRAME_X(6)]
	stp	x8, x9, [sp, #FRAME_X(8)]
	stp	x10, x11, [sp, #FRAME_X(10)]
	stp	x12, x13, [sp, #FRAME_X(12)]
	stp	x14, x15, [sp, #FRAME_X(14)]
	stp	x16, x17, [sp, #FRAME_X(16)]
	stp	x18, x19, [sp, #FRAME_X(18)]
	stp	x20, x21, [sp, #FRAME_X(20)]
	stp	x22, x23, [sp, #FRAME_X(22)]
	stp	x24, x25, [sp, #FRAME_X(24)]
	stp	x26, x27, [sp, #FRAME_X(26)]
	stp	x28, x29, [sp, #FRAME_X(28)]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	stp	x30, x1, [sp, #FRAME_X(30)]
	stp	x2, x0, [sp, #FRAME_SPSR]

	cmp	x0, #KIND_IRQ_SPX
	mov	x0, sp
	b.eq	1f
	ldr	x1, [sp, #FRAME_KIND]
	cmp	x1, #KIND_SYNC_SPX
	b.ne	2f
	bl	guest_handle_sync
	b	exception_return
1:	bl	guest_handle_irq
	b	exception_return
2:	bl	guest_handle_unexpected

exception_return:
	ldp	x30, x1, [sp, #FRAME_X(30)]
	ldr	x2, [sp, #FRAME_SPSR]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x28, x29, [sp, #FRAME_X(28)]
	ldp	x26, x27, [sp, #FRAME_X(26)]
	ldp	x24, x25, [sp, #FRAME_X(24)]
	ldp	x22, x23, [sp, #FRAME_X(22)]
	ldp	x20, x21, [sp, #FRAME_X(20)]
	ldp	x18, x19, [sp, #FRAME_X(18)]
	ldp	x16, x17, [sp, #FRAME_X(16)]
	ldp	x14, x15, [sp, #FRAME_X(14)]
	ldp	x12, x13, [sp, #FRAME_X(12)]
	ldp	x10, x11, [sp, #FRAME_X(10)]
	ldp	x8, x9, [sp, #FRAME_X(8)]
	ldp	x6, x7, [sp, #FRAME_X(6)]
	ldp	x4, x5, [sp, #FRAME_X(4)]
	ldp	x2, x3, [sp, #FRAME_X(2)]
	ldp	x0, x1, [sp, #FRAME_X(0)]
	add	sp, sp, #FRAME_SIZE
	eret
	.size	exception_entry, . - exception_entry

/* The stack is used up: report on another one. Never returns, so nothing is saved. */
	.type	stack_overflow, %function
stack_overflow:
	adrp	x0, guest_overflow_stack
	add	x0, x0, :lo12:guest_overflow_stack
	add	sp, x0, #GUEST_OVERFLOW_STACK_SIZE
	b	guest_handle_stack_overflow
	.size	stack_overflow, . - stack_overflow

/* slot = the address of this vCPU's entry of guest_recovery_sp[]. */
	.macro	recovery_slot slot, tmp
	mrs	\tmp, mpidr_el1
	and	\tmp, \tmp, #(GUEST_MAX_VCPUS - 1)
	adrp	\slot, guest_recovery_sp
	add	\slot, \slot, :lo12:guest_recovery_sp
	add	\slot, \slot, \tmp, lsl #3
	.endm

/*
 * bool guest_try_call(void (*fn)(void *), void *arg);
 *
 * Leaves its SP in this vCPU's guest_recovery_sp while fn runs. A synchronous exception then continues at
 * guest_try_recover with that SP in x0; both ways out restore the callee-saved registers from
 * there, and the outer call's recovery SP.
 */
	.section .text.try, "ax"
	.globl	guest_try_call
	.type	guest_try_call, %function
guest_try_call:
	stp	x29, x30, [sp, #-176]!
	mov	x29, sp
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #112]
	stp	d10, d11, [sp, #128]
	stp	d12, d13, [sp, #144]
	stp	d14, d15, [sp, #160]
	recovery_slot x2, x3
	ldr	x3, [x2]
	str	x3, [sp, #96]
	mov	x3, sp
	str	x3, [x2]
	mov	x2, x0
	mov	x0, x1
	blr	x2
	mov	w0, #0
	b	1f

	.globl	guest_try_recover
guest_try_recover:
	mov	sp, x0
	mov	w0, #1
1:	recovery_slot x2, x3
	ldr	x3, [sp, #96]
	str	x3, [x2]
	ldp	d14, d15, [sp, #160]
	ldp	d12, d13, [sp, #144]
	ldp	d10, d11, [sp, #128]
	ldp	d8, d9, [sp, #112]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #176
	ret
	.size	guest_try_call, . - guest_try_call
