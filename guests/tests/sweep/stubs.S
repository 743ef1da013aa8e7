/* SPDX-License-Identifier: MIT */
/*
 * One function for each encoding of MRS, uint64_t sweep_read[n](uint64_t), and of MSR (register),
 * void sweep_write[n](uint64_t), with op0 2 and 3: eight bytes each, in the encodings' order.
 */
	.section .text.sweep, "ax"

	.balign	8
	.globl	sweep_read
	.type	sweep_read, %function
sweep_read:
	.set	n, 0
	.rept	32768
	.inst	0xd5300000 | (n << 5)
	ret
	.set	n, n + 1
	.endr
	.size	sweep_read, . - sweep_read

	.globl	sweep_write
	.type	sweep_write, %function
sweep_write:
	.set	n, 0
	.rept	32768
	.inst	0xd5100000 | (n << 5)
	ret
	.set	n, n + 1
	.endr
	.size	sweep_write, . - sweep_write

/* The runtime's vectors by another address, so that VBAR_EL1 has two values. */
	.balign	2048
	.globl	sweep_vectors
	.type	sweep_vectors, %function
sweep_vectors:
	.set	n, 0
	.rept	16
	.balign	128
	b	guest_vectors + 128 * n
	.set	n, n + 1
	.endr
	.size	sweep_vectors, . - sweep_vectors
