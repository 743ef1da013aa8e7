// SPDX-License-Identifier: MIT
/*
 * A manifest's memory: the regions of a VM, the windows that VMs share, a VM's view of those, and the images
 * that lie at addresses. Where these may lie takes the kernel to say: kernel/load/loader.c.
 */
#include "kernel/load/manifest_reader.h"

#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define MEMORY_END	GIB(512)
#define PHYS_END	(UINT64_C(1) << 48)

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* reg = <address size>, whole pages from lowest on. */
static int read_reg(const struct manifest_reader *r, int node, const char *what, uint64_t lowest,
		    uint64_t *reg)
{
	int err = manifest_cells64(r, node, "reg", reg, 2);

	if (err)
		return err == -ENOENT ? refuse(r, what, "has no reg") : err;
	if (!reg[1] || !IS_ALIGNED(reg[0] | reg[1], PAGE_SIZE))
		return refuse(r, what, "has a reg that is empty or not a multiple of 4 KiB");
	if (reg[0] < lowest || reg[1] > MEMORY_END || reg[0] > MEMORY_END - reg[1])
		return refuse(r, what, "at 0x%lx with 0x%lx bytes lies outside 0x%lx to 512 GiB", reg[0],
			      reg[1],
			      lowest);
	return 0;
}

/* What of the VM's memory an address range touches already. */
static int check_free(const struct manifest_reader *r, const struct vm_desc *desc, const char *what,
		      const uint64_t *reg)
{
	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		const struct vm_region *it = &desc->regions[i];

		if (overlap(reg[0], reg[1], it->ipa.ipa, it->size))
			return refuse(r, what, "at 0x%lx with 0x%lx bytes overlaps the memory at 0x%lx",
				      reg[0],
				      reg[1], it->ipa.ipa);
	}
	for (unsigned int i = 0; i < desc->nr_shares; i++) {
		const struct vm_share *it = &desc->shares[i];

		if (overlap(reg[0], reg[1], it->ipa.ipa, r->windows->window[it->window].size))
			return refuse(r, what,
				      "at 0x%lx with 0x%lx bytes overlaps the shared window at 0x%lx",
				      reg[0], reg[1], it->ipa.ipa);
	}
	return 0;
}

/* ---- RAM ---- */

static int read_phys(const struct manifest_reader *r, int node, const struct vm_desc *desc,
		     struct vm_region *region)
{
	int err = manifest_cells64(r, node, "phys", &region->pa.pa, 1);

	if (err)
		return err == -ENOENT ? 0 : err;
	region->fixed = true;
	if (!IS_ALIGNED(region->pa.pa, PAGE_SIZE) || region->pa.pa > PHYS_END - region->size)
		return refuse(r, "phys", "is 0x%lx: it must be a multiple of 4 KiB below 2^48",
			      region->pa.pa);
	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		const struct vm_region *it = &desc->regions[i];

		if (it->fixed && overlap(region->pa.pa, region->size, it->pa.pa, it->size))
			return refuse(r, "phys", "at 0x%lx overlaps the one at 0x%lx", region->pa.pa,
				      it->pa.pa);
	}
	return 0;
}

static void insert_sorted(struct vm_desc *desc, const struct vm_region *region)
{
	unsigned int i = desc->nr_regions++;

	for (; i > 0 && desc->regions[i - 1].ipa.ipa > region->ipa.ipa; i--)
		desc->regions[i] = desc->regions[i - 1];
	desc->regions[i] = *region;
}

static int read_region(const struct manifest_reader *r, int node, struct vm_desc *desc)
{
	static const char *const known[] = { "reg", "phys", "device_type", "phandle", NULL };
	struct vm_region region = { 0 };
	uint64_t reg[2];
	int err = manifest_known_only(r, node, known, "memory");

	if (!err && desc->nr_regions == VM_MAX_REGIONS)
		err = refuse(r, "memory", "has more than %u regions", VM_MAX_REGIONS);
	if (!err)
		err = read_reg(r, node, "memory", GUEST_RAM_IPA, reg);
	if (!err)
		err = check_free(r, desc, "memory", reg);
	if (err)
		return err;
	region.ipa = ipa(reg[0]);
	region.size = reg[1];
	err = read_phys(r, node, desc, &region);
	if (!err)
		insert_sorted(desc, &region);
	return err;
}

static uint64_t sum_of_regions(const struct vm_desc *desc)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < desc->nr_regions; i++)
		sum += desc->regions[i].size;
	return sum;
}

static int read_limit(const struct manifest_reader *r, struct vm_desc *desc)
{
	uint64_t sum = sum_of_regions(desc);
	int err = manifest_cells64(r, r->node, "memory-limit", &desc->memory_limit, 1);

	if (err == -ENOENT) {
		desc->memory_limit = sum;
		return 0;
	}
	if (err)
		return err;
	if (!IS_ALIGNED(desc->memory_limit, PAGE_SIZE) || desc->memory_limit < sum ||
	    desc->memory_limit > MEMORY_END)
		return refuse(r, "memory-limit",
			      "is 0x%lx: it must be a multiple of 4 KiB, 0x%lx (the memory) "
			      "to 512 GiB", desc->memory_limit, sum);
	return 0;
}

/* ---- shared windows ---- */

static int find_window(const struct manifest_windows *windows, const char *name)
{
	for (unsigned int i = 0; i < windows->nr; i++) {
		if (!strcmp(windows->window[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

static int read_window_of_share(const struct manifest_reader *r, int node, const struct vm_desc *desc,
				struct vm_share *share)
{
	const char *name;
	int i, err = manifest_string(r, node, "window", &name);

	if (err)
		return err == -ENOENT ? refuse(r, "window", "is missing") : err;
	i = find_window(r->windows, name);
	if (i < 0)
		return refuse(r, "window", "names \"%s\", which is no shared window of the package", name);
	share->window = (unsigned int)i;
	for (i = 0; i < (int)desc->nr_shares; i++) {
		if (desc->shares[i].window == share->window)
			return refuse(r, "window", "names \"%s\" twice", name);
	}
	return 0;
}

static int read_share(const struct manifest_reader *r, int node, struct vm_desc *desc)
{
	static const char *const known[] = { "reg", "window", "read-only", "phandle", NULL };
	struct vm_share share = { 0 };
	uint64_t reg[2], size;
	int len, err = manifest_known_only(r, node, known, "a shared window");

	if (!err && desc->nr_shares == VM_MAX_SHARES)
		err = refuse(r, "shared", "has more than %u windows", VM_MAX_SHARES);
	if (!err)
		err = read_window_of_share(r, node, desc, &share);
	if (!err)
		err = read_reg(r, node, "shared", GUEST_DEVICES_END, reg);
	if (!err)
		err = check_free(r, desc, "shared", reg);
	if (err)
		return err;
	size = r->windows->window[share.window].size;
	if (reg[1] != size)
		return refuse(r, "shared", "has 0x%lx bytes, and the window \"%s\" has 0x%lx", reg[1],
			      r->windows->window[share.window].name, size);
	share.ipa = ipa(reg[0]);
	share.read_only = fdt_getprop(r->blob, node, "read-only", &len) != NULL;
	if (share.read_only && len)
		return refuse(r, "read-only", "is a flag, and has a value");
	desc->shares[desc->nr_shares++] = share;
	return 0;
}

/* ---- images at addresses ---- */

static int read_image_address(const struct manifest_reader *r, int node, uint64_t *address)
{
	int err = manifest_cells64(r, node, "load-address", address, 1);

	if (err)
		return err == -ENOENT ? refuse(r, "load-address", "is missing in an image node") : err;
	if (!IS_ALIGNED(*address, sizeof(uint32_t)))
		return refuse(r, "load-address", "is not a multiple of 4");
	return 0;
}

static int read_image(const struct manifest_reader *r, int node, struct vm_desc *desc)
{
	static const char *const known[] = { "file", "load-address", "phandle", NULL };
	struct vm_image image = { .name = "" };
	int err = manifest_known_only(r, node, known, "an image");

	if (!err && desc->protocol == VM_PROTOCOL_SEL4)
		err = refuse(r, "image", "is for protocol \"elf\" or \"linux\" or \"raw\" only");
	if (!err && desc->nr_images == VM_MAX_IMAGES)
		err = refuse(r, "image", "has more than %u nodes", VM_MAX_IMAGES);
	if (!err)
		err = read_image_address(r, node, &image.at.ipa);
	if (err)
		return err;
	err = manifest_file(r, node, "file", &image.data, &image.size);
	if (err)
		return err == -ENOENT ? refuse(r, "file", "is missing in an image node") : err;
	/* Not as the node has it, where anything may stand. */
	fmt_snprintf(image.name, sizeof(image.name), "image@%lx", image.at.ipa);
	desc->images[desc->nr_images++] = image;
	return 0;
}

/* ---- all of it ---- */

/* In this order, so that memory and windows that overlap are said in one way. */
static const struct {
	const char *name;
	int (*read)(const struct manifest_reader *r, int node, struct vm_desc *desc);
} children[] = {
	{ "memory", read_region },
	{ "shared", read_share },
	{ "image", read_image },
};

/* What kind of child there is, as a bit of *kinds: a walk for one that is not there costs as much as any. */
static int check_child(const struct manifest_reader *r, int node, unsigned int *kinds)
{
	const char *name = fdt_get_name(r->blob, node, NULL);
	unsigned int kind = 0;

	while (kind < ARRAY_SIZE(children) && !manifest_node_is(r->blob, node, children[kind].name))
		kind++;
	*kinds |= 1u << kind;
	if (kind == ARRAY_SIZE(children))
		return refuse(r, name ? name : "?", "is neither a memory nor a shared nor an image node");
	return fdt_first_subnode(r->blob, node) >= 0 ? refuse(r, name, "has a child node") : 0;
}

static int read_children(const struct manifest_reader *r, struct vm_desc *desc)
{
	unsigned int kinds = 0;
	int node, err = 0;

	fdt_for_each_subnode(node, r->blob, r->node) {
		err = check_child(r, node, &kinds);
		if (err)
			return err;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(children); i++) {
		if (!(kinds & 1u << i))
			continue;
		fdt_for_each_subnode(node, r->blob, r->node) {
			if (manifest_node_is(r->blob, node, children[i].name))
				err = children[i].read(r, node, desc);
			if (err)
				return err;
		}
	}
	return 0;
}

int manifest_read_memory(const struct manifest_reader *r, struct vm_desc *desc)
{
	int err = read_children(r, desc);

	if (err)
		return err;
	if (!desc->nr_regions)
		return refuse(r, "memory", "is missing: a VM needs a memory node with a reg");
	desc->ram_ipa = desc->regions[0].ipa;
	desc->ram_size = desc->regions[0].size;
	return read_limit(r, desc);
}

static int read_window(const struct manifest_reader *r, const struct manifest_windows *windows,
		       struct shared_window *window)
{
	static const char *const known[] = { "compatible", "window-name", "size", "phandle", NULL };
	const char *name;
	int err = manifest_known_only(r, r->node, known, "a shared window");

	if (!err && windows->nr == SHARED_MAX_WINDOWS)
		err = refuse(r, "compatible", "makes more than %u shared windows", SHARED_MAX_WINDOWS);
	if (!err && fdt_first_subnode(r->blob, r->node) >= 0)
		err = refuse(r, "window-name", "stands in a node with a child node");
	if (!err)
		err = manifest_string(r, r->node, "window-name", &name);
	if (err)
		return err == -ENOENT ? refuse(r, "window-name", "is missing") : err;
	if (!manifest_is_name(name))
		return refuse(r, "window-name", "is not 1 to %u letters, digits, '_', '-' or '.'",
			      SHARED_NAME_LEN - 1);
	if (find_window(windows, name) >= 0)
		return refuse(r, "window-name", "is \"%s\", as of another window", name);
	strlcpy(window->name, name, sizeof(window->name));
	err = manifest_cells64(r, r->node, "size", &window->size, 1);
	if (err)
		return err == -ENOENT ? refuse(r, "size", "is missing") : err;
	if (!window->size || !IS_ALIGNED(window->size, PAGE_SIZE) || window->size > SHARED_MAX_SIZE)
		return refuse(r, "size", "is 0x%lx: it must be a multiple of 4 KiB up to 64 MiB",
			      window->size);
	return 0;
}

int manifest_read_window(const void *blob, int node, struct manifest_windows *windows,
			 struct manifest_error *err)
{
	struct manifest_reader r = { blob, node, NULL, windows, err };
	struct shared_window window = { 0 };
	int ret;

	manifest_error_init(err, blob, node);
	ret = read_window(&r, windows, &window);
	if (ret)
		err->code = BOOT_E_BAD_WINDOW;
	else
		windows->window[windows->nr++] = window;
	return ret;
}
