// SPDX-License-Identifier: MIT
/*
 * look: reads a word at each of the addresses at0=, at1=, ... among its arguments, as a kernel does that
 * takes them for granted, and prints what answers: "LOOK address value", or "LOOK address abort".
 * tests/boot/test_board.py judges.
 */
#include "guests/lib/guest.h"
#include "lib/fmt.h"

#define NOT_GIVEN	UINT64_MAX
#define PAR_FAILED	BIT(0)

static uint64_t value;

static void read_word(void *addr)
{
	value = guest_mmio_read32((uint64_t)addr);
}

static bool is_mapped(uint64_t addr)
{
	__asm__ volatile("at s1e1r, %0\n\tisb" : : "r"(addr) : "memory");
	return !(guest_read_sysreg("par_el1") & PAR_FAILED);
}

static void look(uint64_t addr)
{
	struct guest_fault fault;

	if (!is_mapped(addr))
		guest_mmu_map(addr & ~UINT64_C(0xfff), 0x1000, GUEST_MAP_DEVICE);
	if (guest_try(read_word, (void *)addr, &fault))
		guest_printf("LOOK 0x%lx %s\n", addr,
			     ESR_FSC(fault.esr) == ESR_FSC_SYNC_EXTERNAL ? "abort" : "another abort");
	else
		guest_printf("LOOK 0x%lx 0x%lx\n", addr, value);
}

void guest_main(uint64_t dtb __unused)
{
	uint64_t addr;
	char name[8];

	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_START, 0, 0, 0, 0);
	for (unsigned int i = 0;; i++) {
		fmt_snprintf(name, sizeof(name), "at%u", i);
		addr = guest_arg(name, NOT_GIVEN);
		if (addr == NOT_GIVEN)
			break;
		look(addr);
	}
	guest_task_report(GUEST_TASK_TEST, GUEST_EVENT_PASS, 1, 0, 0, 0);
}
