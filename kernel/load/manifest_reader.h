/* SPDX-License-Identifier: MIT */
/* What the parts of the manifest reader have in common; kernel/load/manifest.h is for the others. */
#ifndef KERNEL_LOAD_MANIFEST_READER_H
#define KERNEL_LOAD_MANIFEST_READER_H

#include "kernel/load/manifest.h"
#include "lib/compiler.h"

struct manifest_reader {
	const void *blob;
	int node;
	const struct manifest_images *images;
	const struct manifest_windows *windows;
	struct manifest_error *err;
};

/* Fill err: the property, and what is wrong with it. Returns -EINVAL. */
int manifest_refuse(struct manifest_error *err, enum boot_error code, const char *property, const char *fmt,
		    ...) __printf_like(4, 5) __cold;
#define refuse(r, property, ...)	manifest_refuse((r)->err, BOOT_E_BAD_VM, property, __VA_ARGS__)

/* Clear err, and name the node in it. */
void manifest_error_init(struct manifest_error *err, const void *blob, int node);

/* These return 0, -ENOENT when the node has no such property, or -EINVAL with r->err filled. */
__must_check int manifest_string(const struct manifest_reader *r, int node, const char *name,
				 const char **out);
__must_check int manifest_cells64(const struct manifest_reader *r, int node, const char *name, uint64_t *out,
				  int count);

/* An image of the package that the property names, not empty. */
__must_check int manifest_file(const struct manifest_reader *r, int node, const char *name, const void **data,
			       size_t *size);

/* Every property of the node is one of names, which a NULL ends; a mistyped one must not go unnoticed. */
__must_check int manifest_known_only(const struct manifest_reader *r, int node, const char *const *names,
				     const char *whose);

/* A string is a name: 1 to 31 letters, digits, '_', '-' or '.'. */
bool manifest_is_name(const char *s);

/* Is a node called name, or name@ADDRESS? */
bool manifest_node_is(const void *blob, int node, const char *name);

/* The child nodes of a VM: memory, shared windows, further images. After its properties. */
__must_check int manifest_read_memory(const struct manifest_reader *r, struct vm_desc *desc);

#endif
