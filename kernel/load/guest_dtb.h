/* SPDX-License-Identifier: MIT */
/*
 * A guest's device tree (Devicetree Specification v0.4), like QEMU virt's and as far as the VM has the
 * devices. Those write their own nodes: vdev_ops.describe.
 *
 * Writing is sequential, and errors stick: the first one makes all that follows do nothing, and
 * guest_dtb_build() returns it. So the functions below return nothing. All have the context of
 * guest_dtb_build().
 */
#ifndef KERNEL_LOAD_GUEST_DTB_H
#define KERNEL_LOAD_GUEST_DTB_H

#include "kernel/base/addr.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct vm;

#define GUEST_DTB_MAX		KIB(16)

/* Interrupt specifiers of arm,gic-v3: kind and trigger. */
#define GUEST_DTB_SPI		0
#define GUEST_DTB_PPI		1
#define GUEST_DTB_EDGE		1
#define GUEST_DTB_LEVEL		4

#define GUEST_DTB_PHANDLE_GIC	1
#define GUEST_DTB_PHANDLE_CLOCK	2	/* the fixed clock of 24 MHz that PrimeCells name */

struct guest_dtb {
	void *buf;
	int err;			/* libfdt's, 0 so far */
	char stdout_path[32];		/* the console's node, "" when there is none */
};

/* A node "name@base" with that reg; size GUEST_DTB_NO_REG: without one; base GUEST_DTB_NO_ADDRESS: "name". */
#define GUEST_DTB_NO_ADDRESS	UINT64_MAX
#define GUEST_DTB_NO_REG	UINT64_MAX
void guest_dtb_begin_node(struct guest_dtb *dtb, const char *name, uint64_t base, uint64_t size);
void guest_dtb_end_node(struct guest_dtb *dtb);

/* Properties of the open node: bytes as they are, one string, cells, nothing. */
void guest_dtb_bytes(struct guest_dtb *dtb, const char *name, const void *data, size_t size);
void guest_dtb_string(struct guest_dtb *dtb, const char *name, const char *value);
void guest_dtb_cells(struct guest_dtb *dtb, const char *name, const uint32_t *cells, unsigned int n);
void guest_dtb_flag(struct guest_dtb *dtb, const char *name);

/* A list of strings from one literal with \0 between them; cells from a list of numbers. */
#define guest_dtb_strings(dtb, name, literal)	guest_dtb_bytes(dtb, name, literal, sizeof(literal))
#define guest_dtb_numbers(dtb, name, ...)					\
	guest_dtb_cells(dtb, name, (const uint32_t[]){ __VA_ARGS__ },		\
			sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

/* The node that has just been ended, of that name and address, is the guest's console. */
void guest_dtb_console(struct guest_dtb *dtb, const char *name, uint64_t base);

/* "interrupts" of one SPI. */
void guest_dtb_spi(struct guest_dtb *dtb, uint32_t intid, uint32_t trigger);

/*
 * Write the device tree of a VM whose memory, vCPUs and devices exist. ramdisk: where it lies, size 0 if
 * there is none. buf has GUEST_DTB_MAX bytes, 8-byte aligned; *size is what the tree takes of it.
 * -ENOSPC when it does not fit. Context: no vCPU loaded on this CPU (libfdt may use FP/SIMD).
 */
__must_check int guest_dtb_build(const struct vm *vm, ipa_t ramdisk, uint64_t ramdisk_size, void *buf,
				 size_t *size);

/*
 * Apply an overlay (a compiled .dtbo; it is written to) to the tree in buf; *size is what buf then takes. Its
 * targets are paths: the tree has no symbols. -EINVAL with libfdt's word in *why; buf is of no use then.
 * Context: likewise.
 */
__must_check int guest_dtb_overlay(void *buf, void *overlay, size_t overlay_size, size_t *size,
				   const char **why);

#endif
