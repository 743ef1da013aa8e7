// SPDX-License-Identifier: MIT
/*
 * Loaders; see loader.h. An image is a guest's input: every size and address in it is checked.
 *
 * First everything gets its place, and each place is checked against RAM and against the others. That makes
 * a list of pieces (struct vm_load), which is then written, some at a time: zeros first, then the images. A
 * warm reset (PSCI SYSTEM_RESET2) has zeros only where something has its place.
 */
#include "kernel/load/loader.h"

#include "kernel/load/guest_dtb.h"
#include "kernel/load/sel4.h"
#include "lib/elf.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/linux_image.h"
#include "lib/packed.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

#define MAX_EXTENTS		(24 + VM_MAX_IMAGES)
#define TEXT_LEN		128
/*
 * What one step costs, in bytes of zeros: copying a byte, from wherever it is, costs as much as clearing
 * 32, and every window onto memory as much as PIECE_COST.
 */
#define STEP_COST		KIB(128)
#define BOOT_COST		MIB(32)		/* where nobody waits for an interrupt */
#define COPY_COST		32
#define PIECE_COST		KIB(16)
/* booting.rst: the ramdisk lies in a window of 32 GiB, aligned to 1 GiB, that covers the kernel. */
#define LINUX_WINDOW		GIB(32)
/* QEMU, whose own code is at the base, loads an Image that asks for less 2 MiB higher; kernels rely on it. */
#define LINUX_LOWEST		KIB(4)
/* Where QEMU has the device tree, from the base of RAM, and kernels map it in blocks. */
#define DTB_DISTANCE		MIB(128)
#define DTB_BLOCK		MIB(2)
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
	uint64_t entry;
	struct vm_region home;		/* the region that the kernel lies in, and where it ends there */
	uint64_t kernel_end;
	struct vm_entry start;		/* of a protocol that says it itself */
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
	return vm_has_ram(load->vm, base, size);
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
	/* The segments of one image may. */
	if (other && other->name != name)
		return refuse(load, -EINVAL, "%s: 0x%lx with 0x%lx bytes overlaps the %s at 0x%lx-0x%lx",
			      name, base, size, other->name, other->base, other->base + other->size);
	if (load->nr_taken == MAX_EXTENTS)
		return refuse(load, -ENOSPC, "%s: has too many segments", name);
	load->taken[load->nr_taken++] = (struct extent){ name, base, size };
	return 0;
}

/* To be written when all has its place. data: NULL for zeros; it stays where it is until then. */
static int add_piece(struct load *load, uint64_t at, const void *data, uint64_t size)
{
	struct vm_load *plan = &load->vm->load;

	if (!size)
		return 0;
	if (plan->nr_pieces == VM_LOAD_PIECES)
		return refuse(load, -ENOSPC, "kernel: has too many segments");
	plan->pieces[plan->nr_pieces++] = (struct vm_load_piece){ .at = ipa(at), .data = data, .size = size };
	return 0;
}

/* A place for data, and the data. */
static int put(struct load *load, const char *name, uint64_t at, const void *data, uint64_t size)
{
	int err = take(load, name, at, size);

	return err ? err : add_piece(load, at, data, size);
}

/* The lowest free place from there on; false when there is none. Each turn goes beyond one extent more. */
static bool find_lowest(const struct load *load, uint64_t from, uint64_t align, uint64_t size, uint64_t *base)
{
	const struct extent *other;

	*base = ALIGN_UP(from, align);
	while (in_ram(load, *base, size) && (other = find_taken(load, *base, size)))
		*base = ALIGN_UP(other->base + other->size, align);
	return in_ram(load, *base, size);
}

/* The highest free place in the region, in pages of its own, from there up to end. */
static bool find_highest(const struct load *load, const struct vm_region *region, uint64_t from, uint64_t end,
			 uint64_t size, uint64_t *base)
{
	const struct extent *other;

	from = MAX(from, region->ipa.ipa);
	end = MIN(end, region->ipa.ipa + region->size);
	while (end >= from && size <= end - from) {
		*base = ALIGN_DOWN(end - size, PAGE_SIZE);
		other = find_taken(load, *base, size);
		if (!other)
			return *base >= from;
		end = other->base;
	}
	return false;
}

/* In the first region that has room for it between from and end. */
static int take_highest(struct load *load, const char *name, uint64_t size, uint64_t from, uint64_t end,
			struct extent *out)
{
	const struct vm_desc *desc = &load->vm->desc;
	uint64_t base;

	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		if (!find_highest(load, &desc->regions[i], from, end, size, &base))
			continue;
		*out = (struct extent){ name, base, size };
		return take(load, name, base, size);
	}
	return refuse(load, -ENOSPC, "%s: there is no room for its %lu bytes beside the kernel", name, size);
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

		if (elf64_segment(desc->kernel, desc->kernel_size, i, &seg))
			continue;
		err = take(load, "kernel", seg.paddr, seg.memsz);
		/* Its place is cleared: what memsz has beyond filesz is zero already. */
		if (!err)
			err = add_piece(load, seg.paddr, seg.data, seg.filesz);
	}
	load->entry = info.entry;
	return err;
}

/* In the first region that has room; if none has, where it would be in the lowest. */
static uint64_t linux_place(const struct load *load, const struct linux_image_info *info)
{
	uint64_t offset = info->text_offset + (info->text_offset < LINUX_LOWEST ? LINUX_IMAGE_ALIGN : 0);
	const struct vm_desc *desc = &load->vm->desc;

	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		uint64_t at = ALIGN_UP(desc->regions[i].ipa.ipa, LINUX_IMAGE_ALIGN) + offset;

		if (in_ram(load, at, info->size))
			return at;
	}
	return ALIGN_UP(ram_base(load), LINUX_IMAGE_ALIGN) + offset;
}

static int place_linux(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	struct linux_image_info info;
	const char *why;
	int err = linux_image_check(desc->kernel, desc->kernel_size, &info, &why);

	if (err)
		return refuse(load, err, "kernel: %s", why);
	load->entry = linux_place(load, &info);
	err = take(load, "kernel", load->entry, info.size);
	return err ? err : add_piece(load, load->entry, desc->kernel, desc->kernel_size);
}

static int place_raw(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;

	load->entry = desc->load_address.ipa;
	return put(load, "kernel", load->entry, desc->kernel, desc->kernel_size);
}

/* Pages in which a device tree is generated, or tables; NULL when there are none. */
static void *get_buffer(struct vm *vm)
{
	if (!vm->dtb.buf)
		vm->dtb.buf = hyp_alloc_pages(DTB_PAGES);
	return vm->dtb.buf;
}

_Static_assert(SEL4_TABLES_SIZE <= DTB_PAGES * PAGE_SIZE, "tables are written in the device tree's pages");

static int put_sel4(struct load *load, const struct sel4_plan *plan, void *tables)
{
	static const char *const names[] = {
		[SEL4_KERNEL] = "kernel (kernel.elf)", [SEL4_DTB] = "kernel (kernel.dtb)",
		[SEL4_ROOTSERVER] = "kernel (rootserver)", [SEL4_TABLE] = "kernel (page tables)",
	};
	struct sel4_piece piece;
	int err = 0;

	for (unsigned int i = 0; !err && i < SEL4_PARTS; i++)
		err = take(load, names[i], plan->places[i].base, plan->places[i].size);
	for (unsigned int i = 0; !err && sel4_piece(plan, tables, i, &piece); i++)
		err = add_piece(load, piece.to, piece.from, piece.len);
	return err;
}

static int place_sel4(struct load *load)
{
	struct vm *vm = load->vm;
	struct sel4_plan plan;
	int err = sel4_plan(vm->desc.kernel, vm->desc.kernel_size, ram_base(load), vm->desc.ram_size,
			    vm->desc.nr_vcpus, &plan);

	if (err)
		return refuse(load, err, "kernel: %s", plan.why);
	if (vm->desc.dtb)
		return refuse(load, -EINVAL, "dtb: is in the CPIO where the protocol is \"sel4\"");
	if (!get_buffer(vm))
		return refuse(load, -ENOMEM, "kernel: no pages left to make its tables in");
	sel4_write_tables(&plan, vm->dtb.buf);
	load->start = plan.entry;
	load->dtb.base = plan.places[SEL4_DTB].base;
	return put_sel4(load, &plan, vm->dtb.buf);
}

static const struct protocol {
	int (*place)(struct load *load);
	bool complete;			/* places everything that there is, and sets load->start */
} protocols[] = {
	[VM_PROTOCOL_ELF] = { place_elf },
	[VM_PROTOCOL_LINUX] = { place_linux },
	[VM_PROTOCOL_RAW] = { place_raw },
	[VM_PROTOCOL_SEL4] = { place_sel4, .complete = true },
};

/* Of a kernel in several regions, that of its first segment is its home. */
static void find_home(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;

	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		const struct vm_region *r = &desc->regions[i];

		if (load->nr_taken && load->taken[0].base - r->ipa.ipa < r->size)
			load->home = *r;
	}
	load->kernel_end = load->home.ipa.ipa;
	for (unsigned int i = 0; i < load->nr_taken; i++) {
		const struct extent *e = &load->taken[i];

		if (e->base - load->home.ipa.ipa < load->home.size)
			load->kernel_end = MAX(load->kernel_end, e->base + e->size);
	}
}

static int place_kernel(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	const char *why = packed_why(desc->kernel, desc->kernel_size);
	int err;

	if (why)
		return refuse(load, -ENOEXEC, "kernel: %s", why);
	err = protocols[desc->protocol].place(load);
	find_home(load);
	return err;
}

/* ---- what comes beside the kernel ---- */

static int place_images(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	int err = 0;

	for (unsigned int i = 0; !err && i < desc->nr_images; i++) {
		const struct vm_image *it = &desc->images[i];

		err = put(load, it->name, it->at.ipa, it->data, it->size);
	}
	return err;
}

static int place_ramdisk(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	/* A kernel is smaller than 1 GiB. */
	uint64_t kernel = ALIGN_DOWN(load->entry, GIB(1)), below = LINUX_WINDOW - GIB(2);
	int err;

	if (!desc->ramdisk_size)
		return 0;
	err = take_highest(load, "ramdisk", desc->ramdisk_size, kernel > below ? kernel - below : 0,
			   kernel + LINUX_WINDOW, &load->ramdisk);
	return err ? err : add_piece(load, load->ramdisk.base, desc->ramdisk, desc->ramdisk_size);
}

/* libfdt writes into an overlay while it applies it: a copy. */
static int apply_overlay(struct load *load, size_t *size)
{
	const struct vm_desc *desc = &load->vm->desc;
	unsigned int pages = (unsigned int)DIV_ROUND_UP(desc->overlay_size, PAGE_SIZE);
	const char *text = "";
	void *copy;
	int err;

	if (!desc->overlay_size)
		return 0;
	copy = desc->overlay_size <= GUEST_DTB_MAX ? hyp_alloc_pages(pages) : NULL;
	if (!copy)
		return refuse(load, -ENOMEM, "dtb-overlay: no pages left for %zu bytes", desc->overlay_size);
	memcpy(copy, desc->overlay, desc->overlay_size);
	err = guest_dtb_overlay(load->vm->dtb.buf, copy, desc->overlay_size, size, &text);
	hyp_free_pages(copy, pages);
	return err ? refuse(load, err, "dtb-overlay: cannot be applied: %s", text) : 0;
}

static int generate_dtb(struct load *load, size_t *size)
{
	struct vm *vm = load->vm;

	if (!get_buffer(vm))
		return refuse(load, -ENOMEM, "dtb: no pages left to generate it in");
	if (guest_dtb_build(vm, ipa(load->ramdisk.base), load->ramdisk.size, vm->dtb.buf, size))
		return refuse(load, -ENOSPC, "dtb: what is to be generated exceeds %lu bytes", GUEST_DTB_MAX);
	return apply_overlay(load, size);
}

/*
 * Above the kernel and all that it needs, where nobody's memory allocator begins. A kernel may not know
 * memory below itself, and small ones take what follows their .bss.
 */
static int find_dtb_place(struct load *load, uint64_t size, uint64_t *base)
{
	uint64_t far = load->home.ipa.ipa + MIN(load->home.size / 2, DTB_DISTANCE);
	const struct vm_desc *desc = &load->vm->desc;
	const struct {
		uint64_t from, align;
	} tries[] = {
		{ MAX(far, load->kernel_end), DTB_BLOCK },
		{ load->kernel_end, DTB_BLOCK },
		{ load->kernel_end, PAGE_SIZE },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(tries); i++) {
		if (find_lowest(load, tries[i].from, tries[i].align, size, base))
			return 0;
	}
	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		if (find_lowest(load, desc->regions[i].ipa.ipa, PAGE_SIZE, size, base))
			return 0;
	}
	return refuse(load, -ENOSPC, "memory: has no room for a device tree of %lu bytes", size);
}

/*
 * Firmware and ELF kernels that know QEMU look for it at the start of memory, where QEMU has it for them, and
 * not at x0: if nothing is there, it is there as well.
 */
static int put_copy_of_dtb(struct load *load, const void *data, uint64_t size)
{
	if (load->vm->desc.protocol == VM_PROTOCOL_LINUX || !in_ram(load, ram_base(load), size) ||
	    find_taken(load, ram_base(load), size) || load->nr_taken == MAX_EXTENTS)
		return 0;
	return put(load, "dtb", ram_base(load), data, size);
}

static int put_dtb(struct load *load, const void *data, uint64_t size)
{
	const struct vm_desc *desc = &load->vm->desc;
	int err;

	load->dtb.base = desc->dtb_address.ipa;
	if (desc->has_dtb_address)
		return put(load, "dtb-address", load->dtb.base, data, size);
	err = find_dtb_place(load, size, &load->dtb.base);
	if (!err)
		err = put(load, "dtb", load->dtb.base, data, size);
	return err ? err : put_copy_of_dtb(load, data, size);
}

static int place_dtb(struct load *load)
{
	struct vm *vm = load->vm;
	const void *data = vm->desc.dtb;
	size_t size = vm->desc.dtb_size;
	int err = 0;

	if (!size) {
		err = generate_dtb(load, &size);
		data = vm->dtb.buf;
	} else if (size > DTB_SIZE_MAX || size < sizeof(dtb_magic) ||
		   memcmp(data, dtb_magic, sizeof(dtb_magic))) {
		err = refuse(load, -EINVAL, "dtb: is no device tree of up to 2 MiB");
	}
	return err ? err : put_dtb(load, data, size);
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

/* Where the protocol places a kernel and nothing else. */
static int place_others(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	int err;

	if (desc->has_entry)
		load->entry = desc->entry;
	if (!in_ram(load, load->entry, sizeof(uint32_t)))
		return refuse(load, -EFAULT, "kernel: its entry point 0x%lx lies outside the memory",
			      load->entry);
	err = place_images(load);
	if (!err)
		err = place_ramdisk(load);
	if (!err)
		err = place_dtb(load);
	load->start = (struct vm_entry){ .pc = load->entry, .args = { load->dtb.base } };
	return err;
}

static int place_all(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	int err = place_kernel(load);

	if (!err && desc->has_mailbox)
		err = take(load, "mailbox", desc->mailbox.ipa, GUEST_MAILBOX_SIZE);
	if (!err && !protocols[desc->protocol].complete)
		err = place_others(load);
	return err;
}

/* First of all, where it is not zero yet. */
static int clear_ram(struct load *load)
{
	const struct vm_desc *desc = &load->vm->desc;
	struct vm_load *plan = &load->vm->load;
	int err = 0;

	for (unsigned int i = 0; !err && i < desc->nr_regions; i++) {
		if (!plan->keep_ram && !load->vm->ram[i].dirty)
			continue;
		err = add_piece(load, desc->regions[i].ipa.ipa, NULL, desc->regions[i].size);
		if (!err)
			plan->pieces[plan->nr_pieces - 1].keep = plan->keep_ram;
	}
	return err;
}

/* Before what is written there; all of them, since a kernel's segments may overlap. */
static int clear_places(struct load *load)
{
	struct vm_load *plan = &load->vm->load;
	struct vm_load_piece *first = &plan->pieces[load->vm->desc.nr_regions];
	size_t others = (size_t)(&plan->pieces[plan->nr_pieces] - first);

	if (plan->nr_pieces + load->nr_taken > VM_LOAD_PIECES)
		return refuse(load, -ENOSPC, "kernel: has too many segments");
	memmove(first + load->nr_taken, first, others * sizeof(*first));
	for (unsigned int i = 0; i < load->nr_taken; i++) {
		const struct extent *e = &load->taken[i];

		first[i] = (struct vm_load_piece){ .at = ipa(e->base), .size = e->size };
	}
	plan->nr_pieces += load->nr_taken;
	return 0;
}

int loader_begin(struct vm *vm, const char **why)
{
	struct load load = { .vm = vm, .why = why };
	int err;

	vm->load.nr_pieces = 0;
	vm->load.piece = 0;
	vm->load.written = 0;
	err = clear_ram(&load);
	if (!err)
		err = place_all(&load);
	if (!err && vm->load.keep_ram)
		err = clear_places(&load);
	if (err)
		return err;
	vm->entry = load.start;
	vm->dtb.ipa = ipa(load.dtb.base);
	for (unsigned int i = 0; i < vm->desc.nr_regions; i++)
		vm->ram[i].dirty = true;
	return 0;
}

/* At most size bytes of the piece that is being written. */
static int write_some(struct vm *vm, uint64_t size)
{
	struct vm_load *plan = &vm->load;
	const struct vm_load_piece *piece = &plan->pieces[plan->piece];
	ipa_t at = ipa_add(piece->at, plan->written);
	int err;

	if (piece->keep)
		err = vm_clean(vm, at, size);
	else if (piece->data)
		err = vm_write(vm, at, (const char *)piece->data + plan->written, size);
	else
		err = vm_zero(vm, at, size);
	if (err)
		return err;
	plan->written += size;
	if (plan->written == piece->size) {
		plan->piece++;
		plan->written = 0;
	}
	return 0;
}

int loader_step(struct vm *vm, bool *done, const char **why)
{
	struct vm_load *plan = &vm->load;
	uint64_t left = plan->in_one_go ? BOOT_COST : STEP_COST;
	int err = 0;

	*why = "memory: no window onto it";
	while (!err && left >= PIECE_COST && plan->piece < plan->nr_pieces) {
		const struct vm_load_piece *piece = &plan->pieces[plan->piece];
		uint64_t cost = piece->data ? COPY_COST : 1;
		uint64_t size = MIN(ALIGN_DOWN(left, PAGE_SIZE) / cost, piece->size - plan->written);

		err = write_some(vm, size);
		left -= MIN(left, size * cost + PIECE_COST);
	}
	*done = !err && plan->piece == plan->nr_pieces;
	if (*done && vm->desc.has_mailbox)
		err = write_mailbox(vm);
	return err;
}

uint64_t loader_cost(const struct vm_desc *desc)
{
	uint64_t zeros = 0, copied = desc->kernel_size + desc->ramdisk_size + desc->dtb_size;

	for (unsigned int i = 0; i < desc->nr_regions; i++)
		zeros += desc->regions[i].size;
	for (unsigned int i = 0; i < desc->nr_images; i++)
		copied += desc->images[i].size;
	return zeros + COPY_COST * copied;
}

void loader_free(struct vm *vm)
{
	hyp_free_pages(vm->dtb.buf, DTB_PAGES);
	vm->dtb.buf = NULL;
}
