// SPDX-License-Identifier: MIT
/*
 * Flattened device trees, read only (Devicetree Specification v0.4, chapter 5).
 *
 * dt_open() establishes what everything else relies on: the blocks lie inside the blob, the
 * structure block is aligned to cells, and the strings block ends with a NUL. dt_next() is the only
 * function that moves through the structure block and checks each step against its size.
 */
#include "lib/dt.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MAGIC		0xd00dfeed
#define VERSION		17
#define MAX_SIZE	0x7fffffff	/* offsets are ints */

#define TAG_BEGIN_NODE	1
#define TAG_END_NODE	2
#define TAG_PROP	3
#define TAG_NOP		4
#define TAG_END		9

#define PROP_HEADER	(2 * DT_CELL)	/* length, offset of the name */
#define RESERVATION	16		/* bytes of an entry */
#define RESERVATION_CELLS	(RESERVATION / DT_CELL)

/* The header's fields, big-endian. */
enum {
	HDR_MAGIC,
	HDR_TOTALSIZE,
	HDR_OFF_STRUCT,
	HDR_OFF_STRINGS,
	HDR_OFF_MEM_RSVMAP,
	HDR_VERSION,
	HDR_LAST_COMP_VERSION,
	HDR_BOOT_CPUID,
	HDR_SIZE_STRINGS,
	HDR_SIZE_STRUCT,
	HDR_CELLS,
};

static bool block_inside(uint32_t offset, uint32_t size, uint32_t total)
{
	return offset <= total && size <= total - offset;
}

static void trim_strings(struct dt *dt)
{
	while (dt->strings_size > 0 && dt->strings[dt->strings_size - 1] != '\0')
		dt->strings_size--;
}

static const char *check_header(const void *blob, uint64_t size)
{
	uint32_t total;

	if ((uintptr_t)blob % sizeof(uint64_t) != 0)
		return "the device tree is not 8-byte aligned";
	if (size < HDR_CELLS * DT_CELL || dt_cell(blob, HDR_MAGIC) != MAGIC)
		return "there is no flattened device tree";
	if (dt_cell(blob, HDR_VERSION) < VERSION || dt_cell(blob, HDR_LAST_COMP_VERSION) > VERSION)
		return "the device tree is not of format version 17";
	total = dt_cell(blob, HDR_TOTALSIZE);
	if (total > size || total > MAX_SIZE)
		return "the device tree is longer than its place";
	if (!block_inside(dt_cell(blob, HDR_OFF_STRUCT), dt_cell(blob, HDR_SIZE_STRUCT), total) ||
	    dt_cell(blob, HDR_OFF_STRUCT) % DT_CELL != 0)
		return "the device tree's structure block is misplaced";
	if (!block_inside(dt_cell(blob, HDR_OFF_STRINGS), dt_cell(blob, HDR_SIZE_STRINGS), total))
		return "the device tree's strings block is misplaced";
	if (dt_cell(blob, HDR_OFF_MEM_RSVMAP) > total ||
	    dt_cell(blob, HDR_OFF_MEM_RSVMAP) % sizeof(uint64_t) != 0)
		return "the device tree's memory reservation block is misplaced";
	return NULL;
}

int dt_open(struct dt *dt, const void *blob, uint64_t size, const char **why)
{
	const uint8_t *bytes = blob;
	uint32_t reservations;

	*why = check_header(blob, size);
	if (*why != NULL)
		return -EINVAL;
	reservations = dt_cell(blob, HDR_OFF_MEM_RSVMAP);
	*dt = (struct dt) {
		.blob = blob,
		.size = dt_cell(blob, HDR_TOTALSIZE),
		.structure = bytes + dt_cell(blob, HDR_OFF_STRUCT),
		.structure_size = dt_cell(blob, HDR_SIZE_STRUCT),
		.strings = (const char *)bytes + dt_cell(blob, HDR_OFF_STRINGS),
		.strings_size = dt_cell(blob, HDR_SIZE_STRINGS),
		.reservations = (const uint32_t *)(bytes + reservations),
		.max_reservations = (dt_cell(blob, HDR_TOTALSIZE) - reservations) / RESERVATION,
	};
	trim_strings(dt);
	return 0;
}

static enum dt_token read_name(const struct dt *dt, struct dt_cursor *c)
{
	const char *end;

	c->name = (const char *)dt->structure + c->next;
	end = memchr(c->name, '\0', dt->structure_size - c->next);
	if (end == NULL)
		return DT_BROKEN;
	c->next = ALIGN_UP(c->next + (uint32_t)(end - c->name) + 1, DT_CELL);
	return DT_BEGIN_NODE;
}

static enum dt_token read_prop(const struct dt *dt, struct dt_cursor *c)
{
	const uint8_t *header = dt->structure + c->next;
	uint32_t left = dt->structure_size - c->next, len, name;

	if (left < PROP_HEADER)
		return DT_BROKEN;
	len = dt_cell(header, 0);
	name = dt_cell(header, 1);
	if (len > left - PROP_HEADER || name >= dt->strings_size)
		return DT_BROKEN;
	c->name = dt->strings + name;
	c->prop.val = header + PROP_HEADER;
	c->prop.len = len;
	c->next = ALIGN_UP(c->next + (uint32_t)PROP_HEADER + len, DT_CELL);
	return DT_PROP;
}

enum dt_token dt_next(const struct dt *dt, struct dt_cursor *c)
{
	/* Rounding up may have left next at most a cell beyond the end. */
	while (c->next < dt->structure_size && dt->structure_size - c->next >= DT_CELL) {
		uint32_t tag = dt_cell(dt->structure + c->next, 0);

		c->offset = c->next;
		c->next += DT_CELL;
		switch (tag) {
		case TAG_PROP:
			return read_prop(dt, c);
		case TAG_BEGIN_NODE:
			return read_name(dt, c);
		case TAG_END_NODE:
			return DT_END_NODE;
		case TAG_END:
			return DT_END;
		case TAG_NOP:
			break;
		default:
			return DT_BROKEN;
		}
	}
	return DT_BROKEN;
}

int dt_reservation(const struct dt *dt, unsigned int i, uint64_t *base, uint64_t *size)
{
	const uint32_t *entry = dt->reservations + (size_t)i * RESERVATION_CELLS;

	if (i >= dt->max_reservations)
		return -EINVAL;
	*base = dt_cells(entry, 2);
	*size = dt_cells(entry + 2, 2);
	if (*base == 0 && *size == 0)
		return -ENOENT;
	return *base + *size < *base ? -EINVAL : 0;
}

/* Does a path's component, len bytes long, name this node? */
static bool component_is(const char *component, size_t len, const char *name)
{
	if (strncmp(component, name, len) != 0)
		return false;
	return name[len] == '\0' || name[len] == '@';
}

/* Skip slashes and measure the component that follows. */
static size_t next_component(const char **path, const char *end)
{
	const char *p;

	while (*path < end && **path == '/')
		(*path)++;
	for (p = *path; p < end && *p != '/'; p++)
		;
	return p - *path;
}

int dt_find(const struct dt *dt, const char *path, size_t path_len)
{
	const char *end = path + path_len;
	struct dt_cursor c = { 0 };
	int depth = -1, matched = -1;	/* depth of the last node on the path that was found */
	size_t len = 0;			/* of the component at path, which is looked for */
	enum dt_token token;

	if (path_len == 0 || *path != '/')
		return -ENOENT;
	while ((token = dt_next(dt, &c)) < DT_END) {
		if (token == DT_BEGIN_NODE && depth++ == matched &&
		    component_is(path, len, c.name)) {
			matched = depth;
			path += len;
			len = next_component(&path, end);
			if (len == 0)
				return c.offset;
		}
		if (token == DT_END_NODE && depth-- == matched)
			return -ENOENT;
	}
	return -ENOENT;
}

struct dt_prop dt_get(const struct dt *dt, int node, const char *name)
{
	struct dt_cursor c = { .next = node };

	if (node < 0 || node % DT_CELL != 0 || dt_next(dt, &c) != DT_BEGIN_NODE)
		return (struct dt_prop){ .val = NULL };
	while (dt_next(dt, &c) == DT_PROP)
		if (strcmp(c.name, name) == 0)
			return c.prop;
	return (struct dt_prop){ .val = NULL };
}

void dt_path(const struct dt *dt, int node, char *buf, size_t size)
{
	size_t start[DT_MAX_DEPTH], len = 0;
	struct dt_cursor c = { 0 };
	enum dt_token token;
	int depth = 0;

	while ((token = dt_next(dt, &c)) < DT_END) {
		if (token == DT_END_NODE && --depth >= 0)
			len = start[depth];
		if (token != DT_BEGIN_NODE)
			continue;
		if (depth < 0 || depth == DT_MAX_DEPTH)
			break;
		start[depth] = len;
		if (depth++ > 0 || c.offset == node)
			len += strlcpy(buf + MIN(len, size - 1), "/", size - MIN(len, size - 1));
		len += strlcpy(buf + MIN(len, size - 1), c.name, size - MIN(len, size - 1));
		if (c.offset == node)
			return;
	}
	buf[0] = '\0';
}

bool dt_prop_number(struct dt_prop prop, uint64_t *value)
{
	if (prop.val == NULL || (prop.len != (int)DT_CELL && prop.len != 2 * (int)DT_CELL))
		return false;
	*value = dt_cells(prop.val, prop.len / DT_CELL);
	return true;
}

const char *dt_prop_string(struct dt_prop prop)
{
	if (prop.val == NULL || memchr(prop.val, '\0', prop.len) == NULL)
		return NULL;
	return prop.val;
}

const char *dt_next_string(struct dt_prop *list)
{
	const char *s = dt_prop_string(*list);
	size_t len;

	if (s == NULL)
		return NULL;
	len = strlen(s) + 1;
	list->val = s + len;
	list->len -= len;
	return s;
}

bool dt_list_contains(struct dt_prop list, const char *wanted)
{
	const char *s;

	while ((s = dt_next_string(&list)) != NULL)
		if (strcmp(s, wanted) == 0)
			return true;
	return false;
}
