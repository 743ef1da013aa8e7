/* SPDX-License-Identifier: MIT */
/*
 * The hostile guest: everything that a guest may try against its hypervisor, as rows of tables.
 *
 * A behaviour is one attempt. Most come back: whatever they do ends in an exception that this guest takes,
 * or in nothing. The others need a VM of their own, see enum hostile_kind. What each one does and what
 * Schism answers is listed in docs/hostile.md.
 *
 * What is executed is mostly generated: instruction words are copied to a page that EL1 and EL0 can execute
 * (code.c), entered by ERET in any state, and left by whatever exception comes.
 */
#ifndef GUESTS_TESTS_HOSTILE_H
#define GUESTS_TESTS_HOSTILE_H

#define ENTRY_ELR	0
#define ENTRY_SPSR	8
#define ENTRY_SP_EL0	16
#define ENTRY_X		24

#ifndef __ASSEMBLER__

#include "guests/lib/test.h"

enum hostile_kind {
	COMES_BACK,		/* one of many in a VM */
	DIES,			/* the VM crashes, with a record */
	ENDS,			/* the VM ends by itself; some reset it until their time is over */
	ENDLESS,		/* runs on vCPU 1 until vCPU 0 switches the VM off */
};

struct behaviour {
	const char *name;
	void (*run)(uint64_t arg);
	uint64_t arg;
	enum hostile_kind kind;
	unsigned int vcpus;	/* needs so many; 0: one */
};

struct family {
	const char *name;
	const struct behaviour *rows;
	size_t nr;
};

#define FAMILY(id)	{ #id, id##_rows, ARRAY_SIZE(id##_rows) }
#define DECLARE_FAMILY(id)	extern const struct family id##_family

DECLARE_FAMILY(mmio);
DECLARE_FAMILY(exec);
DECLARE_FAMILY(tables);
DECLARE_FAMILY(state);
DECLARE_FAMILY(calls);
DECLARE_FAMILY(power);
DECLARE_FAMILY(sysreg);
DECLARE_FAMILY(cache);
DECLARE_FAMILY(irq);
DECLARE_FAMILY(gic);
DECLARE_FAMILY(time);
DECLARE_FAMILY(debug);
DECLARE_FAMILY(cpu);
DECLARE_FAMILY(endless);

/* ---- addresses ---- */

#define HOSTILE_PAGE		UINT64_C(4096)
#define HOSTILE_VA		UINT64_C(0x100000000)	/* aliases made by code.c */
#define HOSTILE_CODE		HOSTILE_VA		/* generated code, executable at EL1 */
#define HOSTILE_UCODE		(HOSTILE_VA + 0x10000)	/* the same page, executable at EL0 */
#define HOSTILE_UDATA		(HOSTILE_VA + 0x20000)	/* two pages that EL0 can write */
#define HOSTILE_UDATA_SIZE	(2 * HOSTILE_PAGE)
/* 1 GiB's low part, by IPA: see hostile_alias() */
#define HOSTILE_ALIAS		(HOSTILE_VA + 0x1000000)
#define HOSTILE_CODE_WORDS	1024

#define IPA_HOLE		UINT64_C(0x30000000)	/* nothing is there */
#define IPA_PVTIME		UINT64_C(0x0a100000)
#define IPA_RAM_END		(GUEST_RAM_IPA + (uint64_t)GUEST_RAM_SIZE)

#define PTE_VALID		BIT(0)
#define PTE_TABLE		BIT(1)
#define PTE_NORMAL		(UINT64_C(1) << 2)
#define PTE_DEVICE		0
#define PTE_USER		BIT(6)
#define PTE_RO			BIT(7)
#define PTE_INNER		(UINT64_C(3) << 8)
#define PTE_AF			BIT(10)
#define PTE_PXN			BIT(53)
#define PTE_UXN			BIT(54)
#define PTE_LEAF		(PTE_VALID | PTE_TABLE | PTE_AF)

/* Map one page at va, above HOSTILE_VA. What is there is replaced. */
void hostile_map(uint64_t va, uint64_t ipa, uint64_t bits);
/* Map the pages of [ipa, ipa + size) in the alias, accessible to EL0 as well; returns the address of ipa. */
uint64_t hostile_alias(uint64_t ipa, uint64_t size, uint64_t bits);
/* A zeroed page. */
uint64_t *hostile_page(void);
uint64_t *hostile_root(void);

/* ---- execution ---- */

#define SPSR_EL0T	0
#define SPSR_EL1T	4
#define SPSR_EL1H	5
#define SPSR_DAIF	(UINT64_C(0xf) << 6)
#define SPSR_I		BIT(7)

struct hostile_entry {
	uint64_t elr, spsr, sp_el0;
	uint64_t x[8];
};

/* How it ended. */
struct hostile_end {
	uint64_t esr, far, elr, spsr, kind;
	uint64_t x0, x1;
};

#define EC_SVC		0x15
#define SVC_DONE	0x7e
#define INSN_SVC_DONE	(0xd4000001u | SVC_DONE << 5)
#define INSN_NOP	0xd503201fu
#define INSN_ISB	0xd5033fdfu
#define INSN_ERET	0xd69f03e0u
/* op0 2 or 3, or 1 for SYS */
#define INSN_SYSREG(op0, op1, crn, crm, op2, rt) \
	(0xd5000000u | (uint32_t)(op0) << 19 | (uint32_t)(op1) << 16 | (uint32_t)(crn) << 12 | \
	 (uint32_t)(crm) << 8 | (uint32_t)(op2) << 5 | (rt))
#define INSN_READ	BIT(21)

/* Enter as described by *entry, and come back by the next exception. */
void hostile_enter(const struct hostile_entry *entry, struct hostile_end *end);
/* Copy words to the code page, and a SVC behind them. */
void hostile_code(const uint32_t *words, size_t nr);
/* Run what hostile_code() left, at EL1h or EL0t, interrupts masked. True: it got to its SVC. */
bool hostile_run(uint64_t spsr, uint64_t x0, uint64_t x1, struct hostile_end *end);
/* One instruction on x0 and x1; the same. */
bool hostile_insn(uint64_t spsr, uint32_t word, uint64_t x0, uint64_t x1);
/* As hostile_run(), with IRQs unmasked and a timer that ends it after so many ticks. */
void hostile_run_for(uint64_t spsr, uint64_t ticks, uint64_t x0, uint64_t x1);

/* A list of instructions from insns.S. */
struct insns {
	const uint32_t *first, *end;
};
#define INSNS(name)	({ extern const uint32_t name[], name##_end[]; (struct insns){ name, name##_end }; })

/* ---- the rest ---- */

/* In loops of several vCPUs: QEMU, when it counts instructions, runs CPUs in turn. */
static inline void hostile_yield(void)
{
	__asm__ volatile("yield" : : : "memory");
}


uint64_t hostile_random(void);
/* Counter ticks that something without an end may take, from the argument ms=. */
uint64_t hostile_time(void);
/* Sweeps take every n-th encoding only, from the argument stride=. */
uint64_t hostile_stride(void);
/* Interrupts, timers, debug and FP as the suite expects them. */
void hostile_settle(void);
void hostile_init(void);
/* Whether an exception came while a behaviour was inside hostile_enter(). */
bool hostile_caught(struct guest_frame *frame);

#endif
#endif
