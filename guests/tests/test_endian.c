// SPDX-License-Identifier: MIT
/*
 * test_endian: device registers as a big-endian guest sees them: EL1 by SCTLR_EL1.EE, without and with
 * stage 1, whose tables are big-endian, too; EL0 by E0E; 32-bit programs by their own PSTATE.E. And how
 * PSCI starts another vCPU. The guest itself is little-endian: single instructions run in the other state.
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"
#include "lib/string.h"

#define IBRD		(GUEST_UART_IPA + 0x24)		/* 16 */
#define PRIORITY	(GUEST_GICD_IPA + GIC_IPRIORITYR + 64)	/* 8 */
#define ROUTE		GICD_IROUTER(64)		/* 40, of 64 */

#define SCTLR_M		BIT(0)
#define SCTLR_C		BIT(2)
#define SCTLR_WXN	BIT(19)
#define SCTLR_E0E	BIT(24)
#define SCTLR_EE	BIT(25)
#define SCTLR_SED	BIT(8)

/* Blocks of 1 GiB, at level 1: devices, this guest, and both of them again for EL0. */
#define PTE_DEVICE	(BIT(0) | BIT(10))
#define PTE_NORMAL	(BIT(0) | BIT(10) | BIT(2) | UINT64_C(3) << 8)
#define PTE_USER	BIT(6)
#define PTE_RO		BIT(7)
#define PTE_PXN		BIT(53)
#define PTE_UXN		BIT(54)
#define USER_CODE(at)	((uint64_t)(at) + GIB(1))
#define USER_DEVICE(at)	((uint64_t)(at) + GIB(3))

#define SPSR_DAIF	(UINT64_C(0xf) << 6)
#define SPSR_USER32	(UINT64_C(0x10) | UINT64_C(7) << 6)
#define SPSR_E		BIT(9)

static uint64_t little[512] __aligned(4096), big[512] __aligned(4096);

/*
 * uint64_t in_state(const struct op *op, uint64_t sctlr, uint64_t ttbr0): op's instruction on x1 and x2 in
 * that state; returns x2. The stack is not touched meanwhile, nor any other memory.
 */
struct op {
	void (*insn)(void);
	uint64_t addr, val;
};

uint64_t in_state(const struct op *op, uint64_t sctlr, uint64_t ttbr0);
__asm__(".pushsection .text.in_state, \"ax\"\n"
	".type in_state, %function\nin_state:\n\t"
	"mov x15, x30\n\tldp x9, x3, [x0]\n\tldr x4, [x0, #16]\n\t"
	"mrs x10, sctlr_el1\n\tmrs x11, ttbr0_el1\n\tbic x12, x10, #1\n\tbic x12, x12, #4\n\t"
	"mov x13, x1\n\tmov x14, x2\n\tmov x1, x3\n\tmov x2, x4\n\t"
	/* Through a state without translation, so that no walk sees one register old and the other new. */
	"msr sctlr_el1, x12\n\tisb\n\tmsr ttbr0_el1, x14\n\ttlbi vmalle1\n\tdsb nsh\n\tisb\n\t"
	"msr sctlr_el1, x13\n\tisb\n\t"
	"blr x9\n\t"
	"msr sctlr_el1, x12\n\tisb\n\tmsr ttbr0_el1, x11\n\ttlbi vmalle1\n\tdsb nsh\n\tisb\n\t"
	"msr sctlr_el1, x10\n\tisb\n\t"
	"mov x0, x2\n\tret x15\n.size in_state, . - in_state\n.popsection");

#define INSN(name, text)									\
	void name(void);									\
	__asm__(".pushsection .text.insns, \"ax\"\n.type " #name ", %function\n"			\
		#name ":\n\t" text "\n\tret\n.size " #name ", . - " #name "\n.popsection")

INSN(strb, "strb w2, [x1]");
INSN(strh, "strh w2, [x1]");
INSN(str_w, "str w2, [x1]");
INSN(str_x, "str x2, [x1]");
INSN(str_post, "str w2, [x1], #4");
INSN(stp_w, "lsr x3, x2, #32\n\tstp w2, w3, [x1]");
INSN(ldrb, "ldrb w2, [x1]");
INSN(ldrh, "ldrh w2, [x1]");
INSN(ldrsh, "ldrsh x2, [x1]");
INSN(ldr_w, "ldr w2, [x1]");
INSN(ldrsw, "ldrsw x2, [x1]");
INSN(ldr_x, "ldr x2, [x1]");
INSN(ldrsw_pre, "ldrsw x2, [x1, #0]!");
INSN(ldp_w, "ldp w2, w3, [x1]\n\torr x2, x2, x3, lsl #32");

static void all_registers(void)
{
	guest_mmio_write8(PRIORITY, 0x48);
	*(volatile uint16_t *)IBRD = 0xf456;
	guest_mmio_write32(PRIORITY + 4, 0x08101888);
	guest_mmio_write64(ROUTE, 0x5500332211);
}

/* name: what is stored by a big-endian access to addr, as a little-endian one sees it there. */
static const struct store {
	const char *name;
	void (*insn)(void);
	uint64_t addr, val, want;
	unsigned int size;
} stores[] = {
	{ "store of a byte", strb, PRIORITY, 0x30, 0x30, 1 },
	{ "store of a halfword", strh, IBRD, 0x1234, 0x3412, 2 },
	{ "store of a word", str_w, PRIORITY + 4, 0x48586878, 0x78685848, 4 },
	{ "store of a doubleword", str_x, ROUTE, 0x1122330044000000, 0x4400332211, 8 },
	{ "store with writeback", str_post, PRIORITY + 4, 0x40506070, 0x70605040, 4 },
	{ "store of a pair", stp_w, PRIORITY + 8, 0x0810182028303840, 0x2018100840383028, 8 },
};

static const struct load {
	const char *name;
	void (*insn)(void);
	uint64_t addr, want;
} loads[] = {
	{ "load of a byte", ldrb, PRIORITY, 0x48 },
	{ "load of a halfword", ldrh, IBRD, 0x56f4 },
	{ "signed load of a halfword", ldrsh, IBRD, 0x56f4 },
	{ "load of a word", ldr_w, PRIORITY + 4, 0x88181008 },
	{ "signed load of a word", ldrsw, PRIORITY + 4, 0xffffffff88181008 },
	{ "load of a doubleword", ldr_x, ROUTE, 0x1122330055000000 },
	{ "load with writeback", ldrsw_pre, PRIORITY + 4, 0xffffffff88181008 },
	{ "load of a pair", ldp_w, ROUTE, 0x5500000011223300 },
};

static uint64_t seen(const struct store *s)
{
	switch (s->size) {
	case 1:
		return guest_mmio_read8(s->addr);
	case 2:
		return *(volatile uint16_t *)s->addr;
	case 4:
		return guest_mmio_read32(s->addr);
	default:
		return s->addr == ROUTE ? guest_mmio_read64(s->addr) :
		       guest_mmio_read32(s->addr) | (uint64_t)guest_mmio_read32(s->addr + 4) << 32;
	}
}

static void accesses_of_el1(uint64_t sctlr, uint64_t ttbr0)
{
	uint16_t old = *(volatile uint16_t *)IBRD;

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		all_registers();
		in_state(&(struct op){ stores[i].insn, stores[i].addr, stores[i].val }, sctlr, ttbr0);
		test_equal(seen(&stores[i]), stores[i].want, stores[i].name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		all_registers();
		test_equal(in_state(&(struct op){ loads[i].insn, loads[i].addr, 0 }, sctlr, ttbr0),
			   loads[i].want, loads[i].name);
	}
	*(volatile uint16_t *)IBRD = old;
}

/* Everything but the bits that concern it. */
static uint64_t sctlr_with(uint64_t set, uint64_t clear)
{
	return (guest_read_sysreg("sctlr_el1") & ~(clear | SCTLR_WXN)) | set;
}

static void test_untranslated(void)
{
	accesses_of_el1(sctlr_with(SCTLR_EE, SCTLR_M | SCTLR_C), guest_read_sysreg("ttbr0_el1"));
}

static void test_translated(void)
{
	accesses_of_el1(sctlr_with(SCTLR_EE, 0), (uint64_t)big);
}

/* EE is none of EL0's, nor E0E of EL1's. */
static void test_e0e_at_el1(void)
{
	uint64_t sctlr = sctlr_with(SCTLR_E0E, 0);

	all_registers();
	test_equal(in_state(&(struct op){ ldr_w, PRIORITY + 4, 0 }, sctlr, (uint64_t)little), 0x08101888,
		   "E0E is not EL1's");
}

/* ---- EL0 ---- */

static struct guest_frame kernel, user;
static uint64_t user_pc, user_spsr, user_addr, user_val;

/* SVC at EL1: there. */
static bool enter_user(struct guest_frame *frame)
{
	kernel = *frame;
	memset(frame->x, 0, sizeof(frame->x));
	frame->x[1] = user_addr;
	frame->x[2] = user_val;
	frame->elr = user_pc;
	frame->spsr = user_spsr;
	return true;
}

/* Whatever ends it: back. */
static bool leave_user(struct guest_frame *frame)
{
	user = *frame;
	*frame = kernel;
	return true;
}

static void set_tables(uint64_t root)
{
	guest_isb();
	guest_write_sysreg("ttbr0_el1", root);
	__asm__ volatile("isb\n\ttlbi vmalle1\n\tdsb nsh\n\tisb" : : : "memory");
}

INSN(user_load, "ldr w2, [x1]\n\tsvc #0");
INSN(user_store, "str w2, [x1]\n\tsvc #0");
INSN(user_load_pre, "ldr w2, [x1, #0]!\n\tsvc #0");
/* ldr r2, [r1]; svc 0, and str */
INSN(user32_load, ".inst 0xe5912000\n\t.inst 0xef000000");
INSN(user32_store, ".inst 0xe5812000\n\t.inst 0xef000000");

/*
 * At EL0, with what x2 was in the end. This guest's own map, in which that of EL0 is missing, is put aside.
 */
static uint64_t at_el0(void (*insn)(void), uint64_t spsr, uint64_t sctlr_bits, uint64_t val)
{
	uint64_t ttbr0 = guest_read_sysreg("ttbr0_el1"), sctlr = guest_read_sysreg("sctlr_el1");

	user_pc = USER_CODE(insn);
	user_spsr = spsr;
	user_addr = USER_DEVICE(PRIORITY + 4);
	user_val = val;
	guest_hook(GUEST_HOOK_SYNC, enter_user);
	guest_hook(GUEST_HOOK_OTHER, leave_user);
	/* With WXN, nothing of those tables could be executed. */
	guest_write_sysreg("sctlr_el1", sctlr_with(sctlr_bits, SCTLR_SED));
	set_tables((uint64_t)little);
	__asm__ volatile("svc #0" : : : "memory");
	set_tables(ttbr0);
	guest_write_sysreg("sctlr_el1", sctlr);
	guest_isb();
	guest_hook(GUEST_HOOK_SYNC, NULL);
	guest_hook(GUEST_HOOK_OTHER, NULL);
	return user.x[2];
}

static void test_el0(void)
{
	all_registers();
	test_equal(at_el0(user_load, SPSR_DAIF, 0, 0), 0x08101888, "little-endian load");
	test_equal(at_el0(user_load, SPSR_DAIF, SCTLR_E0E, 0), 0x88181008, "load");
	test_equal(at_el0(user_load_pre, SPSR_DAIF, SCTLR_E0E, 0), 0x88181008, "load with writeback");
	at_el0(user_store, SPSR_DAIF, SCTLR_E0E, 0x10203040);
	test_equal(guest_mmio_read32(PRIORITY + 4), 0x40302010, "store");
}

static void test_aarch32(void)
{
	if ((guest_read_sysreg("id_aa64pfr0_el1") & 0xf) != 2) {
		test_skip("no AArch32 at EL0");
		return;
	}
	all_registers();
	test_equal(at_el0(user32_load, SPSR_USER32, 0, 0), 0x08101888, "little-endian load");
	test_equal(at_el0(user32_load, SPSR_USER32 | SPSR_E, 0, 0), 0x88181008, "load");
	test_equal(at_el0(user32_load, SPSR_USER32, SCTLR_E0E, 0), 0x08101888, "E0E does not matter");
	at_el0(user32_store, SPSR_USER32 | SPSR_E, 0, 0x10203040);
	test_equal(guest_mmio_read32(PRIORITY + 4), 0x40302010, "store");
}

/* ---- PSCI ---- */

static uint64_t started_sctlr __aligned(64);

/* Leaves its SCTLR_EL1, little-endian, where x0 points, and switches itself off. */
INSN(started, "mrs x1, sctlr_el1\n\tmov x2, x1\n\ttbz x1, #25, 1f\n\trev x2, x2\n1:\t"
	      "str x2, [x0]\n\tdsb sy\n\tmovz w0, #0x8400, lsl #16\n\tmovk w0, #2\n\thvc #0\n2:\tb 2b");
/* CPU_ON of vCPU 1: x1 = entry, x2 = context. */
INSN(cpu_on, "mov x3, x2\n\tmov x2, x1\n\tmov x1, #1\n\tmovz x0, #0xc400, lsl #16\n\t"
	     "movk x0, #3\n\thvc #0\n\tmov x2, x0");

static uint64_t sctlr_of_started(uint64_t own_sctlr)
{
	struct op op = { cpu_on, (uint64_t)started, (uint64_t)&started_sctlr };

	started_sctlr = 0;
	__asm__ volatile("dc civac, %0\n\tdsb sy" : : "r"(&started_sctlr) : "memory");
	if (in_state(&op, own_sctlr, guest_read_sysreg("ttbr0_el1")) != PSCI_SUCCESS || !test_join(1))
		return 0;
	__asm__ volatile("dc civac, %0\n\tdsb sy" : : "r"(&started_sctlr) : "memory");
	return READ_ONCE(started_sctlr);
}

static void test_cpu_on(void)
{
	uint64_t off = SCTLR_M | SCTLR_C;
	uint64_t of_little = sctlr_of_started(sctlr_with(0, off));
	uint64_t of_big = sctlr_of_started(sctlr_with(SCTLR_EE, off));

	test_check(of_little && !(of_little & SCTLR_EE), "by a little-endian caller");
	test_equal(of_big, of_little | SCTLR_EE, "by a big-endian one");
}

static const struct test tests[] = {
	{ "EL1, untranslated", test_untranslated },
	{ "EL1, translated", test_translated },
	{ "EL1", test_e0e_at_el1 },
	{ "EL0", test_el0 },
	{ "EL0, AArch32", test_aarch32 },
	{ "CPU_ON", test_cpu_on, .vcpus = 2, .schism = true },	/* QEMU does not do that */
};

static void make_tables(void)
{
	little[0] = PTE_DEVICE | PTE_PXN | PTE_UXN;
	little[1] = GIB(1) | PTE_NORMAL | PTE_UXN;
	little[2] = GIB(1) | PTE_NORMAL | PTE_USER | PTE_RO | PTE_PXN;
	little[3] = PTE_DEVICE | PTE_USER | PTE_PXN | PTE_UXN;
	for (size_t i = 0; i < ARRAY_SIZE(big); i++)
		big[i] = __builtin_bswap64(little[i]);
	guest_dsb();
}

void guest_main(uint64_t dtb __unused)
{
	make_tables();
	test_main("endian", tests, ARRAY_SIZE(tests));
}
