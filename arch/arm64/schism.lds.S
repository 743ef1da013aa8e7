/* SPDX-License-Identifier: MIT */
/*
 * The image: linked at IMAGE_VA, loadable at any 2 MiB boundary. One PT_LOAD per permission, unmapped
 * guard pages between (CONFIG_GUARD_PAGES_IMAGE); the boot code maps exactly these ranges.
 */
#include "arch/layout.h"

#define GUARD	. = ALIGN(4096) + CONFIG_GUARD_PAGES_IMAGE * 4096

OUTPUT_FORMAT("elf64-littleaarch64")
OUTPUT_ARCH(aarch64)
ENTRY(_start)

PHDRS
{
	text   PT_LOAD FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	data   PT_LOAD FLAGS(6);
	bss    PT_LOAD FLAGS(6);
	stack  PT_GNU_STACK FLAGS(6);
}

SECTIONS
{
	. = IMAGE_VA;
	_image_start = .;

	.text : AT(ADDR(.text) - IMAGE_VA + IMAGE_LOAD_PA) {
		_text_start = .;
		KEEP(*(.head.text))
		*(.text .text.*)
		. = ALIGN(4096);
		_text_end = .;
	} :text

	GUARD;
	.rodata : AT(ADDR(.rodata) - IMAGE_VA + IMAGE_LOAD_PA) {
		_rodata_start = .;
		*(EXCLUDE_FILE(*symtab*.o *package_data*.o) .rodata)
		*(EXCLUDE_FILE(*symtab*.o *package_data*.o) .rodata.*)
		*(.got .got.plt)
		. = ALIGN(8);
		__start_schism_serial = .;
		KEEP(*(schism_serial))
		__stop_schism_serial = .;
		__start_schism_console = .;
		KEEP(*(schism_console))
		__stop_schism_console = .;
		__start_schism_shell = .;
		KEEP(*(schism_shell))
		__stop_schism_shell = .;
		__start_schism_rtc = .;
		KEEP(*(schism_rtc))
		__stop_schism_rtc = .;
		__start_schism_vdev = .;
		KEEP(*(schism_vdev))
		__stop_schism_vdev = .;
		__start_schism_hvc = .;
		KEEP(*(schism_hvc))
		__stop_schism_hvc = .;
		KEEP(*(.rodata.package))
		KEEP(*(.rodata.symtab))
		. = ALIGN(4096);
		_rodata_end = .;
	} :rodata

	GUARD;
	.data : AT(ADDR(.data) - IMAGE_VA + IMAGE_LOAD_PA) {
		_data_start = .;
		*(.data .data.*)
		. = ALIGN(4096);
		_data_end = .;
	} :data

	GUARD;
	.bss (NOLOAD) : AT(ADDR(.bss) - IMAGE_VA + IMAGE_LOAD_PA) {
		_bss_start = .;
		*(.bss .bss.* COMMON)
		. = ALIGN(4096);
		_bss_clear_end = .;
		/* written before the MMU is on; cleared by hand */
		KEEP(*(.early_pgtables))
		. = ALIGN(4096);
		_bss_end = .;
	} :bss

	_image_end = ALIGN(4096) + CONFIG_GUARD_PAGES_IMAGE * 4096;

	/* What the boot loader's header says: from the first byte to the last that must stay free. */
	_image_size = _image_end - _image_start;

	.comment 0 : { *(.comment) }
	.debug_abbrev 0 : { *(.debug_abbrev) }
	.debug_addr 0 : { *(.debug_addr) }
	.debug_aranges 0 : { *(.debug_aranges) }
	.debug_frame 0 : { *(.debug_frame) }
	.debug_info 0 : { *(.debug_info) }
	.debug_line 0 : { *(.debug_line) }
	.debug_line_str 0 : { *(.debug_line_str) }
	.debug_loclists 0 : { *(.debug_loclists) }
	.debug_loc 0 : { *(.debug_loc) }
	.debug_macro 0 : { *(.debug_macro) }
	.debug_ranges 0 : { *(.debug_ranges) }
	.debug_rnglists 0 : { *(.debug_rnglists) }
	.debug_str 0 : { *(.debug_str) }
	.debug_str_offsets 0 : { *(.debug_str_offsets) }
	.symtab 0 : { *(.symtab) }
	.strtab 0 : { *(.strtab) }
	.shstrtab 0 : { *(.shstrtab) }

	/DISCARD/ : {
		*(.note.*) *(.eh_frame*) *(.ARM.*) *(.interp) *(.dynsym) *(.dynstr) *(.hash) *(.gnu.hash)
		*(.dynamic) *(.plt*) *(.iplt*) *(.rela*) *(.igot*)
	}
}

ASSERT(_image_size <= 0x40000000, "the image does not fit its address range")
