/* SPDX-License-Identifier: MIT */
/* Reading VM descriptions from a manifest, a device tree; docs/manifest.md describes it. */
#ifndef KERNEL_VM_MANIFEST_H
#define KERNEL_VM_MANIFEST_H

#include "kernel/vm/vm.h"

/* Where a description could not be accepted. */
struct manifest_error {
	char node[48];
	char property[32];
	char what[128];		/* in words that follow the property's name */
};

/* A package's images by name: data and size, or -ENOENT. */
struct manifest_images {
	int (*find)(void *ctx, const char *name, const void **data, size_t *size);
	void *ctx;
};

/* Whether blob, size bytes long, is a manifest at all: -EINVAL with *why if not. */
__must_check int manifest_check(const void *blob, size_t size, const char **why);

/* Offset of the next VM node after prev (-1: the first), or negative at the end. */
int manifest_next_vm(const void *blob, int prev);

/* Describe the VM at node. -EINVAL with *err filled. */
__must_check int manifest_read_vm(const void *blob, int node, const struct manifest_images *images,
				  struct vm_desc *desc, struct manifest_error *err);

#endif
