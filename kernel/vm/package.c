// SPDX-License-Identifier: MIT
/* From the boot package to started VMs. The package stays mapped, read-only: a VM's reset loads it again. */
#include "kernel/vm/package.h"

#include "arch/vcpu.h"
#include "kernel/console.h"
#include "kernel/errcode.h"
#include "kernel/log.h"
#include "kernel/main.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/vm/manifest.h"
#include "kernel/vm/vm.h"
#include "lib/cpio.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MANIFEST_MAX	KIB(64)

extern const char embedded_package_start[], embedded_package_end[];

struct package {
	const void *data;
	size_t size;
	const char *origin;
};

static struct package find_package(void)
{
	struct package p = { embedded_package_start,
			     (size_t)(embedded_package_end - embedded_package_start), "embedded" };

	if (machine.initrd.size) {
		if (hyp_map_ram_ro(machine.initrd.base, machine.initrd.size))
			boot_fail(BOOT_E_BAD_PACKAGE, "the initrd at 0x%lx cannot be mapped",
				  machine.initrd.base.pa);
		p = (struct package){ hyp_linear(machine.initrd.base), machine.initrd.size, "initrd" };
	}
	if (!p.size)
		boot_fail(BOOT_E_NO_PACKAGE, "%s", "");
	return p;
}

static int find_image(void *ctx, const char *name, const void **data, size_t *size)
{
	const struct package *p = ctx;

	return cpio_find(p->data, p->size, name, data, size);
}

static bool start_vm(const void *manifest, int node, struct package *p)
{
	struct manifest_images images = { find_image, p };
	struct manifest_error err;
	struct vm_desc desc;
	const char *why;
	struct vm *vm;
	int ret;

	arch_fp_begin();
	ret = manifest_read_vm(manifest, node, &images, &desc, &err);
	arch_fp_end();
	if (ret) {
		boot_complain(BOOT_E_BAD_VM, "node %s: %s %s", err.node, err.property, err.what);
		return false;
	}
	ret = vm_define(&desc, &vm, &why);
	if (!ret)
		ret = vm_start_at_boot(vm, &why);
	if (ret) {
		boot_complain(ret == -ENOMEM || ret == -E2BIG ? BOOT_E_VM_RESOURCES : BOOT_E_BAD_VM,
			      "node %s: %s", err.node, why);
		return false;
	}
	/* Somebody will want to type to it. */
	if (desc.protocol == VM_PROTOCOL_LINUX)
		console_offer_focus(vm);
	return true;
}

/*
 * CPIO aligns to 4 bytes, a device tree wants 8: a copy, for as long as the VMs are made. NULL when it is
 * missing, empty or absurdly large.
 */
static void *copy_manifest(const struct package *p, size_t *size, unsigned int *pages)
{
	const void *found;
	void *copy;

	if (cpio_find(p->data, p->size, "manifest.dtb", &found, size) || !*size || *size > MANIFEST_MAX)
		return NULL;
	*pages = (unsigned int)DIV_ROUND_UP(*size, PAGE_SIZE);
	copy = hyp_alloc_pages(*pages);
	if (copy)
		memcpy(copy, found, *size);
	return copy;
}

/* libfdt may use FP/SIMD. */
static int next_vm(const void *manifest, int prev)
{
	int node;

	arch_fp_begin();
	node = manifest_next_vm(manifest, prev);
	arch_fp_end();
	return node;
}

static bool is_manifest(const void *manifest, size_t size, const char **why)
{
	int err;

	arch_fp_begin();
	err = manifest_check(manifest, size, why);
	arch_fp_end();
	return !err;
}

void package_start_vms(void)
{
	struct package p = find_package();
	unsigned int described = 0, started = 0, pages = 0;
	const char *why;
	size_t files, size;
	void *manifest;
	int node;

	if (cpio_check(p.data, p.size, &files, &why))
		boot_fail(BOOT_E_BAD_PACKAGE, "the %s package (%zu bytes): %s", p.origin, p.size, why);
	why = "it is missing, empty or over 64 KiB";
	manifest = copy_manifest(&p, &size, &pages);
	if (!manifest || !is_manifest(manifest, size, &why))
		boot_fail(BOOT_E_BAD_PACKAGE, "the %s package: manifest.dtb: %s", p.origin, why);
	log_info("%s package: %zu files, %zu KiB", p.origin, files, p.size >> 10);
	for (node = next_vm(manifest, -1); node >= 0; node = next_vm(manifest, node)) {
		described++;
		started += start_vm(manifest, node, &p);
	}
	hyp_free_pages(manifest, pages);
	if (started < described)
		vm_note_refused();
	if (!started)
		boot_fail(BOOT_E_BAD_VM, "no VM of the %s package could be started", p.origin);
}
