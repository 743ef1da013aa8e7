// SPDX-License-Identifier: MIT
/*
 * Physical memory: a sparse file, mapped twice. One mapping is EL2's, where only what the kernel was
 * given can be touched; the other is the test's.
 */
#define _GNU_SOURCE
#include "tests/host/fake.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/base/panic.h"
#include "kernel/mm/hyp.h"
#include "kernel/mm/page.h"

static uint8_t *el2_view, *raw_view;
static uint64_t mem_base, mem_size;
/* Each thread is a CPU, with a window of its own. */
static __thread pa_t window;
static __thread bool window_is_open;

bool fake_mem_no_window;

void fake_mem_free(void)
{
	if (!el2_view)
		return;
	munmap(el2_view, mem_size);
	munmap(raw_view, mem_size);
	el2_view = raw_view = NULL;
	mem_base = mem_size = 0;
	window_is_open = false;
}

void fake_mem_init(uint64_t base, uint64_t size)
{
	int fd = memfd_create("memory", 0);

	fake_mem_free();
	if (fd < 0 || ftruncate(fd, (off_t)size))
		abort();
	el2_view = mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	raw_view = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	if (el2_view == MAP_FAILED || raw_view == MAP_FAILED)
		abort();
	mem_base = base;
	mem_size = size;
	fake_mem_no_window = false;
}

static void protect(uint64_t base, uint64_t size, int prot)
{
	if (base < mem_base || base - mem_base + size > mem_size)
		panic("there is no memory at 0x%lx, 0x%lx bytes", base, size);
	if (mprotect(el2_view + (base - mem_base), size, prot))
		abort();
}

void fake_mem_map(uint64_t base, uint64_t size)
{
	protect(base, size, PROT_READ | PROT_WRITE);
}

void *fake_mem_raw(uint64_t addr)
{
	if (addr < mem_base || addr - mem_base >= mem_size)
		panic("there is no memory at 0x%lx", addr);
	return raw_view + (addr - mem_base);
}

pa_t hyp_va_to_pa(const void *va)
{
	uint64_t offset = (uint64_t)((const uint8_t *)va - el2_view);

	if (offset >= mem_size)
		panic("%p is no address of EL2's", va);
	return pa(mem_base + offset);
}

void *hyp_pa_to_va(pa_t addr)
{
	if (addr.pa < mem_base || addr.pa - mem_base >= mem_size)
		panic("there is no memory at 0x%lx", addr.pa);
	return el2_view + (addr.pa - mem_base);
}

void *window_open(pa_t addr, uint64_t *len)
{
	uint64_t offset = addr.pa & (BLOCK_SIZE - 1);

	if (window_is_open)
		panic("a second window");
	if (fake_mem_no_window)
		return NULL;
	window = pa(addr.pa - offset);
	window_is_open = true;
	protect(window.pa, BLOCK_SIZE, PROT_READ | PROT_WRITE);
	*len = BLOCK_SIZE - offset;
	return el2_view + (addr.pa - mem_base);
}

void window_close(void)
{
	if (!window_is_open)
		panic("no window to be closed");
	protect(window.pa, BLOCK_SIZE, PROT_NONE);
	window_is_open = false;
}
