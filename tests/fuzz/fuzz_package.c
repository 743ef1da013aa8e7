// SPDX-License-Identifier: MIT
/*
 * A whole package: archive, manifest, and the images of each VM given their places and written. Guest RAM
 * is not there; what is written to it has to lie in the VM's memory, and what it is written from is read.
 */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/load/loader.h"
#include "kernel/mm/page.h"
#include "kernel/vm/vcpu.h"
#include "lib/cpio.h"
#include "lib/errno.h"

#define MANIFEST_MAX	KIB(64)
#define MOST_RAM	MIB(64)		/* that is worth the time to clear */

static const uint8_t *archive;
static size_t archive_size;

/* ---- what the loader calls ---- */

int vm_write(struct vm *vm, ipa_t to, const void *from, uint64_t len)
{
	must(vm_has_ram(vm, to.ipa, len));
	fuzz_touch(from, len);
	return 0;
}

int vm_zero(struct vm *vm, ipa_t to, uint64_t len)
{
	must(vm_has_ram(vm, to.ipa, len));
	return 0;
}

int vm_clean(struct vm *vm, ipa_t at, uint64_t len)
{
	must(vm_has_ram(vm, at.ipa, len));
	return 0;
}

void *hyp_alloc_pages(unsigned int n)
{
	return calloc(n, PAGE_SIZE);
}

void hyp_free_pages(void *va, unsigned int n)
{
	free(va);
}

/* ---- */

static int find_image(void *ctx, const char *name, const void **data, size_t *size)
{
	return cpio_find(archive, archive_size, name, data, size);
}

static uint64_t ram_of(const struct vm_desc *desc)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < desc->nr_regions; i++)
		sum += desc->regions[i].size;
	return sum;
}

static void load(const struct vm_desc *desc)
{
	static struct vcpu vcpu;
	static struct vm vm;
	const char *why = NULL;
	bool done = false;
	int err;

	memset(&vm, 0, sizeof(vm));
	for (vm.nr_vcpus = 0; vm.nr_vcpus < desc->nr_vcpus; vm.nr_vcpus++)
		vm.vcpus[vm.nr_vcpus] = &vcpu;
	vm.desc = *desc;
	vm.name = vm.desc.name;
	err = loader_begin(&vm, &why);
	must(err == 0 || why);
	if (!err && ram_of(desc) <= MOST_RAM) {
		while (!err && !done)
			err = loader_step(&vm, &done, &why);
		must(err == 0);
	}
	/* seL4 is entered at a virtual address. */
	if (!err && !vm.entry.translated)
		must(vm_has_ram(&vm, vm.entry.pc, sizeof(uint32_t)));
	loader_free(&vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct manifest_images images = { find_image, NULL };
	uint8_t *package = fuzz_copy(data, size);
	size_t files, manifest_size;
	const void *found;
	const char *why;

	archive = package;
	archive_size = size;
	if (!cpio_check(package, size, &files, &why) &&
	    !cpio_find(package, size, "manifest.dtb", &found,
		       &manifest_size) && manifest_size <= MANIFEST_MAX) {
		void *manifest = fuzz_copy(found, manifest_size);

		if (!manifest_check(manifest, manifest_size, &why))
			fuzz_read_vms(manifest, &images, load);
		free(manifest);
	}
	free(package);
	return 0;
}
