// SPDX-License-Identifier: MIT
/*
 * The manifest reader. A manifest may be hostile: libfdt checks the structure (manifest_check), and
 * every property's length is checked here before it is read.
 */
#include "kernel/vm/manifest.h"

#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/fmt.h"
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

static int __printf_like(3, 4) refuse(const struct reader *r, const char *property, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(r->err->what, sizeof(r->err->what), fmt, ap);
	va_end(ap);
	strlcpy(r->err->property, property, sizeof(r->err->property));
	return -EINVAL;
}

static int read_string(const struct reader *r, const char *name, const char **out)
{
	int len;
	const char *s = fdt_getprop(r->blob, r->node, name, &len);

	*out = NULL;
	if (!s)
		return -ENOENT;
	if (len < 1 || strnlen(s, (size_t)len) != (size_t)len - 1)
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
		return refuse(r, name, "is not %s", count == 1 ? "one number of two cells" :
			      "one address and one size of two cells each");
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
		return refuse(r, "vm-name", "is empty or longer than %u characters", VM_NAME_LEN - 1);
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
		return refuse(r, "vcpus", "is %u: it must be 1 to CONFIG_MAX_VCPUS, %u", desc->nr_vcpus,
			      CONFIG_MAX_VCPUS);
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
		return refuse(r, "memory", "at 0x%lx with 0x%lx bytes lies outside 0x%x to 512 GiB", reg[0],
			      reg[1], GUEST_RAM_IPA);
	desc->ram_ipa = ipa(reg[0]);
	desc->ram_size = reg[1];
	desc->regions[0] = (struct vm_region){ .ipa = desc->ram_ipa, .size = desc->ram_size };
	desc->nr_regions = 1;
	return 0;
}

/* An image that a property names; none when the property is absent. */
static int read_image(const struct reader *r, const struct manifest_images *images, const char *name,
		      const void **data, size_t *size)
{
	const char *file;
	int err = read_string(r, name, &file);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (images->find(images->ctx, file, data, size))
		return refuse(r, name, "names \"%s\", which the package does not have", file);
	if (!*size)
		return refuse(r, name, "names \"%s\", which is empty", file);
	return 0;
}

static int read_protocol(const struct reader *r, struct vm_desc *desc)
{
	static const char *const names[] = {
		[VM_PROTOCOL_ELF] = "elf", [VM_PROTOCOL_LINUX] = "linux", [VM_PROTOCOL_RAW] = "raw",
	};
	const char *protocol;
	int err = read_string(r, "protocol", &protocol);

	if (err)
		return err == -ENOENT ? refuse(r, "protocol", "is missing") : err;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(protocol, names[i])) {
			desc->protocol = (enum vm_protocol)i;
			return 0;
		}
	}
	return refuse(r, "protocol", "is \"%s\", not \"elf\", \"linux\" or \"raw\"", protocol);
}

static int read_load_address(const struct reader *r, struct vm_desc *desc)
{
	uint64_t address = 0;
	int err = read_cells(r, r->node, "load-address", &address, 1);

	desc->load_address = ipa_add(desc->ram_ipa, MIB(2));
	if (err)
		return err == -ENOENT ? 0 : err;
	if (desc->protocol != VM_PROTOCOL_RAW)
		return refuse(r, "load-address", "is for protocol \"raw\" only");
	if (!IS_ALIGNED(address, PAGE_SIZE))
		return refuse(r, "load-address", "is not a multiple of 4 KiB");
	desc->load_address = ipa(address);
	return 0;
}

static int read_images(const struct reader *r, const struct manifest_images *images, struct vm_desc *desc)
{
	int err = read_protocol(r, desc);

	if (!err)
		err = read_load_address(r, desc);
	if (!err)
		err = read_image(r, images, "kernel", &desc->kernel, &desc->kernel_size);
	if (!err && !desc->kernel)
		err = refuse(r, "kernel", "is missing");
	if (!err)
		err = read_image(r, images, "ramdisk", &desc->ramdisk, &desc->ramdisk_size);
	if (!err && desc->ramdisk && desc->protocol != VM_PROTOCOL_LINUX)
		err = refuse(r, "ramdisk", "is for protocol \"linux\" only");
	if (!err)
		err = read_image(r, images, "dtb", &desc->dtb, &desc->dtb_size);
	return err;
}

static int read_mailbox(const struct reader *r, struct vm_desc *desc)
{
	uint64_t mailbox = 0;
	int err = read_cells(r, r->node, "mailbox", &mailbox, 1);

	if (err)
		return err == -ENOENT ? 0 : err;
	desc->has_mailbox = true;
	desc->mailbox = ipa(mailbox);
	if (!IS_ALIGNED(mailbox, PAGE_SIZE) || mailbox < desc->ram_ipa.ipa ||
	    mailbox - desc->ram_ipa.ipa > desc->ram_size - PAGE_SIZE)
		return refuse(r, "mailbox", "at 0x%lx is not a page inside the VM's memory", mailbox);
	return 0;
}

static int read_bootargs(const struct reader *r, struct vm_desc *desc)
{
	size_t most = desc->has_mailbox ? GUEST_MAILBOX_ARGS_LEN - 1 : sizeof(desc->args) - 1;
	const char *args;
	int err = read_string(r, "bootargs", &args);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (strlen(args) > most)
		return refuse(r, "bootargs", "is longer than %lu characters%s", most,
			      desc->has_mailbox ? ", which the mailbox has room for" : "");
	strlcpy(desc->args, args, sizeof(desc->args));
	return 0;
}

static bool is_granted(const struct vm_desc *desc, const struct vdev_ops *ops)
{
	for (unsigned int i = 0; i < desc->nr_devices; i++) {
		if (desc->devices[i] == ops)
			return true;
	}
	return false;
}

static int grant(const struct reader *r, struct vm_desc *desc, const char *name)
{
	const struct vdev_ops *ops = vdev_find(name);

	if (!ops)
		return refuse(r, "devices", "lists \"%s\", which does not exist", name);
	if (is_granted(desc, ops))
		return refuse(r, "devices", "lists \"%s\" twice", name);
	if (desc->nr_devices == VM_MAX_DEVICES)
		return refuse(r, "devices", "lists more than %u devices", VM_MAX_DEVICES);
	desc->devices[desc->nr_devices++] = ops;
	return 0;
}

/* A list of strings, in which an empty one stands for nothing. */
static int read_devices(const struct reader *r, struct vm_desc *desc)
{
	int len, err = 0;
	const char *list = fdt_getprop(r->blob, r->node, "devices", &len);

	if (!list)
		return 0;
	if (len < 1 || list[len - 1])
		return refuse(r, "devices", "is not a list of strings");
	for (const char *name = list; !err && name < list + len; name += strlen(name) + 1)
		err = *name ? grant(r, desc, name) : 0;
	return err;
}

static bool is_known(const char *name)
{
	static const char *const known[] = {
		"compatible", "vm-name", "vcpus", "protocol", "kernel", "load-address", "ramdisk", "dtb",
		"bootargs", "mailbox", "devices", "phandle",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		if (!strcmp(name, known[i]))
			return true;
	}
	return false;
}

/* A mistyped property must not go unnoticed. */
static int check_names(const struct reader *r)
{
	int prop;

	fdt_for_each_property_offset(prop, r->blob, r->node) {
		const char *name = NULL;

		if (!fdt_getprop_by_offset(r->blob, prop, &name, NULL) || !name)
			return refuse(r, "?", "has no name");
		if (!is_known(name))
			return refuse(r, name, "is not a property of a VM");
	}
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
	ret = check_names(&r);
	if (!ret)
		ret = read_name(&r, desc);
	if (!ret)
		ret = read_vcpus(&r, desc);
	if (!ret)
		ret = read_memory(&r, desc);
	if (!ret)
		ret = read_images(&r, images, desc);
	if (!ret)
		ret = read_mailbox(&r, desc);
	if (!ret)
		ret = read_bootargs(&r, desc);
	if (!ret)
		ret = read_devices(&r, desc);
	return ret;
}
