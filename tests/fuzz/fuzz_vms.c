// SPDX-License-Identifier: MIT
/* The VMs of a manifest, on a machine with a few devices. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "kernel/platform/this_machine.h"
#include "kernel/vdev/vdev.h"
#include "lib/fdt.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define MOST_VMS	8

struct machine machine;

VDEV(uart) = { .name = "uart" };
VDEV(rtc) = { .name = "rtc" };
VDEV(always) = { .name = NULL };

/* With a UART that is Schism's, and a device that nobody has. */
static void describe_machine(void)
{
	static char tree[1024] __aligned(8);
	int node;

	if (machine.fdt)
		return;
	must(!fdt_create_empty_tree(tree, sizeof(tree)));
	node = fdt_add_subnode(tree, 0, "pl061@9030000");
	must(node > 0 && !fdt_setprop_u64(tree, node, "reg", 0x9030000));
	node = fdt_add_subnode(tree, 0, "pl011@9000000");
	must(node > 0 && !fdt_setprop_u64(tree, node, "reg", 0x9000000));
	machine.fdt = tree;
	machine.fdt_size = sizeof(tree);
	machine.has_uart = true;
	machine.uart.node = fdt_path_offset(tree, "/pl011@9000000");
	machine.nr_cpus = 4;
}

/* Something that can be printed, in a field of size bytes. */
static void check_text(const char *text, size_t size)
{
	must(memchr(text, 0, size) && text[0]);
	for (; *text; text++)
		must(*text >= ' ' && *text <= '~');
}

static void check_error(const struct manifest_error *err)
{
	check_text(err->node, sizeof(err->node));
	check_text(err->property, sizeof(err->property));
	check_text(err->what, sizeof(err->what));
	must(err->code >= BOOT_E_BAD_VM);
}

static void check_regions(const struct vm_desc *desc)
{
	uint64_t end = 0, sum = 0;

	must(desc->nr_regions >= 1 && desc->nr_regions <= VM_MAX_REGIONS);
	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		const struct vm_region *r = &desc->regions[i];

		must(r->size && !((r->ipa.ipa | r->size) & PAGE_MASK));
		must(r->ipa.ipa >= GUEST_RAM_IPA && r->ipa.ipa >= end);
		end = r->ipa.ipa + r->size;
		must(end <= GIB(512));
		sum += r->size;
	}
	must(desc->memory_limit >= sum && desc->memory_limit <= GIB(512));
	must(desc->ram_ipa.ipa == desc->regions[0].ipa.ipa && desc->ram_size == desc->regions[0].size);
}

static void check_desc(const struct vm_desc *desc, const struct manifest_windows *windows)
{
	must(memchr(desc->name, 0, sizeof(desc->name)) && desc->name[0]);
	must(memchr(desc->args, 0, sizeof(desc->args)) != NULL);
	must(desc->nr_vcpus >= 1 && desc->nr_vcpus <= CONFIG_MAX_VCPUS);
	must(desc->nr_devices <= VM_MAX_DEVICES && desc->nr_passthrough <= VM_MAX_PASSTHROUGH);
	must(desc->nr_shares <= VM_MAX_SHARES && desc->protocol <= VM_PROTOCOL_SEL4);
	must(desc->on_crash <= VM_ACTION_POWEROFF && desc->on_shutdown <= VM_ACTION_POWEROFF);
	for (unsigned int i = 0; i < desc->nr_vcpus; i++)
		must(desc->cpu_mask[i] != 0);
	for (unsigned int i = 0; i < desc->nr_shares; i++)
		must(desc->shares[i].window < windows->nr && desc->shares[i].ipa.ipa >= GUEST_DEVICES_END);
	for (unsigned int i = 0; i < desc->nr_passthrough; i++)
		must(desc->passthrough[i][0] == '/');
	must(desc->kernel && desc->kernel_size);
	must(desc->nr_images <= VM_MAX_IMAGES);
	for (unsigned int i = 0; i < desc->nr_images; i++)
		must(desc->images[i].data && desc->images[i].size && IS_ALIGNED(desc->images[i].at.ipa, 4));
	must(!desc->has_dtb_address || IS_ALIGNED(desc->dtb_address.ipa, 8));
	check_regions(desc);
}

static void read_windows(const void *blob, struct manifest_windows *windows)
{
	struct manifest_error err;
	int node = -1;

	while ((node = manifest_next_window(blob, node)) >= 0) {
		if (manifest_read_window(blob, node, windows, &err))
			check_error(&err);
	}
	must(windows->nr <= SHARED_MAX_WINDOWS);
}

void fuzz_read_vms(const void *blob, const struct manifest_images *images,
		   void (*use)(const struct vm_desc *desc))
{
	struct manifest_windows windows = { .nr = 0 };
	static struct vm_desc descs[MOST_VMS];
	struct manifest_error err;
	unsigned int n = 0;
	int node = -1, ret;

	describe_machine();
	read_windows(blob, &windows);
	while (n < MOST_VMS && (node = manifest_next_vm(blob, node)) >= 0) {
		ret = manifest_read_vm(blob, node, images, &windows, &descs[n], &err);
		for (unsigned int i = 0; !ret && i < n; i++)
			ret = manifest_check_pair(&descs[n], &descs[i], &err);
		if (!ret)
			ret = manifest_check_machine(&descs[n], &err);
		if (ret) {
			check_error(&err);
			continue;
		}
		check_desc(&descs[n], &windows);
		if (use)
			use(&descs[n]);
		n++;
	}
}
