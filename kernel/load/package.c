// SPDX-License-Identifier: MIT
/* From the boot package to started VMs. The package stays mapped, read-only: a VM's reset loads it again. */
#include "kernel/load/package.h"

#include "arch/vcpu.h"
#include "kernel/base/errcode.h"
#include "kernel/base/log.h"
#include "kernel/console/console.h"
#include "kernel/load/loader.h"
#include "kernel/load/manifest.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vdev/passthrough.h"
#include "kernel/vdev/shared_memory.h"
#include "kernel/vm/vm.h"
#include "lib/cpio.h"
#include "lib/errno.h"
#include "lib/string.h"

#define MANIFEST_MAX	KIB(64)
#define LONG_LOAD	GIB(2)	/* by loader_cost(): 10 s under QEMU */

extern const char embedded_package_start[], embedded_package_end[];

struct package {
	const void *data;
	size_t size;
	const char *origin;
};

static struct manifest_windows windows;

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
	if (!p.size && !IS_ENABLED(CONFIG_SHELL))
		boot_fail(BOOT_E_NO_PACKAGE, "%s", "");
	return p;
}

static int find_image(void *ctx, const char *name, const void **data, size_t *size)
{
	const struct package *p = ctx;

	return cpio_find(p->data, p->size, name, data, size);
}

static void complain(const struct manifest_error *err)
{
	boot_complain(err->code, "node %s: %s %s", err->node, err->property, err->what);
}

/* The package's shared windows. libfdt may use FP/SIMD, here and below. */
static void read_windows(const void *manifest)
{
	struct manifest_error err;
	const char *why;
	int node = -1;

	arch_fp_begin();
	while ((node = manifest_next_window(manifest, node)) >= 0) {
		if (manifest_read_window(manifest, node, &windows, &err)) {
			complain(&err);
			vm_note_refused();
		}
	}
	arch_fp_end();
	if (shared_init(windows.window, windows.nr, &why)) {
		boot_complain(BOOT_E_VM_RESOURCES, "%s", why);
		vm_note_refused();
	}
}

static enum boot_error code_for(int err)
{
	return err == -ENOMEM || err == -E2BIG ? BOOT_E_VM_RESOURCES : BOOT_E_BAD_IMAGE;
}

static void define_vm(const struct vm_desc *desc)
{
	struct vm *vm;
	const char *why;
	int err = vm_define(desc, &vm, &why);

	if (err) {
		boot_complain(code_for(err), "VM %s: %s", desc->name, why);
		return;
	}
	if (passthrough_prepare(vm, &why)) {
		boot_complain(BOOT_E_PASSTHROUGH, "VM %s: %s", desc->name, why);
		vm->refused = true;
	}
}

/* What the VM at node asks for, if nothing speaks against it, the VMs so far among that. */
static int read_vm(const void *manifest, int node, struct package *p, struct vm_desc *desc,
		   struct manifest_error *err)
{
	struct manifest_images images = { find_image, p };
	int ret = manifest_read_vm(manifest, node, &images, &windows, desc, err);

	for (unsigned int i = 0; !ret && i < nr_vms; i++)
		ret = manifest_check_pair(desc, &vms[i]->desc, err);
	return ret ? ret : manifest_check_machine(desc, err);
}

/* All VMs, before any of them is given anything: the number of nodes, refused ones included. */
static unsigned int define_vms(const void *manifest, struct package *p)
{
	static struct vm_desc desc;
	struct manifest_error err;
	unsigned int described = 0;
	int node = -1;

	arch_fp_begin();
	while ((node = manifest_next_vm(manifest, node)) >= 0) {
		described++;
		if (read_vm(manifest, node, p, &desc, &err))
			complain(&err);
		else
			define_vm(&desc);
	}
	arch_fp_end();
	return described;
}

/* False: it is not to start, or did not get what it claims. */
static bool claim_for_vm(struct vm *vm)
{
	const char *why;
	int err;

	if (vm->refused || !vm->desc.autostart)
		return false;
	err = vm_claim_at_boot(vm, &why);
	if (err)
		boot_complain(code_for(err), "VM %s: %s", vm->name, why);
	/* Somebody will want to type to it; of several, to the first. */
	else if (vm->desc.protocol == VM_PROTOCOL_LINUX)
		console_offer_focus(vm);
	return !err;
}

/* Seconds of loading are beside what runs already, which may be all that this CPU has to do. */
static bool start_vm(struct vm *vm, bool others_run)
{
	const char *why;
	int err;

	if (others_run && loader_cost(&vm->desc) > LONG_LOAD) {
		vm_start_by_job(vm);
		return true;
	}
	err = vm_start_at_boot(vm, &why);
	if (err)
		boot_complain(code_for(err), "VM %s: %s", vm->name, why);
	return !err;
}

/* The numbers of all VMs, those first that take the shortest time to load, equal ones as they are. */
static void sort_by_cost(unsigned int *order)
{
	for (unsigned int i = 0; i < nr_vms; i++) {
		uint64_t cost = loader_cost(&vms[i]->desc);
		unsigned int at = i;

		for (; at > 0 && loader_cost(&vms[order[at - 1]]->desc) > cost; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

/*
 * Small ones first: they run while a large one's memory is cleared. But each claims what it is to
 * have before those behind it in the manifest do, and not sooner than that takes. How many do what their
 * description says.
 */
static unsigned int start_vms(void)
{
	unsigned int order[CONFIG_MAX_VMS], n = 0, good = 0;
	bool claimed[CONFIG_MAX_VMS];

	sort_by_cost(order);
	for (unsigned int i = 0; i < nr_vms; i++) {
		struct vm *vm = vms[order[i]];

		for (; n <= order[i]; n++)
			claimed[n] = claim_for_vm(vms[n]);
		good += claimed[order[i]] ? start_vm(vm, i > 0) : !vm->refused && !vm->desc.autostart;
	}
	return good;
}

/*
 * CPIO aligns to 4 bytes, a device tree wants 8: a copy, which stays, since descriptions point into it. NULL
 * when it is missing, empty or absurdly large.
 */
static void *copy_manifest(const struct package *p, size_t *size)
{
	const void *found;
	void *copy;

	if (cpio_find(p->data, p->size, MANIFEST_FILE, &found, size) || !*size || *size > MANIFEST_MAX)
		return NULL;
	copy = hyp_alloc_pages((unsigned int)DIV_ROUND_UP(*size, PAGE_SIZE));
	if (copy)
		memcpy(copy, found, *size);
	return copy;
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
	unsigned int described, started;
	const char *why;
	size_t files, size;
	void *manifest;

	if (!p.size) {
		boot_complain(BOOT_E_NO_PACKAGE, "going on without, in the shell");
		vm_note_refused();
		console_enter_shell();
		return;
	}
	if (cpio_check(p.data, p.size, &files, &why))
		boot_fail(BOOT_E_BAD_PACKAGE, "the %s package (%zu bytes): %s", p.origin, p.size, why);
	why = "it is missing, empty or over 64 KiB";
	manifest = copy_manifest(&p, &size);
	if (!manifest || !is_manifest(manifest, size, &why))
		boot_fail(BOOT_E_BAD_PACKAGE, "the %s package: manifest.dtb: %s", p.origin, why);
	log_info("%s package: %zu files, %zu KiB", p.origin, files, p.size >> 10);
	read_windows(manifest);
	described = define_vms(manifest, &p);
	/* Other CPUs run the first while the last are loaded, and it may be over by then. */
	vm_keep_machine(true);
	started = start_vms();
	if (started < described)
		vm_note_refused();
	if (!started)
		boot_fail(BOOT_E_BAD_VM, "no VM of the %s package could be started: %s", p.origin,
			  described ? "the errors above say why" : "it describes none");
	vm_keep_machine(false);
}
