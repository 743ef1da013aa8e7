/* SPDX-License-Identifier: MIT */
/*
 * Reading a flattened device tree (Devicetree Specification v0.4, chapter 5, format version 17),
 * quickly and without trust: nothing outside the blob is read, whatever it holds.
 *
 * libfdt does the same at three times the instructions, since each of its calls finds its way
 * into the tree anew, and with SIMD registers, which boot code does not have yet. It is for editing
 * and building trees; this is for going through one. A node is named by its offset in the structure
 * block in both.
 */
#ifndef LIB_DT_H
#define LIB_DT_H

#include "lib/compiler.h"
#include "lib/types.h"

#define DT_MAX_DEPTH	16	/* of nested nodes; real trees stay below 10 */
#define DT_CELL		sizeof(uint32_t)

struct dt {
	const uint8_t *blob;
	uint32_t size;		/* bytes, all blocks and gaps */
	const uint8_t *structure;
	uint32_t structure_size;
	const char *strings;
	uint32_t strings_size;	/* ends with a NUL */
	const uint32_t *reservations;
	uint32_t max_reservations;	/* that fit into the blob */
};

/* A property's value, in the blob and 4-byte aligned; val is NULL when it is absent. */
struct dt_prop {
	const void *val;
	int len;		/* bytes */
};

enum dt_token {
	DT_BEGIN_NODE,		/* name */
	DT_PROP,		/* name, prop */
	DT_END_NODE,
	DT_END,			/* of the tree */
	DT_BROKEN,		/* what follows can't be read */
};

/* A position in the structure block and what was read there; all zeroes to start. */
struct dt_cursor {
	uint32_t next;
	int offset;		/* of the token just read */
	const char *name;
	struct dt_prop prop;
};

/*
 * Check the header of the blob, size bytes long at most and 8-byte aligned, and fill *dt. Returns
 * 0, or -EINVAL with the reason in *why.
 */
__must_check int dt_open(struct dt *dt, const void *blob, uint64_t size, const char **why);

/* Advance to the next token. */
enum dt_token dt_next(const struct dt *dt, struct dt_cursor *c);

/*
 * Memory reservation i. Returns 0; -ENOENT past the last; -EINVAL when the block isn't terminated
 * or the region wraps around.
 */
__must_check int dt_reservation(const struct dt *dt, unsigned int i, uint64_t *base,
				uint64_t *size);

/*
 * The node at an absolute path, len bytes long, where a unit address may be left out. Returns its
 * offset, or -ENOENT.
 */
__must_check int dt_find(const struct dt *dt, const char *path, size_t len);

/* A property of a node. */
struct dt_prop dt_get(const struct dt *dt, int node, const char *name);

/* Write the node's path, cut to size bytes; "" when there is no such node. */
void dt_path(const struct dt *dt, int node, char *buf, size_t size);

/* Cell i of a value that is known to be long enough. */
static inline uint32_t dt_cell(const void *val, size_t i)
{
	typedef uint32_t __attribute__((may_alias)) cell_t;

	return __builtin_bswap32(((const cell_t *)val)[i]);
}

/* One or two cells as a number. */
static inline uint64_t dt_cells(const void *val, unsigned int nr_cells)
{
	return nr_cells == 1 ? dt_cell(val, 0) : (uint64_t)dt_cell(val, 0) << 32 | dt_cell(val, 1);
}

/* A property of exactly one cell; fallback when it is absent or has another length. */
static inline uint32_t dt_prop_cell(struct dt_prop prop, uint32_t fallback)
{
	return prop.val != NULL && prop.len == (int)DT_CELL ? dt_cell(prop.val, 0) : fallback;
}

/* A property of one or two cells. Returns false for others. */
bool dt_prop_number(struct dt_prop prop, uint64_t *value);

/* The first string of a property; NULL when it is absent or doesn't end within the value. */
const char *dt_prop_string(struct dt_prop prop);

/* Take the next string off a string list; NULL at its end or where it isn't terminated. */
const char *dt_next_string(struct dt_prop *list);

/* Is wanted one of the strings? */
bool dt_list_contains(struct dt_prop list, const char *wanted);

#endif
