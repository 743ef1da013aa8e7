/* SPDX-License-Identifier: MIT */
/*
 * Reading VM descriptions from a manifest, a device tree; docs/manifest.md describes it.
 *
 * In this order: manifest_check(), manifest_read_windows(), then for each child of the root that is no window
 * manifest_read_vm(), manifest_check_pair() with each VM accepted before it, and manifest_check_machine().
 * What is refused is left out, the rest goes on.
 *
 * Context: all but manifest_check_pair() and manifest_check_machine() call libfdt, which may use FP/SIMD.
 */
#ifndef KERNEL_LOAD_MANIFEST_H
#define KERNEL_LOAD_MANIFEST_H

#include "kernel/base/errcode.h"
#include "kernel/vdev/shared_memory.h"
#include "kernel/vm/vm.h"

#define MANIFEST_FILE	"manifest.dtb"	/* its name in the package */

/* Where a description could not be accepted. */
struct manifest_error {
	enum boot_error code;
	char node[48];
	char property[32];
	char what[128];		/* in words that follow the property's name */
};

/* A package's images by name: data and size, or -ENOENT. */
struct manifest_images {
	int (*find)(void *ctx, const char *name, const void **data, size_t *size);
	void *ctx;
};

struct manifest_windows {
	struct shared_window window[SHARED_MAX_WINDOWS];
	unsigned int nr;
};

/* Whether blob, size bytes long, is a manifest at all: -EINVAL with *why if not. */
__must_check int manifest_check(const void *blob, size_t size, const char **why);

/*
 * The next child of the root after prev (-1: the first) that describes a shared window, or, the second one,
 * that does not: a VM, or what manifest_read_vm() will refuse. Negative at the end.
 */
int manifest_next_window(const void *blob, int prev);
int manifest_next_vm(const void *blob, int prev);

/* Add the window at node to *windows. -EINVAL with *err filled. */
__must_check int manifest_read_window(const void *blob, int node, struct manifest_windows *windows,
				      struct manifest_error *err);

/*
 * Describe the VM at node. -EINVAL with *err filled. desc->passthrough points into blob, the images to
 * where images->find() found them.
 */
__must_check int manifest_read_vm(const void *blob, int node, const struct manifest_images *images,
				  const struct manifest_windows *windows, struct vm_desc *desc,
				  struct manifest_error *err);

/* Whether desc claims what another VM has: a name, physical memory, a device. -EINVAL with err->what. */
__must_check int manifest_check_pair(const struct vm_desc *desc, const struct vm_desc *other,
				     struct manifest_error *err);

/*
 * Whether this machine has what desc asks of it: address space and devices to be passed through. -EINVAL with
 * err->what. CPUs that it lacks are worth a warning in the log.
 */
__must_check int manifest_check_machine(const struct vm_desc *desc, struct manifest_error *err);

#endif
