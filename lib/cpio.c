// SPDX-License-Identifier: MIT
/*
 * newc CPIO archives (cpio(5), "New ASCII Format").
 *
 * An entry is a header of thirteen numbers of 8 hexadecimal digits after the magic, the name with
 * its terminator, padding to 4 bytes, the data, and padding to 4 bytes, all counted from the
 * archive's start. cpio->next never exceeds cpio->size, and each length is compared with what is
 * left before it is added to anything.
 */
#include "lib/cpio.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MAGIC		"070701"
#define MAGIC_LEN	6
#define FIELD_DIGITS	8
#define HEADER_LEN	(MAGIC_LEN + NR_FIELDS * FIELD_DIGITS)
#define PADDING		4
#define TRAILER		"TRAILER!!!"

enum field {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_NLINK,
	FIELD_MTIME,
	FIELD_FILESIZE,
	FIELD_DEVMAJOR,
	FIELD_DEVMINOR,
	FIELD_RDEVMAJOR,
	FIELD_RDEVMINOR,
	FIELD_NAMESIZE,
	FIELD_CHECK,
	NR_FIELDS,
};

static int fail(struct cpio *cpio, const char *why)
{
	cpio->why = why;
	return -EINVAL;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Returns false when a digit is none. */
static bool read_field(const uint8_t *header, enum field field, uint32_t *value)
{
	const uint8_t *digits = header + MAGIC_LEN + field * FIELD_DIGITS;

	*value = 0;
	for (unsigned int i = 0; i < FIELD_DIGITS; i++) {
		int digit = hex_digit(digits[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

/* Skip len bytes and the padding behind them. Returns false when they don't fit. */
static bool skip(struct cpio *cpio, size_t len)
{
	size_t padding;

	if (len > cpio->size - cpio->next)
		return false;
	cpio->next += len;
	padding = -cpio->next & (PADDING - 1);
	/* The last entry's padding may have been cut off. */
	cpio->next += MIN(padding, cpio->size - cpio->next);
	return true;
}

void cpio_begin(struct cpio *cpio, const void *archive, size_t size)
{
	*cpio = (struct cpio){ .base = archive, .size = size };
}

int cpio_next(struct cpio *cpio, struct cpio_entry *entry)
{
	const uint8_t *header = cpio->base + cpio->next;
	uint32_t filesize, namesize;

	if (cpio->size - cpio->next < HEADER_LEN)
		return fail(cpio, "the archive ends without a trailer");
	if (memcmp(header, MAGIC, MAGIC_LEN) != 0)
		return fail(cpio, "an entry does not begin with 070701");
	if (!read_field(header, FIELD_FILESIZE, &filesize) ||
	    !read_field(header, FIELD_NAMESIZE, &namesize) ||
	    !read_field(header, FIELD_MODE, &entry->mode))
		return fail(cpio, "a header field is not hexadecimal");
	entry->name = (const char *)header + HEADER_LEN;
	if (namesize == 0 || namesize > cpio->size - cpio->next - HEADER_LEN ||
	    entry->name[namesize - 1] != '\0')
		return fail(cpio, "a name is not terminated");
	if (!skip(cpio, (size_t)HEADER_LEN + namesize))
		return fail(cpio, "a name is cut");
	entry->data = cpio->base + cpio->next;
	entry->len = filesize;
	if (!skip(cpio, filesize))
		return fail(cpio, "a file is cut");
	return strcmp(entry->name, TRAILER) == 0 ? -ENOENT : 0;
}

int cpio_find(const void *archive, size_t size, const char *name, const void **data, size_t *len)
{
	struct cpio_entry entry;
	struct cpio cpio;
	int rc;

	cpio_begin(&cpio, archive, size);
	while ((rc = cpio_next(&cpio, &entry)) == 0) {
		if (strcmp(entry.name, name) == 0) {
			*data = entry.data;
			*len = entry.len;
			return 0;
		}
	}
	return rc;
}

int cpio_check(const void *archive, size_t size, size_t *count, const char **why)
{
	struct cpio_entry entry;
	struct cpio cpio;
	int rc;

	cpio_begin(&cpio, archive, size);
	for (*count = 0; (rc = cpio_next(&cpio, &entry)) == 0; (*count)++)
		;
	*why = cpio.why;
	return rc == -ENOENT ? 0 : rc;
}
