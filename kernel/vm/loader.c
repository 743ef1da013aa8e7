// SPDX-License-Identifier: MIT
/*
 * Loaders; see loader.h. An image is a guest's input: every size and address in it is checked.
 *
 * First everything gets its place, and each place is checked against RAM and against the others. Only
 * then is anything written.
 */
#include "kernel/vm/loader.h"

#include "kernel/vm/guest_dtb.h"
#include "lib/elf.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/linux_image.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define MAX_EXTENTS		24
#define TEXT_LEN		128
/* booting.rst: the ramdisk lies in a window of 32 GiB, aligned to 1 GiB, that covers the kernel. */
#define LINUX_WINDOW		GIB(32)
#define DTB_ALIGN		PAGE_SIZE
#define DTB_SIZE_MAX		MIB(2)
#define DTB_PAGES		((unsigned int)(GUEST_DTB_MAX / PAGE_SIZE))

static const uint8_t dtb_magic[] = { 0xd0, 0x0d, 0xfe, 0xed };

/* A place in the guest's RAM; name is a property of the manifest. */
struct extent {
	const char *name;
	uint64_t base, size;
};

struct load {
	struct vm *vm;
	const char **why;
	struct extent ramdisk, dtb;
	const void *dtb_data;
	uint64_t entry;
	unsigned int nr_phdrs;		/* of an ELF kernel */
	struct extent taken[MAX_EXTENTS];
	unsigned int nr_taken;
};

/* What does not do, in words. One text a VM: it is read before the VM is loaded again. */
static char texts[CONFIG_MAX_VMS][TEXT_LEN];

static int __printf_like(3, 4) refuse(struct load *load, int err, const char *fmt, ...)
{
	char *text = texts[load->vm->id];
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(text, TEXT_LEN, fmt, ap);
	va_end(ap);
	*load->why = text;
	return err;
}

/* ---- places ---- */

static uint64_t ram_base(const struct load *load)
{
	return load->vm->desc.ram_ipa.ipa;
}

static uint64_t ram_end(const struct load *load)
{
	return ram_base(load) + load->vm->desc.ram_size;
}

static bool in_ram(const struct load *load, uint64_t base, uint64_t size)
{
	return base >= ram_base(load) && size <= load->vm->desc.ram_size &&
	       base - ram_base(load) <= load->vm->desc.ram_size - size;
}

/* What lies in [base, base + size), which is in RAM; NULL when nothing does. */
static const struct extent *find_taken(const struct load *load, uint64_t base, uint64_t size)
{
	for (unsigned int i = 0; i < load->nr_taken; i++) {
		const struct extent *e = &load->taken[i];

		if (base < e->base + e->size && e->base < base + size)
			return e;
	}
	return NULL;
}

static int take(struct load *load, const char *name, uint64_t base, uint64_t size)
{
	const struct extent *other;

	if (!in_ram(load, base, size))
		return refuse(load, -EFAULT,
			      "%s: 0x%lx with 0x%lx bytes lies outside the memory, 0x%lx-0x%lx", name,
			      base, size, ram_base(load), ram_end(load));
	other = find_taken(load, base, size);
	if (other && strcmp(other->name, name))
		return refuse(load, -EINVAL, "%s: 0x%lx with 0x%lx bytes overlaps the %s at 0x%lx-0x%lx",
			      name, base, size, other->name, other->base, other->base + other->size);
	if (load->nr_taken == MAX_EXTENTS)
		return refuse(load, -ENOSPC, "%s: has too many segments", name);
	load->taken[load->nr_taken++] = (struct extent){ name, base, size };
	return 0;
}

/* The lowest free place. Each turn goes beyond one extent more. */
static int take_lowest(struct load *load, const char *name, uint64_t size, struct extent *out)
{
	uint64_t base = ALIGN_UP(ram_base(load), DTB_ALIGN);
	const struct extent *other;

	while (in_ram(load, base, size) && (other = find_taken(load, base, size)))
		base = ALIGN_UP(other->base + other->size, DTB_ALIGN);
	if (!in_ram(load, base, size))
		return refuse(load, -ENOSPC, "memory: has no room for a device tree of %lu bytes", size);
	*out = (struct extent){ name, base, size };
	return take(load, name, base, size);
}

/* The highest free place in pages of its own, below end. */
static int take_highest(struct load *load, const char *name, uint64_t size, uint64_t end,
			struct extent *out)
{
	uint64_t base = in_ram(load, ram_base(load), size) ? ALIGN_DOWN(end - size, PAGE_SIZE) : 0;
	const struct extent *other;

	while (in_ram(load, base, size) && (other = find_taken(load, base, size)))
		base = other->base >= size ? ALIGN_DOWN(other->base - size, PAGE_SIZE) : 0;
	if (!in_ram(load, base, size))
		return refuse(load, -ENOSPC, "%s: there is no room for its %lu bytes beside the kernel", name,
			      size);
	*out = (struct extent){ name, base, size };
	return take(load, name, base, size);
}

/* ---- kernels ---- */

static int place_elf(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	struct elf64_info info;
	const char *why;
	int err = elf64_check(desc->kernel, desc->kernel_size, &info, &why);

	if (err)
		return refuse(load, err, "kernel: %s", why);
	for (unsigned int i = 0; !err && i < info.phnum; i++) {
		struct elf64_segment seg;

		if (!elf64_segment(desc->kernel, desc->kernel_size, i, &seg))
			err = take(load, "kernel", seg.paddr, seg.memsz);
	}
	load->nr_phdrs = info.phnum;
	load->entry = info.entry;
	return err;
}

static int write_elf(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	int err = 0;

	/* RAM was cleared: what memsz has beyond filesz is zero already. */
	for (unsigned int i = 0; !err && i < load->nr_phdrs; i++) {
		struct elf64_segment seg;

		if (!elf64_segment(desc->kernel, desc->kernel_size, i, &seg))
			err = vm_write(load->vm, ipa(seg.paddr), seg.data, seg.filesz);
	}
	return err;
}

static int place_linux(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	struct linux_image_info info;
	const char *why;
	int err = linux_image_check(desc->kernel, desc->kernel_size, &info, &why);

	if (err)
		return refuse(load, err, "kernel: %s", why);
	load->entry = ALIGN_UP(ram_base(load) + LINUX_IMAGE_ALIGN, LINUX_IMAGE_ALIGN) + info.text_offset;
	return take(load, "kernel", load->entry, info.size);
}

static int place_raw(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;

	load->entry = desc->load_address.ipa;
	return take(load, "kernel", load->entry, desc->kernel_size);
}

static int write_flat(struct load *load)
{
	return vm_write(load->vm, ipa(load->entry), load->vm->desc.kernel, load->vm->desc.kernel_size);
}

static const struct {
	int (*place)(struct load *load);
	int (*write)(struct load *load);
} protocols[] = {
	[VM_PROTOCOL_ELF] = { place_elf, write_elf },
	[VM_PROTOCOL_LINUX] = { place_linux, write_flat },
	[VM_PROTOCOL_RAW] = { place_raw, write_flat },
};

/* ---- what comes beside the kernel ---- */

static int place_ramdisk(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	uint64_t window = ALIGN_DOWN(load->entry, GIB(1)) + LINUX_WINDOW;

	if (!desc->ramdisk_size)
		return 0;
	return take_highest(load, "ramdisk", desc->ramdisk_size, MIN(ram_end(load), window), &load->ramdisk);
}

static int place_dtb(struct load *load)
{
	struct vm *vm = load->vm;
	size_t size = vm->desc.dtb_size;

	load->dtb_data = vm->desc.dtb;
	if (size) {
		if (size > DTB_SIZE_MAX || size < sizeof(dtb_magic) ||
		    memcmp(vm->desc.dtb, dtb_magic, sizeof(dtb_magic)))
			return refuse(load, -EINVAL, "dtb: is no device tree of up to 2 MiB");
		return take_lowest(load, "dtb", size, &load->dtb);
	}
	if (!vm->dtb.buf)
		vm->dtb.buf = hyp_alloc_pages(DTB_PAGES);
	if (!vm->dtb.buf)
		return refuse(load, -ENOMEM, "dtb: no pages left to generate it in");
	load->dtb_data = vm->dtb.buf;
	if (guest_dtb_build(vm, ipa(load->ramdisk.base), load->ramdisk.size, vm->dtb.buf, &size))
		return refuse(load, -ENOSPC, "dtb: what is to be generated exceeds %lu bytes", GUEST_DTB_MAX);
	return take_lowest(load, "dtb", size, &load->dtb);
}

static int write_mailbox(struct vm *vm)
{
	struct {
		uint32_t magic, version, vm_id, nr_slots;
		char args[GUEST_MAILBOX_ARGS_LEN];
	} header = {
		.magic = GUEST_MAILBOX_MAGIC,
		.version = GUEST_MAILBOX_VERSION,
		.vm_id = vm->id,
		.nr_slots = GUEST_MAILBOX_SLOTS,
	};

	_Static_assert(sizeof(header) == offsetof(struct guest_mailbox, slots), "the header of the mailbox");
	strlcpy(header.args, vm->desc.args, sizeof(header.args));
	return vm_write(vm, vm->desc.mailbox, &header, sizeof(header));
}

/* ---- all of it ---- */

static int place_all(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	int err = protocols[desc->protocol].place(load);

	if (!err && !in_ram(load, load->entry, sizeof(uint32_t)))
		err = refuse(load, -EFAULT, "kernel: its entry point 0x%lx lies outside the memory",
			     load->entry);
	if (!err && desc->has_mailbox)
		err = take(load, "mailbox", desc->mailbox.ipa, GUEST_MAILBOX_SIZE);
	if (!err)
		err = place_ramdisk(load);
	if (!err)
		err = place_dtb(load);
	return err;
}

static int write_all(struct load *load)
{
	struct vm *vm = load->vm;
	int err = vm_zero(vm, vm->desc.ram_ipa, vm->desc.ram_size);

	if (!err)
		err = protocols[vm->desc.protocol].write(load);
	if (!err)
		err = vm_write(vm, ipa(load->ramdisk.base), vm->desc.ramdisk, load->ramdisk.size);
	if (!err)
		err = vm_write(vm, ipa(load->dtb.base), load->dtb_data, load->dtb.size);
	if (!err && vm->desc.has_mailbox)
		err = write_mailbox(vm);
	return err;
}

int loader_load(struct vm *vm, const char **why)
{
	struct load load = { .vm = vm, .why = why };
	int err = place_all(&load);

	if (err)
		return err;
	*why = "memory: no window onto it";
	err = write_all(&load);
	if (err)
		return err;
	vm->entry = ipa(load.entry);
	vm->dtb.ipa = ipa(load.dtb.base);
	return 0;
}

void loader_free(struct vm *vm)
{
	hyp_free_pages(vm->dtb.buf, DTB_PAGES);
	vm->dtb.buf = NULL;
}
