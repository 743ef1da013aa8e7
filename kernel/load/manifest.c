// SPDX-License-Identifier: MIT
/*
 * The manifest reader: the tree as a whole, and how its properties are read. A manifest may be hostile:
 * libfdt checks the structure (manifest_check), and every property's length is checked here before it is
 * read.
 *
 * A VM's properties: manifest_vm.c. Its memory, and shared windows: manifest_memory.c. What takes a second VM
 * or the machine to judge: manifest_check.c.
 */
#include "kernel/load/manifest_reader.h"

#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/fmt.h"
#include "lib/string.h"

/* ---- reading ---- */

/* Names and values of a manifest go to the console, where control characters would do something. */
static void make_printable(char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			*s = '?';
	}
}

int manifest_refuse(struct manifest_error *err, enum boot_error code, const char *property, const char *fmt,
		    ...)
{
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(err->what, sizeof(err->what), fmt, ap);
	va_end(ap);
	err->code = code;
	make_printable(err->what);
	strlcpy(err->property, *property ? property : "?", sizeof(err->property));
	make_printable(err->property);
	return -EINVAL;
}

void manifest_error_init(struct manifest_error *err, const void *blob, int node)
{
	const char *name = fdt_get_name(blob, node, NULL);

	memset(err, 0, sizeof(*err));
	strlcpy(err->node, name && *name ? name : "?", sizeof(err->node));
	make_printable(err->node);
}

int manifest_string(const struct manifest_reader *r, int node, const char *name, const char **out)
{
	int len;
	const char *s = fdt_getprop(r->blob, node, name, &len);

	*out = NULL;
	if (!s)
		return -ENOENT;
	if (len < 1 || strnlen(s, (size_t)len) != (size_t)len - 1)
		return refuse(r, name, "is not a string");
	*out = s;
	return 0;
}

int manifest_cells64(const struct manifest_reader *r, int node, const char *name, uint64_t *out, int count)
{
	int len;
	const fdt32_t *cells = fdt_getprop(r->blob, node, name, &len);

	if (!cells)
		return -ENOENT;
	if (len != 8 * count)
		return refuse(r, name, "is not %s", count == 1 ? "one number of two cells" :
			      "one address and one size of two cells each");
	for (int i = 0; i < count; i++)
		out[i] = (uint64_t)fdt32_to_cpu(cells[2 * i]) << 32 | fdt32_to_cpu(cells[2 * i + 1]);
	return 0;
}

int manifest_file(const struct manifest_reader *r, int node, const char *name, const void **data,
		  size_t *size)
{
	const char *file;
	int err = manifest_string(r, node, name, &file);

	if (err)
		return err;
	if (!*file || strchr(file, '/') || !strcmp(file, MANIFEST_FILE))
		return refuse(r, name, "names \"%s\", which cannot be a file of the package", file);
	if (r->images->find(r->images->ctx, file, data, size))
		return refuse(r, name, "names \"%s\", which the package does not have", file);
	if (!*size)
		return refuse(r, name, "names \"%s\", which is empty", file);
	return 0;
}

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++) {
		if (!strcmp(name, *names))
			return true;
	}
	return false;
}

int manifest_known_only(const struct manifest_reader *r, int node, const char *const *names,
			const char *whose)
{
	int prop;

	fdt_for_each_property_offset(prop, r->blob, node) {
		const char *name = NULL;

		if (!fdt_getprop_by_offset(r->blob, prop, &name, NULL) || !name)
			return refuse(r, "?", "has no name");
		if (!is_one_of(name, names))
			return refuse(r, name, "is not a property of %s", whose);
	}
	return 0;
}

bool manifest_is_name(const char *s)
{
	size_t len = 0;

	for (; s[len]; len++) {
		char c = s[len];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      c == '_' ||
		      c == '-' || c == '.'))
			return false;
	}
	return len > 0 && len < VM_NAME_LEN;
}

bool manifest_node_is(const void *blob, int node, const char *name)
{
	const char *it = fdt_get_name(blob, node, NULL);
	size_t len = strlen(name);

	return it && !strncmp(it, name, len) && (it[len] == '\0' || it[len] == '@');
}

/* ---- the tree ---- */

static bool is_two(const void *blob, const char *name)
{
	int len;
	const fdt32_t *cell = fdt_getprop(blob, 0, name, &len);

	return cell && len == sizeof(*cell) && fdt32_to_cpu(*cell) == 2;
}

static bool has_others(const void *blob)
{
	static const char *const known[] = { "compatible", "#address-cells", "#size-cells", NULL };
	int prop;

	fdt_for_each_property_offset(prop, blob, 0) {
		const char *name = NULL;

		if (!fdt_getprop_by_offset(blob, prop, &name, NULL) || !name || !is_one_of(name, known))
			return true;
	}
	return false;
}

int manifest_check(const void *blob, size_t size, const char **why)
{
	int err = fdt_check_untrusted(blob, size);

	*why = err ? fdt_strerror(err) : NULL;
	if (!err && fdt_node_check_compatible(blob, 0, "schism,manifest-v1"))
		*why = "its root is not compatible with \"schism,manifest-v1\"";
	else if (!err && !(is_two(blob, "#address-cells") && is_two(blob, "#size-cells")))
		*why = "its root has not #address-cells and #size-cells of 2";
	else if (!err && has_others(blob))
		*why = "its root has properties besides compatible, #address-cells and #size-cells";
	return *why ? -EINVAL : 0;
}

static int next_child(const void *blob, int prev, bool window)
{
	int node = prev < 0 ? fdt_first_subnode(blob, 0) : fdt_next_subnode(blob, prev);

	while (node >= 0 && !fdt_node_check_compatible(blob, node, "schism,shared-memory") != window)
		node = fdt_next_subnode(blob, node);
	return node;
}

int manifest_next_window(const void *blob, int prev)
{
	return next_child(blob, prev, true);
}

int manifest_next_vm(const void *blob, int prev)
{
	return next_child(blob, prev, false);
}
