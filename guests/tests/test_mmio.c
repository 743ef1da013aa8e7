// SPDX-License-Identifier: MIT
/*
 * test_mmio: every form of load and store that compilers use does to a device's registers what it does to
 * memory: the same values in the same registers, and the same base. Those with writeback, and pairs, come
 * to a hypervisor without a syndrome. Built with -Os, so that the loops in C have some of them, too.
 *
 * The registers are those that keep what is written: priorities (bytes and words, of which the upper five
 * bits count), routes (doublewords) and the UART's divisor (16 bits).
 */
#include "guests/lib/gic_regs.h"
#include "guests/lib/test.h"
#include "lib/string.h"

#define INTID		64		/* interrupts that nobody uses */
#define AREA		64		/* bytes on either side that are compared */
#define IBRD		(GUEST_UART_IPA + 0x24)
#define GIC_PRIORITIES	(GUEST_GICD_IPA + GIC_IPRIORITYR + INTID)

/* What a form gets in x1 to x4, and leaves there. */
struct regs {
	uint64_t base, val[2], index;
};

typedef void form_fn(struct regs *regs);

#define FORM_TEXT(name, insn)									\
	__asm__(".pushsection .text.forms, \"ax\"\n"						\
		".type " #name ", %function\n"							\
		#name ":\n\t"									\
		"mov x9, x0\n\tldp x1, x2, [x9]\n\tldp x3, x4, [x9, #16]\n\t"			\
		insn "\n\t"									\
		"stp x1, x2, [x9]\n\tstp x3, x4, [x9, #16]\n\tret\n"				\
		".size " #name ", . - " #name "\n.popsection");					\
	form_fn name

/* The stack pointer, of EL1h or of EL1t, is the base. */
#define ON_SP(insn)		"mov x10, sp\n\tmov sp, x1\n\t" insn "\n\tmov x1, sp\n\tmov sp, x10"
#define ON_SP_EL0(insn)		"msr spsel, #0\n\tmov sp, x1\n\t" insn "\n\tmov x1, sp\n\tmsr spsel, #1"

#define WORD_FORMS(X)									\
	X(str_post, "str w2, [x1], #4")							\
	X(str_post_down, "str w2, [x1], #-4")						\
	X(str_pre, "str w2, [x1, #4]!")							\
	X(str_zero, "str wzr, [x1], #4")						\
	X(str_unsigned, "str w2, [x1, #8]")						\
	X(str_unscaled, "stur w2, [x1, #-4]")						\
	X(str_register, "str w2, [x1, x4]")						\
	X(str_uxtw, "str w2, [x1, w4, uxtw #2]")					\
	X(ldr_post, "ldr w2, [x1], #4")							\
	X(ldr_pre, "ldr w2, [x1, #-8]!")						\
	X(ldr_far, "ldr w2, [x1, #-16]!")						\
	X(ldr_zero, "ldr wzr, [x1], #4")						\
	X(ldr_lsl, "ldr w2, [x1, x4, lsl #2]")						\
	X(ldr_sxtw, "ldr w2, [x1, w4, sxtw]")						\
	X(ldrsw_post, "ldrsw x2, [x1], #4")						\
	X(ldrsw_pre, "ldrsw x2, [x1, #4]!")						\
	X(stp_w, "stp w2, w3, [x1]")							\
	X(stp_w_offset, "stp w2, w3, [x1, #-8]")					\
	X(stp_w_post, "stp w2, w3, [x1], #8")						\
	X(stp_w_pre, "stp w2, w3, [x1, #8]!")						\
	X(stp_w_zero, "stp w2, wzr, [x1], #8")						\
	X(stp_w_same, "stp w2, w2, [x1]")						\
	X(stnp_w, "stnp w2, w3, [x1]")							\
	X(ldp_w, "ldp w2, w3, [x1]")							\
	X(ldp_w_base, "ldp w1, w3, [x1]")						\
	X(ldp_w_post, "ldp w2, w3, [x1], #8")						\
	X(ldp_w_pre, "ldp w2, w3, [x1, #-8]!")						\
	X(ldp_w_zero, "ldp wzr, w3, [x1, #8]")						\
	X(ldnp_w, "ldnp w2, w3, [x1, #4]")						\
	X(ldpsw, "ldpsw x2, x3, [x1]")							\
	X(ldpsw_post, "ldpsw x2, x3, [x1], #8")						\
	X(ldpsw_pre, "ldpsw x2, x3, [x1, #8]!")						\
	X(str_sp, ON_SP("str w2, [sp, #-16]!"))						\
	X(ldr_sp, ON_SP("ldr w2, [sp], #16"))						\
	X(stp_sp, ON_SP("stp w2, w3, [sp, #-16]!"))					\
	X(ldp_sp, ON_SP("ldp w2, w3, [sp], #16"))					\
	X(str_sp_el0, ON_SP_EL0("str w2, [sp, #-16]!"))					\
	X(ldp_sp_el0, ON_SP_EL0("ldp w2, w3, [sp], #16"))

#define BYTE_FORMS(X)									\
	X(strb_post, "strb w2, [x1], #1")						\
	X(strb_pre, "strb w2, [x1, #-1]!")						\
	X(ldrb_post, "ldrb w2, [x1], #1")						\
	X(ldrb_pre, "ldrb w2, [x1, #3]!")						\
	X(ldrsb_w, "ldrsb w2, [x1], #1")						\
	X(ldrsb_x, "ldrsb x2, [x1], #-1")						\
	X(ldrsb_pre, "ldrsb x2, [x1, #1]!")

#define HALF_FORMS(X)									\
	X(strh_post, "strh w2, [x1], #2")						\
	X(strh_post_far, "strh w2, [x1], #-256")					\
	X(ldrh_post, "ldrh w2, [x1], #2")						\
	X(ldrh_post_far, "ldrh w2, [x1], #255")						\
	X(ldrsh_w, "ldrsh w2, [x1], #2")						\
	X(ldrsh_x, "ldrsh x2, [x1], #-2")

#define DOUBLE_FORMS(X)									\
	X(str_x_post, "str x2, [x1], #8")						\
	X(str_x_pre, "str x2, [x1, #-8]!")						\
	X(ldr_x_post, "ldr x2, [x1], #8")						\
	X(ldr_x_pre, "ldr x2, [x1, #8]!")						\
	X(stp_x, "stp x2, x3, [x1]")							\
	X(stp_x_post, "stp x2, x3, [x1], #16")						\
	X(stp_x_pre, "stp x2, x3, [x1, #-16]!")						\
	X(stp_x_zero, "stp xzr, x3, [x1]")						\
	X(ldp_x, "ldp x2, x3, [x1]")							\
	X(ldp_x_post, "ldp x2, x3, [x1], #-16")						\
	X(ldp_x_pre, "ldp x2, x3, [x1, #16]!")						\
	X(ldp_x_base, "ldp x1, x3, [x1]")

#define DEFINE(name, insn)	FORM_TEXT(name, insn);
#define ROW(name, insn)		{ #name, name },
WORD_FORMS(DEFINE)
BYTE_FORMS(DEFINE)
HALF_FORMS(DEFINE)
DOUBLE_FORMS(DEFINE)

struct form {
	const char *name;
	form_fn *run;
};

/*
 * A part of a device that keeps what is written to it, read and written without writeback by units of size.
 */
struct area {
	uint64_t middle;
	unsigned int size, reach;	/* bytes; reach to either side */
	uint64_t val[2];
};

static uint8_t memory[2 * AREA + 1024] __aligned(16);
#define MEMORY_MIDDLE	((uint64_t)memory + sizeof(memory) / 2)

static uint64_t get(uint64_t at, unsigned int size)
{
	if (size == 2)
		return *(volatile uint16_t *)at;
	return size == 4 ? guest_mmio_read32(at) : guest_mmio_read64(at);
}

static void set(uint64_t at, unsigned int size, uint64_t val)
{
	if (size == 2)
		*(volatile uint16_t *)at = (uint16_t)val;
	else if (size == 4)
		guest_mmio_write32(at, (uint32_t)val);
	else
		guest_mmio_write64(at, val);
}

/*
 * Something else in each unit: routes have bits 31 and 23 to 0, and 39 to 32; of priorities five bits
 * count.
 */
static uint64_t pattern(const struct area *area, uint64_t offset)
{
	uint64_t val = UINT64_C(0x0807060504030201) * (offset / area->size % 15 + 1) << 3;

	if (area->size == 8)
		return (val & 0x3f00ffffff) | (offset & 8 ? BIT(31) : 0);
	return area->size == 4 ? (val & 0x78787878) | 0x80808080 : (val & 0xffff) | 0x8000;
}

/* The same on both sides. */
static void prepare(const struct area *area)
{
	for (uint64_t offset = 0; offset < 2 * area->reach + area->size; offset += area->size) {
		uint64_t val = pattern(area, offset);

		set(area->middle - area->reach + offset, area->size, val);
		set(MEMORY_MIDDLE - area->reach + offset, area->size, val);
	}
}

static bool is_same(const struct area *area)
{
	for (uint64_t offset = 0; offset < 2 * area->reach + area->size; offset += area->size) {
		if (get(area->middle - area->reach + offset, area->size) !=
		    get(MEMORY_MIDDLE - area->reach + offset, area->size))
			return false;
	}
	return true;
}

static void try(const struct area *area, const struct form *form)
{
	struct regs device = { area->middle, { area->val[0], area->val[1] }, (uint64_t)-2 * area->size };
	struct regs expected = device;
	bool loaded_base = strlen(form->name) > 5 && !strcmp(form->name + strlen(form->name) - 5, "_base");

	/* UXTW makes something large of a negative number. */
	if (!strcmp(form->name, "str_uxtw"))
		device.index = expected.index = UINT64_C(0xffffffff00000003);
	if (!strcmp(form->name, "ldr_lsl"))
		device.index = expected.index = (uint64_t)-3;
	expected.base = MEMORY_MIDDLE;
	prepare(area);
	form->run(&expected);
	form->run(&device);
	if (!loaded_base)
		expected.base += area->middle - MEMORY_MIDDLE;
	test_check(!memcmp(&device, &expected, sizeof(device)) && is_same(area), form->name);
}

static void try_all(const struct area *area, const struct form *forms, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		try(area, &forms[i]);
}

static void test_words(void)
{
	static const struct form forms[] = { WORD_FORMS(ROW) };
	static const struct area area = { GIC_PRIORITIES + 32, 4, 24, { 0x1111111188f01020, 0xa0c8e0f8 } };

	try_all(&area, forms, ARRAY_SIZE(forms));
}

static void test_bytes(void)
{
	static const struct form forms[] = { BYTE_FORMS(ROW) };
	static const struct area area = { GIC_PRIORITIES + 32, 4, 8, { 0x11111111111111f0 } };

	try_all(&area, forms, ARRAY_SIZE(forms));
}

static void test_halves(void)
{
	static const struct form forms[] = { HALF_FORMS(ROW) };
	static const struct area area = { IBRD, 2, 0, { 0x111111111111abcd } };
	uint16_t old = (uint16_t)get(IBRD, 2);

	try_all(&area, forms, ARRAY_SIZE(forms));
	set(IBRD, 2, old);
}

static void test_doubles(void)
{
	static const struct form forms[] = { DOUBLE_FORMS(ROW) };
	static const struct area area = { GICD_IROUTER(INTID) + 64, 8, 24, { 0x1200a1b2c3, 0x80010203 } };

	try_all(&area, forms, ARRAY_SIZE(forms));
}

/* ---- what a compiler makes of a loop ---- */

/* Each iteration's access is one of its own. */
#define IN_ORDER()	__asm__ volatile("" : : : "memory")

static void fill(uint32_t *at, const uint32_t *end, uint32_t val)
{
	while (at != end) {
		*at++ = val;
		IN_ORDER();
	}
}

static uint32_t sum(const uint32_t *at, const uint32_t *end)
{
	uint32_t total = 0;

	while (at != end) {
		total += *at++;
		IN_ORDER();
	}
	return total;
}

static void copy_bytes(uint8_t *to, const uint8_t *from, const uint8_t *end)
{
	while (from != end) {
		*to++ = *from++;
		IN_ORDER();
	}
}

/* Called through here, so that the compiler knows nothing of the arguments. */
static struct {
	void (*fill)(uint32_t *at, const uint32_t *end, uint32_t val);
	uint32_t (*sum)(const uint32_t *at, const uint32_t *end);
	void (*copy_bytes)(uint8_t *to, const uint8_t *from, const uint8_t *end);
} volatile loops = { fill, sum, copy_bytes };

static void test_loops(void)
{
	static const uint8_t bytes[] = { 8, 16, 24, 32, 40, 48, 56, 64 };
	uint32_t *words = (uint32_t *)GIC_PRIORITIES;

	loops.fill(words, words + 8, 0x90909090);
	test_equal(loops.sum(words, words + 8), 0x84848480, "words");
	loops.copy_bytes((uint8_t *)GIC_PRIORITIES, bytes, bytes + sizeof(bytes));
	test_equal(guest_mmio_read32(GIC_PRIORITIES), 0x20181008, "bytes");
	test_equal(guest_mmio_read32(GIC_PRIORITIES + 4), 0x40383028, "and more");
}

/* ---- what stays refused, and changes nothing ---- */

static struct regs refused_regs;

static void run_refused(void *form)
{
	form_fn *fn;

	memcpy(&fn, &form, sizeof(fn));
	fn(&refused_regs);
}

FORM_TEXT(refused_q, ".arch_extension fp\n\t.arch_extension simd\n\tstr q0, [x1]");
FORM_TEXT(refused_exclusive, "ldxr w2, [x1]");
FORM_TEXT(refused_stp_x, "stp x2, x3, [x1], #16");
FORM_TEXT(refused_ldp_x, "ldp x2, x3, [x1, #16]!");
FORM_TEXT(refused_ldp_w, "ldp w2, w3, [x1], #8");
FORM_TEXT(refused_str, "str w2, [x1], #4");
/* What the architecture leaves open: str x1, [x1], #8 and ldp w2, w2, [x1]. */
FORM_TEXT(refused_own_base, ".inst 0xf8008421");
FORM_TEXT(refused_twice, ".inst 0x29400822");

static const struct refused {
	const char *name;
	form_fn *run;
	uint64_t base;
} refused[] = {
	{ "SIMD", refused_q, GIC_PRIORITIES },
	{ "exclusive", refused_exclusive, GIC_PRIORITIES },
	{ "its own base", refused_own_base, GICD_IROUTER(INTID) },
	{ "one register twice", refused_twice, GIC_PRIORITIES },
	{ "doublewords of the UART", refused_stp_x, GUEST_UART_IPA + 0x20 },
	{ "doublewords of the UART read", refused_ldp_x, GUEST_UART_IPA + 0x10 },
	{ "out of a device", refused_ldp_w, GUEST_UART_IPA + 0xffc },
	{ "unaligned", refused_str, GIC_PRIORITIES + 2 },
};

static void test_refused(void)
{
	struct guest_fault fault;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct refused *r = &refused[i];
		form_fn *fn = r->run;
		void *arg;
		bool aborted;

		memcpy(&arg, &fn, sizeof(arg));
		refused_regs = (struct regs){ r->base, { 2, 3 }, 4 };
		aborted = guest_try(run_refused, arg, &fault);
		test_check(aborted && ESR_EC(fault.esr) == ESR_EC_DABT_SAME_EL &&
			   ESR_FSC(fault.esr) == ESR_FSC_SYNC_EXTERNAL && fault.far - r->base < 20 &&
			   refused_regs.base == r->base, r->name);
	}
}

static const struct test tests[] = {
	{ "words", test_words },
	{ "bytes", test_bytes },
	{ "halfwords", test_halves },
	{ "doublewords", test_doubles },
	{ "loops", test_loops },
	{ "refused", test_refused, .schism = true },
};

void guest_main(uint64_t dtb __unused)
{
	test_main("mmio", tests, ARRAY_SIZE(tests));
}
