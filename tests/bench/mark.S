/* SPDX-License-Identifier: MIT */
/*
 * mark N: a Linux program of a few instructions that executes the mark N, 0 to 3, of insn_count.c and exits.
 * Its argument is argv[1]'s first character.
 */
#define MARK	0x5c00

	.global	_start
_start:
	ldr	x1, [sp, #16]			/* argv[1] */
	cbz	x1, 9f
	ldrb	w1, [x1]
	adr	x2, 1f
	sub	x1, x1, #'0'
	cmp	x1, #3
	b.hi	9f
	add	x2, x2, x1, lsl #3
	br	x2
1:	.irp	n, 0, 1, 2, 3
	movz	xzr, #MARK + \n
	b	9f
	.endr
9:	mov	x0, #0
	mov	x8, #93				/* exit */
	svc	#0
