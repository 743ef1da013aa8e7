/* SPDX-License-Identifier: MIT */
/*
 * Where a guest's image lies; preprocess before use. Three PT_LOADs, none writable and executable,
 * and each starting a page of its own, so that mmu.c can map them W^X. Load and link addresses are
 * the same: guests run identity-mapped. Tests of entry states are linked elsewhere (--defsym
 * guest_image_base=ADDRESS), one away from where it is loaded (--defsym guest_image_offset=DISTANCE).
 */
#include "guests/lib/asm.h"
#include "schism/abi/guest_layout.h"

ENTRY(_start)

PHDRS
{
	text PT_LOAD FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	data PT_LOAD FLAGS(6);
}

guest_image_offset = DEFINED(guest_image_offset) ? guest_image_offset : 0;

SECTIONS
{
	. = DEFINED(guest_image_base) ? guest_image_base : GUEST_IMAGE_IPA;
	__image_start = .;
	/* Of an arm64 Image, which begins 64 bytes below .text; in others it is empty. */
	.header : AT(ADDR(.header) - guest_image_offset) {
		*(.text.header)
	} :text
	.text : AT(ADDR(.text) - guest_image_offset) {
		*(.text.start)
		*(.text .text.*)
	} :text
	. = ALIGN(4096);
	__text_end = .;

	.rodata : AT(ADDR(.rodata) - guest_image_offset) {
		*(.rodata .rodata.*)
	} :rodata
	. = ALIGN(4096);
	__rodata_end = .;

	__data_start = .;
	.data : AT(ADDR(.data) - guest_image_offset) {
		*(.data .data.*)
	} :data
	.bss (NOLOAD) : ALIGN(64) {
		__bss_start = .;
		*(.bss.tables)
		*(.bss .bss.* COMMON)
		. = ALIGN(64);
		__bss_end = .;
	} :data

	/*
	 * Twice its size aligned: SP has the bit GUEST_STACK_SHIFT clear as long as it is inside,
	 * which is what the vectors check. At least one page below it stays unmapped.
	 */
	. = ALIGN(4096) + 4096;
	. = ALIGN(2 * GUEST_STACK_SIZE);
	.stack (NOLOAD) : {
		__stack_bottom = .;
		. += GUEST_STACK_SIZE;
		__stack_top = .;
	} :data
	__image_end = .;
	__image_size = ABSOLUTE(__image_end - __image_start);

	/DISCARD/ : {
		*(.comment .note .note.* .eh_frame .eh_frame_hdr .ARM.attributes)
	}
}

ASSERT(__image_end - guest_image_offset <= GUEST_WORK_IPA,
	"the guest's image does not fit below its work buffer")
