/* SPDX-License-Identifier: MIT */
/*
 * The first instructions: void _start(pa_t dtb), with the MMU off, at whatever address the image was
 * loaded (2 MiB aligned) and at whatever exception level.
 *
 * Builds the first map (the image at IMAGE_VA in 2 MiB blocks, and one 1 GiB identity block for the
 * step from physical to virtual addresses), switches the MMU on and calls
 * boot_main(dtb_pa, image_pa, exception level) on the boot stack. The map is replaced by one with
 * exact permissions as soon as C has read the device tree. At EL1 and EL3 the same is done with those
 * levels' registers, so that the refusal of a wrong exception level can be printed like any other.
 *
 * Registers kept throughout: x19 = device tree, x20 = image's physical address, x21 = exception level.
 * Boot protocol: Linux Documentation/arch/arm64/booting. The entry of a secondary CPU is below.
 */
#include "arch/arm64/asm.h"
#include "arch/arm64/sysreg.h"
#include "arch/layout.h"
#include "generated/asm-offsets.h"

#define L0_INDEX(va)	(((va) >> 39) & 511)
#define L1_INDEX(va)	(((va) >> 30) & 511)

/* Normal write-back, inner shareable, accessed; writable and executable until the real map is in. */
#define EARLY_BLOCK	0x701
#define EARLY_TABLE	0x3
/* AP[1] is RES1 at EL2 and EL3, but at EL1 it would give EL0 access and so take EL1's right to execute. */
#define EARLY_AP1	0x40

/* T0SZ 16, 4 KiB granule, write-back inner shareable walks; PS is filled in at run time. */
#define TCR_COMMON	((16 << 0) | (1 << 8) | (1 << 10) | (3 << 12))
#define TCR_EL23_RES1	((1 << 31) | (1 << 23))
#define TCR_EL1_EPD1	(1 << 23)

	.section .head.text, "ax"
FUNC(_start)
	/* arm64 Image header: a branch, the load offset, the size, flags (little-endian, 4 KiB, anywhere) */
	b	primary_entry
	.long	0
	.quad	0
	.quad	_image_size
	.quad	0xa
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0
END(_start)

FUNC(primary_entry)
	msr	daifset, #0xf
	mov	x19, x0
	adrp	x20, _image_start
	mrs	x21, CurrentEL
	lsr	x21, x21, #2

	/* The tables may have stale cache lines from whoever loaded us: start from memory. */
	adrp	x0, early_tables
	add	x1, x0, #(5 * 4096)
	bl	cache_invalidate_range
	adrp	x0, early_tables
	add	x1, x0, #(5 * 4096)
1:	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	1b

	adrp	x0, early_tables		/* x0: level 0 */
	add	x1, x0, #4096			/* x1: level 1, identity */
	add	x2, x1, #4096			/* x2: level 1, IMAGE_VA's 512 GiB */
	add	x3, x2, #4096			/* x3: level 2, image */
	add	x4, x3, #4096			/* x4: level 2, device tree and early console */

	mov	x5, #EARLY_TABLE
	add	x6, x1, x5
	ubfx	x7, x20, #39, #9
	str	x6, [x0, x7, lsl #3]
	add	x6, x2, x5
	str	x6, [x0, #(L0_INDEX(IMAGE_VA) * 8)]
	add	x6, x3, x5
	str	x6, [x2, #(L1_INDEX(IMAGE_VA) * 8)]
	add	x6, x4, x5
	str	x6, [x2, #(L1_INDEX(DEVICE_VA) * 8)]

	mov	x5, #EARLY_BLOCK
	cmp	x21, #1
	mov	x6, #(EARLY_BLOCK | EARLY_AP1)
	csel	x5, x5, x6, eq

	/* identity: the 1 GiB block that holds this code */
	lsr	x6, x20, #30
	ubfx	x7, x20, #30, #9
	orr	x6, x5, x6, lsl #30
	str	x6, [x1, x7, lsl #3]

	/* the image, in 2 MiB blocks */
	ldr	x7, =_image_size
	add	x7, x7, x20
	mov	x6, x20
2:	orr	x8, x6, x5
	str	x8, [x3], #8
	add	x6, x6, #0x200000
	cmp	x6, x7
	b.lo	2b

	dsb	sy
	bl	early_mmu_on

	/* From here on at the linked addresses. */
	ldr	x0, =_bss_start
	ldr	x1, =_bss_clear_end
3:	stp	xzr, xzr, [x0], #16
	stp	xzr, xzr, [x0], #16
	cmp	x0, x1
	b.lo	3b

	ldr	x0, =boot_stack_top
	mov	sp, x0
	mov	x29, #0
	mov	x30, #0
	mov	x0, x19
	mov	x1, x20
	mov	x2, x21
	bl	boot_main
	b	.
END(primary_entry)

/*
 * Where PSCI starts a secondary CPU: EL2, MMU off, x0 = the CPU's number. Through the early map to the
 * final one, then secondary_main(number) on the CPU's own stack.
 */
FUNC(secondary_entry)
	msr	daifset, #0xf
	mov	x19, x0
	adrp	x20, _image_start
	mov	x21, #2
	bl	early_mmu_on
	ldr	x0, =secondary_boot
	ldp	x1, x2, [x0], #16		/* root, SCTLR_EL2 */
	ldr	x3, [x0, x19, lsl #3]		/* stack */
	msr	ttbr0_el2, x1
	isb
	tlbi	alle2
	dsb	nsh
	isb
	msr	sctlr_el2, x2
	isb
	mov	sp, x3
	mov	x29, #0
	mov	x30, #0
	mov	x0, x19
	bl	secondary_main
	b	.
END(secondary_entry)

/*
 * Switches the MMU on with early_tables, at the exception level in x21, and returns to the linked
 * address of the caller. Clobbers x0-x5.
 */
FUNC(early_mmu_on)
	adrp	x0, early_tables
	ldr	x1, =TCR_COMMON
	mrs	x2, id_aa64mmfr0_el1
	and	x2, x2, #0xf			/* PARange, in the encoding of TCR.PS */
	mov	x3, #5				/* 48 bits: without LPA2 no more can be used */
	cmp	x2, x3
	csel	x2, x2, x3, lo
	mov	x3, #0x04ff			/* MAIR: 0 = Normal write-back, 1 = Device-nGnRE */

	cmp	x21, #1
	b.eq	el1_on
	cmp	x21, #3
	b.eq	el3_on

	msr	mair_el2, x3
	orr	x1, x1, x2, lsl #16
	ldr	x4, =TCR_EL23_RES1
	orr	x1, x1, x4
	msr	tcr_el2, x1
	msr	ttbr0_el2, x0
	isb
	tlbi	alle2
	dsb	nsh
	isb
	mov	x4, #HCR_RW			/* E2H = 0, and no traps yet */
	msr	hcr_el2, x4
	mov	x4, #CPTR_EL2_RES1		/* libfdt has a few NEON instructions */
	msr	cptr_el2, x4
	ldr	x4, =(SCTLR_EL2_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I)
	msr	sctlr_el2, x4
	b	mmu_is_on

el1_on:	msr	mair_el1, x3
	ldr	x4, =TCR_EL1_EPD1
	orr	x1, x1, x4
	orr	x1, x1, x2, lsl #32
	msr	tcr_el1, x1
	msr	ttbr0_el1, x0
	isb
	tlbi	vmalle1
	dsb	nsh
	mov	x4, #(3 << 20)
	msr	cpacr_el1, x4
	isb
	ldr	x4, =(SCTLR_EL1_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I)
	msr	sctlr_el1, x4
	b	mmu_is_on

el3_on:	msr	mair_el3, x3
	orr	x1, x1, x2, lsl #16
	ldr	x4, =TCR_EL23_RES1
	orr	x1, x1, x4
	msr	tcr_el3, x1
	msr	ttbr0_el3, x0
	isb
	tlbi	alle3
	dsb	nsh
	msr	cptr_el3, xzr
	isb
	ldr	x4, =(SCTLR_EL3_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I)
	msr	sctlr_el3, x4

mmu_is_on:
	isb
	/* return address: physical to linked */
	sub	x30, x30, x20
	ldr	x0, =IMAGE_VA
	add	x30, x30, x0
	ret
END(early_mmu_on)

/* Invalidates the data cache lines of [x0, x1) to the point of coherency. Clobbers x0, x2, x3. */
FUNC(cache_invalidate_range)
	mrs	x2, ctr_el0
	ubfx	x2, x2, #16, #4
	mov	x3, #4
	lsl	x3, x3, x2
1:	dc	ivac, x0
	add	x0, x0, x3
	cmp	x0, x1
	b.lo	1b
	dsb	sy
	ret
END(cache_invalidate_range)

	.ltorg

	.section .early_pgtables, "aw", %nobits
	.balign	4096
	.global	early_tables
early_tables:
	.skip	5 * 4096

	.section .bss.boot_stack, "aw", %nobits
	.balign	16
	.global	boot_stack
boot_stack:
	.skip	16384
boot_stack_top:
