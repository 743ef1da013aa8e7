// SPDX-License-Identifier: MIT
/*
 * EL2's own map. The image's sections are mapped exactly, so that the guard pages between them stay
 * holes; RAM that guests own is never mapped but through a window.
 *
 * Page-table pages come from a static array until the pool exists, and from the pool afterwards.
 */
#include "kernel/mm/hyp.h"

#include "arch/cpu.h"
#include "arch/layout.h"
#include "arch/tlb.h"
#include "kernel/base/cpu.h"
#include "kernel/base/lock.h"
#include "kernel/base/panic.h"
#include "kernel/mm/page.h"
#include "lib/errno.h"
#include "lib/string.h"

#define BOOT_TABLES	24
#define WINDOW_LEVEL	2		/* a block of 2 MiB */
#define MAP_BTI		(IS_ENABLED(CONFIG_BRANCH_PROTECTION) ? MAP_GUARDED : 0)
#define STACK_SIZE	KIB(CONFIG_STACK_KIB)
#define STACK_GUARD	(CONFIG_GUARD_PAGES_STACK * PAGE_SIZE)

extern char _image_start[], _image_end[];
extern char _text_start[], _text_end[], _rodata_start[], _rodata_end[];
extern char _data_start[], _data_end[], _bss_start[], _bss_end[];

static const struct hyp_section {
	const char *name;
	const char *start, *end;
	uint64_t perms;
} sections[] = {
	{ ".text", _text_start, _text_end, MAP_R | MAP_X | MAP_BTI },
	{ ".rodata", _rodata_start, _rodata_end, MAP_R },
	{ ".data", _data_start, _data_end, MAP_R | MAP_W },
	{ ".bss", _bss_start, _bss_end, MAP_R | MAP_W },
};

struct pgtable hyp_pgtable;

/* The descriptors of the windows, each CPU's own. Fixed after hyp_map_stack(). */
static pte_t *windows[CONFIG_NR_CPUS];

/* Guards hyp_pgtable, but the windows' descriptors, and device_next. */
static struct spinlock hyp_lock = SPINLOCK_INIT(RANK_HYP);

static pte_t boot_tables[BOOT_TABLES][PTE_PER_TABLE] __aligned(4096);
static unsigned int boot_tables_used;
static bool pool_ready;
static uint64_t image_pa;
static uint64_t device_next = DEVICE_BUMP_VA;

pa_t hyp_va_to_pa(const void *va)
{
	uint64_t addr = (uint64_t)va;

	if (addr >= LINEAR_VA)
		return pa(addr - LINEAR_VA);
	ASSERT(addr >= (uint64_t)_image_start && addr < (uint64_t)_image_end);
	return pa(addr - (uint64_t)_image_start + image_pa);
}

void *hyp_pa_to_va(pa_t addr)
{
	if (addr.pa >= image_pa && addr.pa - image_pa < (uint64_t)(_image_end - _image_start))
		return _image_start + (addr.pa - image_pa);
	return (void *)(LINEAR_VA + addr.pa);
}

static void *table_alloc(void *ctx)
{
	if (pool_ready)
		return hyp_alloc_pages(1);
	if (boot_tables_used == BOOT_TABLES)
		return NULL;
	return boot_tables[boot_tables_used++];
}

static void table_free(void *ctx, void *page)
{
	uint64_t addr = (uint64_t)page;

	/* The static ones are never used again. */
	if (addr >= LINEAR_VA)
		hyp_free_pages(page, 1);
}

static int map_sections(pa_t image)
{
	int err = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(sections) && !err; i++) {
		const struct hyp_section *s = &sections[i];

		err = pgtable_map(&hyp_pgtable, (uint64_t)s->start,
				  pa_add(image, (uint64_t)(s->start - _image_start)),
				  (uint64_t)(s->end - s->start), s->perms);
	}
	return err;
}

static int map_dtb(const struct machine *m)
{
	/* At the address where the early map has it, so that pointers into it stay good. */
	uint64_t va = ALIGN_DOWN((uint64_t)m->fdt, PAGE_SIZE);
	uint64_t end = ALIGN_UP((uint64_t)m->fdt + m->fdt_size, PAGE_SIZE);
	uint64_t base = m->fdt_pa - ((uint64_t)m->fdt - va);

	return pgtable_map(&hyp_pgtable, va, pa(base), end - va, MAP_R);
}

int hyp_map_init(pa_t image, const struct machine *m, const struct mem_region *area)
{
	int err;

	image_pa = image.pa;
	hyp_pgtable = (struct pgtable){
		.ia_bits = 48, .root_pages = 1, .start_level = 0, .alloc = table_alloc, .free = table_free,
	};
	hyp_pgtable.root = table_alloc(NULL);
	err = map_sections(image);
	if (!err)
		err = map_dtb(m);
	if (!err && m->has_uart)
		err = pgtable_map(&hyp_pgtable, FIX_UART_VA, m->uart.regs.base,
				  ALIGN_UP(m->uart.regs.size, PAGE_SIZE), MAP_R | MAP_W | MAP_DEVICE);
	if (!err)
		err = pgtable_map(&hyp_pgtable, LINEAR_VA + area->base.pa, area->base, area->size,
				  MAP_R | MAP_W);
	return err;
}

void hyp_map_use_pool(void)
{
	pool_ready = true;
}

static int map_locked(uint64_t va, pa_t base, uint64_t size, uint64_t perms)
{
	int err;

	spin_lock(&hyp_lock);
	err = pgtable_map(&hyp_pgtable, va, base, size, perms);
	spin_unlock(&hyp_lock);
	return err;
}

static void unmap_locked(uint64_t va, uint64_t size)
{
	int err;

	spin_lock(&hyp_lock);
	err = pgtable_unmap(&hyp_pgtable, va, size);
	spin_unlock(&hyp_lock);
	/* Only a split could fail, and a range that was mapped as a whole needs none. */
	ASSERT(!err);
	(void)err;
}

volatile void *hyp_map_device(const struct mem_region *regs)
{
	uint64_t base = ALIGN_DOWN(regs->base.pa, PAGE_SIZE);
	uint64_t size = ALIGN_UP(regs->base.pa + regs->size, PAGE_SIZE) - base;
	uint64_t va = ALIGN_UP(device_next, PAGE_SIZE);

	/* Large register files get aligned addresses, and so 2 MiB blocks. */
	if (size >= BLOCK_SIZE)
		va = ALIGN_UP(va, BLOCK_SIZE) + (base & (BLOCK_SIZE - 1));
	if (va + size > DEVICE_END_VA ||
	    map_locked(va, pa(base), size, MAP_R | MAP_W | MAP_DEVICE))
		return NULL;
	device_next = va + size + PAGE_SIZE;
	return (volatile char *)va + (regs->base.pa - base);
}

int hyp_map_ram_ro(pa_t base, uint64_t size)
{
	uint64_t first = ALIGN_DOWN(base.pa, PAGE_SIZE);
	uint64_t end = ALIGN_UP(base.pa + size, PAGE_SIZE);

	return map_locked(LINEAR_VA + first, pa(first), end - first, MAP_R);
}

void hyp_unmap_ram(pa_t base, uint64_t size)
{
	uint64_t first = ALIGN_DOWN(base.pa, PAGE_SIZE);
	uint64_t end = ALIGN_UP(base.pa + size, PAGE_SIZE);

	unmap_locked(LINEAR_VA + first, end - first);
}

const void *hyp_linear(pa_t base)
{
	return (const void *)(LINEAR_VA + base.pa);
}

static uint64_t window_va(const struct cpu *cpu)
{
	return WINDOW_VA + cpu->id * WINDOW_SIZE;
}

/*
 * A page that stays mapped in the second half of each CPU's window: with it the window's tables exist for
 * good, so that opening one can't fail, and is a store.
 */
static int keep_window_tables(const struct cpu *cpu)
{
	if (map_locked(window_va(cpu) + BLOCK_SIZE, hyp_va_to_pa(_rodata_start), PAGE_SIZE, MAP_R))
		return -ENOMEM;
	windows[cpu->id] = pgtable_slot(&hyp_pgtable, window_va(cpu), WINDOW_LEVEL);
	return windows[cpu->id] ? 0 : -ENOMEM;
}

int hyp_map_stack(struct cpu *cpu)
{
	uint64_t stride = STACK_GUARD + STACK_SIZE;
	uint64_t bottom = STACKS_VA + STACK_GUARD + cpu->id * stride;
	void *pages = hyp_alloc_pages(STACK_SIZE / PAGE_SIZE);

	if (!pages)
		return -ENOMEM;
	if (map_locked(bottom, hyp_va_to_pa(pages), STACK_SIZE, MAP_R | MAP_W)) {
		hyp_free_pages(pages, STACK_SIZE / PAGE_SIZE);
		return -ENOMEM;
	}
	if (keep_window_tables(cpu))
		return -ENOMEM;
	cpu->stack_bottom = va(bottom);
	cpu->stack_top = va(bottom + STACK_SIZE);
	return 0;
}

bool hyp_region_is_bss(uint64_t addr)
{
	return addr >= (uint64_t)_bss_start && addr + 16 <= (uint64_t)_bss_end;
}

bool hyp_region_is_stack_guard(uint64_t addr)
{
	return addr >= STACKS_VA && addr < DEVICE_VA &&
	       (addr - STACKS_VA) % (STACK_GUARD + STACK_SIZE) < STACK_GUARD;
}

const char *hyp_region_name(uint64_t addr)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sections); i++) {
		if (addr >= (uint64_t)sections[i].start && addr < (uint64_t)sections[i].end)
			return sections[i].name;
	}
	if (addr >= (uint64_t)_image_start && addr < (uint64_t)_image_end)
		return "guard page of the image";
	if (hyp_region_is_stack_guard(addr))
		return "guard page of a stack";
	if (addr >= STACKS_VA && addr < DEVICE_VA)
		return "stack";
	if (addr >= DEVICE_VA && addr < DEVICE_END_VA)
		return "device region";
	if (addr >= WINDOW_VA && addr < WINDOW_VA + WINDOW_SIZE * CONFIG_NR_CPUS)
		return "guest window";
	if (addr >= LINEAR_VA)
		return "linear map";
	return "";
}

void *window_open(pa_t addr, uint64_t *len)
{
	const struct cpu *cpu = this_cpu();
	uint64_t offset = addr.pa & (BLOCK_SIZE - 1);
	pte_t *slot = windows[cpu->id];

	ASSERT(slot && !*slot);
	WRITE_ONCE(*slot, pte_make_leaf(pa(addr.pa - offset), WINDOW_LEVEL, pte_s1_attrs(MAP_R | MAP_W)));
	arch_pt_sync();
	*len = BLOCK_SIZE - offset;
	return (void *)(window_va(cpu) + offset);
}

void window_close(void)
{
	const struct cpu *cpu = this_cpu();

	WRITE_ONCE(*windows[cpu->id], 0);
	arch_tlb_flush_el2(window_va(cpu), BLOCK_SIZE);
}
