/* SPDX-License-Identifier: MIT */
/*
 * Reading newc CPIO archives ("070701", cpio(5)), which may be hostile: nothing outside the archive
 * is read and nothing is copied. An archive ends with an entry "TRAILER!!!"; what follows it is
 * ignored.
 */
#ifndef LIB_CPIO_H
#define LIB_CPIO_H

#include "lib/compiler.h"
#include "lib/types.h"

struct cpio {
	const uint8_t *base;
	size_t size;		/* bytes */
	size_t next;		/* offset of the next entry's header */
	const char *why;	/* after -EINVAL: what is wrong with that entry */
};

struct cpio_entry {
	const char *name;	/* in the archive, terminated */
	const void *data;	/* in the archive, aligned as its offset: to 4 bytes */
	size_t len;		/* bytes */
	uint32_t mode;		/* as in stat(2) */
};

/* Start at the first entry of an archive of size bytes. */
void cpio_begin(struct cpio *cpio, const void *archive, size_t size);

/* Read the next entry. Returns 0; -ENOENT at the trailer; -EINVAL for a malformed entry. */
__must_check int cpio_next(struct cpio *cpio, struct cpio_entry *entry);

/*
 * Find the file of that name, exactly; the first one if there are several. Returns 0, -ENOENT, or
 * -EINVAL when the archive is malformed before the file is found.
 */
__must_check int cpio_find(const void *archive, size_t size, const char *name, const void **data,
			   size_t *len);

/* Read the archive to its trailer and count its entries. Returns 0, or -EINVAL with the reason. */
__must_check int cpio_check(const void *archive, size_t size, size_t *count, const char **why);

#endif
