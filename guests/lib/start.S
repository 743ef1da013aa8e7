/* SPDX-License-Identifier: MIT */
/*
 * Entry of a guest: EL1, MMU off, x0 = device tree or 0 (the arm64 boot protocol, less the header:
 * guests are loaded as ELF). Ends in guest_main().
 *
 * x19 = the device tree's address throughout.
 */
#include "guests/lib/asm.h"

#define CPACR_FPEN_NO_TRAP	(3 << 20)
#define CTR_DMINLINE_SHIFT	16

	.section .text.start, "ax"

/* void _start(uint64_t dtb) */
	.globl	_start
	.type	_start, %function
_start:
	mov	x19, x0
	msr	daifset, #0xf

	/* Above EL1 the registers below are not the ones in force: refuse, and say so. */
	mrs	x0, CurrentEL
	cmp	x0, #(1 << 2)
	b.ne	wrong_el

	adrp	x0, guest_vectors
	add	x0, x0, :lo12:guest_vectors
	msr	vbar_el1, x0
	mov	x0, #CPACR_FPEN_NO_TRAP
	msr	cpacr_el1, x0
	msr	spsel, #1
	isb

	/*
	 * What is written below goes past the caches; a line that a boot loader left there must not
	 * hide it once they are on. Under stage 2 this cleans as well, which is harmless before the
	 * writes.
	 */
	adrp	x0, __bss_start
	add	x0, x0, :lo12:__bss_start
	adrp	x1, __stack_top
	add	x1, x1, :lo12:__stack_top
	mrs	x2, ctr_el0
	ubfx	x2, x2, #CTR_DMINLINE_SHIFT, #4
	mov	x3, #4
	lsl	x2, x3, x2
	mov	x3, x0
1:	dc	ivac, x3
	add	x3, x3, x2
	cmp	x3, x1
	b.lo	1b
	dsb	sy

	mov	sp, x1
	adrp	x1, __bss_end
	add	x1, x1, :lo12:__bss_end
2:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	2b

	mov	x29, xzr
	mov	x30, xzr
	bl	guest_mmu_init
	bl	guest_mailbox_init
	mov	x0, x19
	bl	guest_main
	b	guest_system_off
	.size	_start, . - _start

	.type	wrong_el, %function
wrong_el:
	adrp	x0, __stack_top
	add	x0, x0, :lo12:__stack_top
	mov	sp, x0
	adrp	x0, wrong_el_text
	add	x0, x0, :lo12:wrong_el_text
	bl	guest_puts
3:	wfi
	b	3b
	.size	wrong_el, . - wrong_el

	.section .rodata.start, "a"
wrong_el_text:
	.asciz	"guest: entered above EL1; run it in a VM, or on QEMU without virtualization=on\n"
