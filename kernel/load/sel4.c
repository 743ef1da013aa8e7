// SPDX-License-Identifier: MIT
/* Plans for seL4's images; see sel4.h. */
#include "kernel/load/sel4.h"

#include "arch/pte.h"
#include "lib/cpio.h"
#include "lib/errno.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define BLOCK_LEVEL	2
/* The elfloader maps up to the end of the one table of blocks. */
#define WINDOW_SIZE	GIB(1)
#define UPPER_HALF	GENMASK(63, 48)

static const char *const names[] = {
	[SEL4_KERNEL] = "kernel.elf", [SEL4_DTB] = "kernel.dtb", [SEL4_ROOTSERVER] = "rootserver",
};

static int __printf_like(3, 4) refuse(struct sel4_plan *plan, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fmt_vsnprintf(plan->why, sizeof(plan->why), fmt, ap);
	va_end(ap);
	return err;
}

/* ---- what is in the CPIO ---- */

static int find_files(const void *cpio, size_t size, struct sel4_plan *plan)
{
	const char *why;
	size_t count;

	if (cpio_check(cpio, size, &count, &why))
		return refuse(plan, -ENOEXEC, "is no CPIO of seL4's images: %s", why);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (cpio_find(cpio, size, names[i], &plan->files[i].data, &plan->files[i].size))
			return refuse(plan, -EINVAL, "its CPIO has no %s", names[i]);
	}
	return 0;
}

static int check_elf(struct sel4_plan *plan, enum sel4_part part)
{
	struct sel4_file *file = &plan->files[part];
	const char *why;
	int err = elf64_check(file->data, file->size, &file->elf, &why);

	if (err)
		return refuse(plan, err, "%s %s", names[part], why);
	if (!IS_ALIGNED(file->elf.virt_entry, sizeof(uint32_t)) ||
	    file->elf.virt_entry < file->elf.vaddr_low || file->elf.virt_entry >= file->elf.vaddr_high)
		return refuse(plan, -EINVAL, "%s has its entry point 0x%lx outside its segments", names[part],
			      file->elf.virt_entry);
	return 0;
}

/* What is to be added to a virtual address of the kernel's to have its physical one. */
static uint64_t kernel_offset(const struct elf64_info *elf)
{
	return elf->paddr_low - elf->vaddr_low;
}

/* One linear window has to reach all of the kernel, as the elfloader maps it. */
static int check_window(struct sel4_plan *plan)
{
	const struct sel4_file *file = &plan->files[SEL4_KERNEL];
	const struct elf64_info *elf = &file->elf;

	for (unsigned int i = 0; i < elf->phnum; i++) {
		struct elf64_segment seg;

		if (!elf64_segment(file->data, file->size, i, &seg) &&
		    seg.paddr - seg.vaddr != kernel_offset(elf))
			return refuse(plan, -EINVAL, "kernel.elf has segments at different distances of "
				      "virtual and physical addresses");
	}
	if (!IS_ALIGNED(kernel_offset(elf), BLOCK_SIZE))
		return refuse(plan, -EINVAL, "kernel.elf cannot be mapped in blocks of 2 MiB");
	if ((elf->vaddr_low & UPPER_HALF) != UPPER_HALF)
		return refuse(plan, -EINVAL, "kernel.elf is not linked in the upper half of addresses");
	if (elf->vaddr_low / WINDOW_SIZE != (elf->vaddr_high - 1) / WINDOW_SIZE)
		return refuse(plan, -EINVAL, "kernel.elf spans more than one GiB of virtual addresses");
	return 0;
}

/* totalsize says what to pass: the file may have room behind it. */
static int check_dtb(struct sel4_plan *plan, uint64_t *totalsize)
{
	const struct sel4_file *file = &plan->files[SEL4_DTB];
	uint32_t header[2];

	if (file->size < sizeof(header))
		return refuse(plan, -EINVAL, "kernel.dtb is no device tree");
	memcpy(header, file->data, sizeof(header));
	*totalsize = __builtin_bswap32(header[1]);
	if (__builtin_bswap32(header[0]) != 0xd00dfeed || *totalsize < sizeof(header) ||
	    *totalsize > file->size)
		return refuse(plan, -EINVAL, "kernel.dtb is no device tree, or not a whole one");
	return 0;
}

/* ---- places ---- */

static uint64_t end_of(const struct sel4_plan *plan, enum sel4_part part)
{
	return ALIGN_UP(plan->places[part].base + plan->places[part].size, PAGE_SIZE);
}

static int place_parts(struct sel4_plan *plan, uint64_t ram, uint64_t ram_size, uint64_t dtb_size)
{
	const struct elf64_info *kernel = &plan->files[SEL4_KERNEL].elf;
	const struct elf64_info *root = &plan->files[SEL4_ROOTSERVER].elf;

	/* None of the sums below can overflow after this. */
	if (kernel->paddr_low < ram || kernel->paddr_high > ram + ram_size)
		return refuse(plan, -EFAULT, "kernel.elf at 0x%lx-0x%lx lies outside the memory",
			      kernel->paddr_low, kernel->paddr_high);
	if (root->vaddr_high - root->vaddr_low > ram_size)
		return refuse(plan, -EFAULT, "rootserver spans 0x%lx bytes, more than the memory has",
			      root->vaddr_high - root->vaddr_low);
	if (!IS_ALIGNED(root->vaddr_low, PAGE_SIZE))
		return refuse(plan, -EINVAL, "rootserver begins at 0x%lx, which is no multiple of 4 KiB",
			      root->vaddr_low);
	plan->places[SEL4_KERNEL] = (struct sel4_place){ kernel->paddr_low,
							 kernel->paddr_high - kernel->paddr_low };
	plan->places[SEL4_DTB] = (struct sel4_place){ end_of(plan, SEL4_KERNEL), dtb_size };
	plan->places[SEL4_ROOTSERVER] = (struct sel4_place){
		end_of(plan, SEL4_DTB), ALIGN_UP(root->vaddr_high - root->vaddr_low, PAGE_SIZE),
	};
	plan->places[SEL4_TABLE] = (struct sel4_place){ end_of(plan, SEL4_ROOTSERVER), SEL4_TABLES_SIZE };
	plan->ram_end = ram + ram_size;
	return 0;
}

static uint64_t table(const struct sel4_plan *plan, unsigned int i)
{
	return plan->places[SEL4_TABLE].base + i * PAGE_SIZE;
}

static void set_entry(struct sel4_plan *plan, bool smp)
{
	const struct sel4_place *dtb = &plan->places[SEL4_DTB], *root = &plan->places[SEL4_ROOTSERVER];
	const struct elf64_info *elf = &plan->files[SEL4_ROOTSERVER].elf;

	plan->entry = (struct vm_entry){
		.pc = plan->files[SEL4_KERNEL].elf.virt_entry,
		.args = { root->base, root->base + root->size, root->base - elf->vaddr_low, elf->virt_entry,
			  dtb->base, dtb->size },
		.all_vcpus = true,
		.translated = true,
		.shared = smp,
		.low = ipa(table(plan, 0)),
		.high = ipa(table(plan, 1)),
	};
}

int sel4_plan(const void *cpio, size_t size, uint64_t ram, uint64_t ram_size, unsigned int nr_vcpus,
	      struct sel4_plan *plan)
{
	uint64_t dtb_size = 0;
	int err;

	memset(plan, 0, sizeof(*plan));
	err = find_files(cpio, size, plan);
	if (!err)
		err = check_elf(plan, SEL4_KERNEL);
	if (!err)
		err = check_window(plan);
	if (!err)
		err = check_dtb(plan, &dtb_size);
	if (!err)
		err = check_elf(plan, SEL4_ROOTSERVER);
	if (!err)
		err = place_parts(plan, ram, ram_size, dtb_size);
	if (!err)
		set_entry(plan, nr_vcpus > 1);
	return err;
}

/* ---- contents ---- */

static unsigned int entry_of(uint64_t va, int level)
{
	return (unsigned int)(va >> pte_level_shift(level)) % PTE_PER_TABLE;
}

void sel4_write_tables(const struct sel4_plan *plan, void *tables)
{
	pte_t (*t)[PTE_PER_TABLE] = tables;
	const struct elf64_info *elf = &plan->files[SEL4_KERNEL].elf;
	uint64_t va = ALIGN_DOWN(elf->vaddr_low, BLOCK_SIZE);
	uint64_t attrs = PTE_ENTRY_NORMAL | (plan->entry.shared ? PTE_SH_INNER : 0);
	uint64_t at = va + kernel_offset(elf);

	memset(tables, 0, SEL4_TABLES_SIZE);
	t[1][entry_of(va, 0)] = table(plan, 2) | PTE_TABLE | PTE_VALID;
	t[2][entry_of(va, 1)] = table(plan, 3) | PTE_TABLE | PTE_VALID;
	for (unsigned int i = entry_of(va, BLOCK_LEVEL); i < PTE_PER_TABLE && at < plan->ram_end; i++) {
		t[3][i] = at | attrs | PTE_VALID;
		at += BLOCK_SIZE;
	}
}

/* Segment i of a file, which goes delta beyond the given kind of its addresses. */
static struct sel4_piece segment(const struct sel4_file *file, unsigned int i, bool virtual, uint64_t delta)
{
	struct elf64_segment seg;

	if (elf64_segment(file->data, file->size, i, &seg))
		return (struct sel4_piece){ 0 };
	return (struct sel4_piece){ (virtual ? seg.vaddr : seg.paddr) + delta, seg.data, seg.filesz };
}

bool sel4_piece(const struct sel4_plan *plan, const void *tables, unsigned int i, struct sel4_piece *piece)
{
	const struct sel4_file *kernel = &plan->files[SEL4_KERNEL];
	const struct sel4_file *root = &plan->files[SEL4_ROOTSERVER];
	const struct sel4_place *dtb = &plan->places[SEL4_DTB];
	unsigned int n = kernel->elf.phnum, m = n + root->elf.phnum;

	if (i < n)
		*piece = segment(kernel, i, false, 0);
	else if (i < m)
		*piece = segment(root, i - n, true, plan->entry.args[2]);
	else if (i == m)
		*piece = (struct sel4_piece){ dtb->base, plan->files[SEL4_DTB].data, dtb->size };
	else if (i == m + 1)
		*piece = (struct sel4_piece){ table(plan, 0), tables, SEL4_TABLES_SIZE };
	return i <= m + 1;
}
