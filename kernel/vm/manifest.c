// SPDX-License-Identifier: MIT
/*
 * The manifest reader. A manifest may be hostile: libfdt checks the structure (manifest_check), and
 * every property's length is checked here before it is read.
 */
#include "kernel/vm/manifest.h"

#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

struct reader {
	const void *blob;
	int node;
	struct manifest_error *err;
};

int manifest_check(const void *blob, size_t size, const char **why)
{
	int err = fdt_check_full(blob, size);

	*why = err ? fdt_strerror(err) : "its root is not compatible with \"schism,manifest-v1\"";
	if (err || fdt_node_check_compatible(blob, 0, "schism,manifest-v1"))
		return -EINVAL;
	return 0;
}

int manifest_next_vm(const void *blob, int prev)
{
	return fdt_node_offset_by_compatible(blob, prev, "schism,vm");
}

static int refuse(const struct reader *r, const char *property, const char *what)
{
	r->err->property = property;
	r->err->what = what;
	return -EINVAL;
}

static int read_string(const struct reader *r, const char *name, const char **out)
{
	int len;
	const char *s = fdt_getprop(r->blob, r->node, name, &len);

	*out = NULL;
	if (!s)
		return -ENOENT;
	if (len < 1 || strnlen(s, (size_t)len) == (size_t)len)
		return refuse(r, name, "is not a string");
	*out = s;
	return 0;
}

static int read_cells(const struct reader *r, int node, const char *name, uint64_t *out, int count)
{
	int len;
	const fdt32_t *cells = fdt_getprop(r->blob, node, name, &len);

	if (!cells)
		return -ENOENT;
	if (len != 8 * count)
		return refuse(r, name, count == 1 ? "is not one number of two cells" :
						    "is not one address and one size of two cells each");
	for (int i = 0; i < count; i++)
		out[i] = (uint64_t)fdt32_to_cpu(cells[2 * i]) << 32 | fdt32_to_cpu(cells[2 * i + 1]);
	return 0;
}

static int read_name(const struct reader *r, struct vm_desc *desc)
{
	const char *name;
	int err = read_string(r, "vm-name", &name);

	if (err == -ENOENT)
		name = fdt_get_name(r->blob, r->node, NULL);
	else if (err)
		return err;
	if (!name || !*name || strlen(name) >= sizeof(desc->name))
		return refuse(r, "vm-name", "is empty or longer than 31 characters");
	strlcpy(desc->name, name, sizeof(desc->name));
	return 0;
}

static int read_vcpus(const struct reader *r, struct vm_desc *desc)
{
	int len;
	const fdt32_t *cell = fdt_getprop(r->blob, r->node, "vcpus", &len);

	desc->nr_vcpus = cell && len == 4 ? fdt32_to_cpu(*cell) : 1;
	if (cell && len != 4)
		return refuse(r, "vcpus", "is not one cell");
	if (!desc->nr_vcpus || desc->nr_vcpus > CONFIG_MAX_VCPUS)
		return refuse(r, "vcpus", "is 0 or above CONFIG_MAX_VCPUS");
	return 0;
}

static int read_memory(const struct reader *r, struct vm_desc *desc)
{
	uint64_t reg[2];
	int node, err = -ENOENT;

	fdt_for_each_subnode(node, r->blob, r->node) {
		const char *name = fdt_get_name(r->blob, node, NULL);

		if (!name || strncmp(name, "memory", 6))
			continue;
		if (err != -ENOENT)
			return refuse(r, "memory", "stands twice; one RAM region is supported");
		err = read_cells(r, node, "reg", reg, 2);
		if (err)
			return err == -ENOENT ? refuse(r, "memory", "has no reg") : err;
	}
	if (err)
		return refuse(r, "memory", "is missing: a VM needs a memory node with a reg");
	if (!reg[1] || !IS_ALIGNED(reg[0] | reg[1], PAGE_SIZE))
		return refuse(r, "memory", "has a reg that is empty or not a multiple of 4 KiB");
	if (reg[0] < GUEST_RAM_IPA || reg[1] > GIB(512) || reg[0] > GIB(512))
		return refuse(r, "memory", "lies outside 0x40000000 to 512 GiB");
	desc->ram_ipa = ipa(reg[0]);
	desc->ram_size = reg[1];
	return 0;
}

static int read_kernel(const struct reader *r, const struct manifest_images *images, struct vm_desc *desc)
{
	const char *protocol, *kernel;
	int err = read_string(r, "protocol", &protocol);

	if (err && err != -ENOENT)
		return err;
	if (err || strcmp(protocol, "elf"))
		return refuse(r, "protocol", "is not \"elf\"");
	err = read_string(r, "kernel", &kernel);
	if (err)
		return err == -ENOENT ? refuse(r, "kernel", "is missing") : err;
	if (images->find(images->ctx, kernel, &desc->kernel, &desc->kernel_size))
		return refuse(r, "kernel", "names an image that the package does not have");
	return 0;
}

static int read_options(const struct reader *r, struct vm_desc *desc)
{
	const char *args, *devices;
	uint64_t mailbox;
	int err = read_string(r, "bootargs", &args);

	if (err && err != -ENOENT)
		return err;
	if (args && strlen(args) >= sizeof(desc->args))
		return refuse(r, "bootargs", "is longer than 255 characters");
	strlcpy(desc->args, args ? args : "", sizeof(desc->args));

	err = read_cells(r, r->node, "mailbox", &mailbox, 1);
	if (err && err != -ENOENT)
		return err;
	desc->has_mailbox = !err;
	if (!err) {
		desc->mailbox = ipa(mailbox);
		if (!IS_ALIGNED(mailbox, PAGE_SIZE) || mailbox < desc->ram_ipa.ipa ||
		    mailbox - desc->ram_ipa.ipa > desc->ram_size - PAGE_SIZE)
			return refuse(r, "mailbox", "is not a page inside the VM's memory");
	}
	err = read_string(r, "devices", &devices);
	if (err && err != -ENOENT)
		return err;
	desc->has_uart = devices && !strcmp(devices, "uart");
	if (devices && *devices && !desc->has_uart)
		return refuse(r, "devices", "names a device that does not exist");
	return 0;
}

int manifest_read_vm(const void *blob, int node, const struct manifest_images *images,
		     struct vm_desc *desc, struct manifest_error *err)
{
	struct reader r = { blob, node, err };
	const char *name = fdt_get_name(blob, node, NULL);
	int ret;

	memset(desc, 0, sizeof(*desc));
	memset(err, 0, sizeof(*err));
	strlcpy(err->node, name ? name : "?", sizeof(err->node));
	ret = read_name(&r, desc);
	if (!ret)
		ret = read_vcpus(&r, desc);
	if (!ret)
		ret = read_memory(&r, desc);
	if (!ret)
		ret = read_kernel(&r, images, desc);
	if (!ret)
		ret = read_options(&r, desc);
	return ret;
}
