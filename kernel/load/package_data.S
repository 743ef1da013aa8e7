/* SPDX-License-Identifier: MIT */
/* The boot package in the image, from embedded_package_start to embedded_package_end; empty without one. */
	.section .rodata.package, "a"
	.balign	4096
	.global	embedded_package_start
embedded_package_start:
#if CONFIG_EMBED_PACKAGE
	.incbin	PACKAGE_FILE
#endif
	.global	embedded_package_end
embedded_package_end:
