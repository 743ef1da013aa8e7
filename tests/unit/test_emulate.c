// SPDX-License-Identifier: MIT
/*
 * Accesses without a syndrome, from the fault to the registers: on a device of 4 KiB that keeps what is
 * written, but refuses some of its words. The guest has stage 1 off unless a test says otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/trap/emulate.h"
#include "arch/crash.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"

#define CODE		UINT64_C(0x40001000)
#define DEVICE		UINT64_C(0x09000000)
#define EL1H		5
#define A32_USER	0x10

#define STR_W_POST	0xb8004443	/* str w3, [x2], #4 */
#define LDR_X_PRE	0xf8408c43	/* ldr x3, [x2, #8]! */
#define STP_X		0xa9000c44	/* stp x4, x3, [x2] */
#define STP_W		0x29000c44	/* stp w4, w3, [x2] */
#define LDP_X		0xa9400c44	/* ldp x4, x3, [x2] */
#define LDPSW		0x69400c44	/* ldpsw x4, x3, [x2] */
#define LDRSH_W_POST	0x78c02443	/* ldrsh w3, [x2], #2 */
#define STR_SP_PRE	0xb81fcfe3	/* str w3, [sp, #-4]! */
#define LDR_BY_REG	0xf8657843	/* ldr x3, [x2, x5, lsl #3] */
#define LDP_ZR		0xa94010ff	/* ldp xzr, x4, [x7] */
#define STR_Q		0x3d800040	/* str q0, [x2] */
#define NOP		0xd503201f

static uint32_t code;
static int read_error;
static uint8_t device[4096];
static uint64_t refused = UINT64_MAX;	/* an offset */
static unsigned int accesses;
static uint64_t regs[8];
static struct vm vm;
static struct vcpu vcpu = { .vm = &vm };
static uint64_t *const x = vcpu.arch.frame.x;
static struct emulation e;

uint64_t arch_vcpu_sysreg(const struct vcpu *v, enum arch_sysreg_id id)
{
	return regs[id];
}

int vm_read(struct vm *v, ipa_t from, void *to, uint64_t len)
{
	if (read_error)
		return read_error;
	if (from.ipa != CODE || len != 4)
		return -EFAULT;
	memcpy(to, &code, 4);
	return 0;
}

int pgtable_lookup(const struct pgtable *pt, uint64_t ia, struct pgtable_leaf *leaf)
{
	return -ENOENT;
}

bool vdev_allows(struct vcpu *v, const struct vdev_access *a)
{
	return a->ipa >= DEVICE && a->ipa < DEVICE + sizeof(device) && a->ipa - DEVICE != refused &&
	       !(a->ipa & (a->size - 1));
}

bool vdev_access(struct vcpu *v, struct vdev_access *a)
{
	accesses++;
	if (!vdev_allows(v, a))
		return false;
	if (a->write)
		memcpy(&device[a->ipa - DEVICE], &a->val, a->size);
	else
		memcpy(&a->val, &device[a->ipa - DEVICE], a->size);
	return true;
}

static int setup(void **state)
{
	for (unsigned int i = 0; i < sizeof(device); i++)
		device[i] = (uint8_t)(0x80 + i);
	for (unsigned int i = 0; i < 31; i++)
		x[i] = UINT64_C(0x1111111111111111) * (i % 15 + 1);
	memset(regs, 0, sizeof(regs));
	vcpu.arch.frame.elr = CODE;
	vcpu.arch.frame.spsr = EL1H;
	refused = UINT64_MAX;
	read_error = 0;
	accesses = 0;
	return 0;
}

/* The instruction has faulted at DEVICE + offset. */
static enum trap_outcome run(uint32_t insn, bool write, uint64_t offset)
{
	code = insn;
	e.write = write;
	e.far = e.ipa = DEVICE + offset;
	e.why = NULL;
	return emulate_access(&vcpu, &e);
}

static uint64_t device_word(uint64_t offset, unsigned int size)
{
	uint64_t val = 0;

	memcpy(&val, &device[offset], size);
	return val;
}

static void test_a_store_with_post_index_moves_its_base(void **state)
{
	x[2] = DEVICE + 0x10;
	x[3] = 0x123456789abcdef0;
	assert_int_equal(run(STR_W_POST, true, 0x10), TRAP_SKIP);
	assert_int_equal(device_word(0x10, 4), 0x9abcdef0);
	assert_int_equal(device[0x14], 0x94);
	assert_int_equal(x[2], DEVICE + 0x14);
	assert_int_equal(accesses, 1);
}

static void test_a_load_with_pre_index_moves_its_base_first(void **state)
{
	x[2] = DEVICE + 0x10;
	assert_int_equal(run(LDR_X_PRE, false, 0x18), TRAP_SKIP);
	assert_int_equal(x[3], device_word(0x18, 8));
	assert_int_equal(x[2], DEVICE + 0x18);
}

static void test_the_stack_pointer_may_be_the_base(void **state)
{
	e.sp = DEVICE + 0x20;
	assert_int_equal(run(STR_SP_PRE, true, 0x1c), TRAP_SKIP);
	assert_int_equal(e.sp, DEVICE + 0x1c);
	assert_int_equal(device_word(0x1c, 4), (uint32_t)x[3]);
}

static void test_pairs_are_two_accesses(void **state)
{
	x[2] = x[7] = DEVICE + 0x30;
	assert_int_equal(run(STP_X, true, 0x30), TRAP_SKIP);
	assert_int_equal(device_word(0x30, 8), x[4]);
	assert_int_equal(device_word(0x38, 8), x[3]);
	assert_int_equal(accesses, 2);
	x[2] = DEVICE + 0x40;
	assert_int_equal(run(LDP_X, false, 0x40), TRAP_SKIP);
	assert_int_equal(x[4], device_word(0x40, 8));
	assert_int_equal(x[3], device_word(0x48, 8));
	assert_int_equal(run(LDP_ZR, false, 0x30), TRAP_SKIP);
	assert_int_equal(x[4], device_word(0x38, 8));
}

static void test_signed_loads_extend(void **state)
{
	x[2] = DEVICE + 0x40;
	assert_int_equal(run(LDPSW, false, 0x40), TRAP_SKIP);
	assert_int_equal(x[4], UINT64_C(0xffffffffc3c2c1c0));
	assert_int_equal(x[3], UINT64_C(0xffffffffc7c6c5c4));
	assert_int_equal(run(LDRSH_W_POST, false, 0x40), TRAP_SKIP);
	assert_int_equal(x[3], 0xffffc1c0);
	assert_int_equal(x[2], DEVICE + 0x42);
}

static void test_offsets_by_register(void **state)
{
	x[2] = DEVICE + 0x80;
	x[5] = (uint64_t)-2;
	assert_int_equal(run(LDR_BY_REG, false, 0x70), TRAP_SKIP);
	assert_int_equal(x[3], device_word(0x70, 8));
	assert_int_equal(x[2], DEVICE + 0x80);
}

static void test_a_big_endian_guest_has_each_element_swapped(void **state)
{
	e.big_endian = true;
	x[2] = DEVICE + 0x50;
	x[4] = 0x11223344;
	x[3] = 0x55667788;
	assert_int_equal(run(STP_W, true, 0x50), TRAP_SKIP);
	assert_int_equal(device_word(0x50, 8), UINT64_C(0x8877665544332211));
	assert_int_equal(run(LDPSW, false, 0x50), TRAP_SKIP);
	assert_int_equal(x[4], 0x11223344);
	x[2] = DEVICE + 0x40;
	assert_int_equal(run(LDRSH_W_POST, false, 0x40), TRAP_SKIP);
	assert_int_equal(x[3], 0xffffc0c1);
	e.big_endian = false;
}

/* What the fault was does not fit: somebody has changed the code, or what it translates to. */
static void test_what_cannot_have_caused_the_fault_is_tried_again(void **state)
{
	struct trapframe before;

	x[2] = DEVICE + 0x10;
	before = vcpu.arch.frame;
	assert_int_equal(run(NOP, true, 0x10), TRAP_RESUME);
	assert_int_equal(run(STR_W_POST, false, 0x10), TRAP_RESUME);
	assert_int_equal(run(STR_W_POST, true, 0x0c), TRAP_RESUME);
	assert_int_equal(run(STR_W_POST, true, 0x14), TRAP_RESUME);
	assert_int_equal(run(LDP_X, true, 0x10), TRAP_RESUME);
	assert_int_equal(run(LDP_X, false, 0x20), TRAP_RESUME);
	read_error = -EFAULT;
	assert_int_equal(run(STR_W_POST, true, 0x10), TRAP_RESUME);
	assert_int_equal(accesses, 0);
	assert_memory_equal(&vcpu.arch.frame, &before, sizeof(before));
}

static void test_the_fault_may_be_of_the_second_element_or_tagged(void **state)
{
	x[2] = DEVICE + 0x10 + (UINT64_C(0x5a) << 56);
	assert_int_equal(run(STP_X, true, 0x18), TRAP_SKIP);
	assert_int_equal(device_word(0x10, 8), x[4]);
	assert_int_equal(device_word(0x18, 8), x[3]);
}

static void test_a_pair_is_done_as_a_whole_or_not_at_all(void **state)
{
	for (unsigned int second = 0; second < 2; second++) {
		x[2] = DEVICE + 0x10;
		refused = 0x10 + 8 * second;
		assert_int_equal(run(STP_X, true, 0x10), TRAP_ABORT);
		assert_int_equal(run(LDP_X, false, 0x10), TRAP_ABORT);
		assert_non_null(strstr(e.why, "register"));
		assert_int_equal(accesses, 0);
		assert_int_equal(x[3], 0x4444444444444444);
	}
}

static void test_nothing_crosses_a_page(void **state)
{
	x[2] = DEVICE + 0xff8;
	assert_int_equal(run(STP_X, true, 0xff8), TRAP_ABORT);
	assert_string_equal(e.why, "it crosses a page");
	/* The fault is of the part in the page behind. */
	x[2] = DEVICE - 8;
	assert_int_equal(run(STP_X, true, 0), TRAP_ABORT);
	assert_string_equal(e.why, "it crosses a page");
	assert_int_equal(accesses, 0);
}

static void test_unaligned_accesses_are_refused(void **state)
{
	x[2] = DEVICE + 0x11;
	assert_int_equal(run(STR_W_POST, true, 0x11), TRAP_ABORT);
	assert_int_equal(x[2], DEVICE + 0x11);
}

static void test_other_instructions_are_refused_by_name(void **state)
{
	x[2] = DEVICE;
	assert_int_equal(run(STR_Q, true, 0), TRAP_ABORT);
	assert_non_null(strstr(e.why, "not an instruction"));
	assert_int_equal(e.insn, STR_Q);
	vcpu.arch.frame.spsr = A32_USER;
	assert_int_equal(run(STR_W_POST, true, 0), TRAP_ABORT);
	assert_non_null(strstr(e.why, "AArch32"));
	assert_int_equal(accesses, 0);
}

static void test_a_pc_that_cannot_be_translated(void **state)
{
	x[2] = DEVICE;
	/* Stage 1 on, of a size that is none. */
	regs[ARCH_SCTLR_EL1] = 1;
	regs[ARCH_TCR_EL1] = 63;
	assert_int_equal(run(STR_W_POST, true, 0), TRAP_ABORT);
	/* A root that is not there. */
	regs[ARCH_TCR_EL1] = 25;
	assert_int_equal(run(STR_W_POST, true, 0), TRAP_ABORT);
	regs[ARCH_SCTLR_EL1] = 0;
	read_error = -ENOMEM;
	assert_int_equal(run(STR_W_POST, true, 0), TRAP_ABORT);
	assert_int_equal(accesses, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(test_a_store_with_post_index_moves_its_base),
		T(test_a_load_with_pre_index_moves_its_base_first),
		T(test_the_stack_pointer_may_be_the_base),
		T(test_pairs_are_two_accesses),
		T(test_signed_loads_extend),
		T(test_offsets_by_register),
		T(test_a_big_endian_guest_has_each_element_swapped),
		T(test_what_cannot_have_caused_the_fault_is_tried_again),
		T(test_the_fault_may_be_of_the_second_element_or_tagged),
		T(test_a_pair_is_done_as_a_whole_or_not_at_all),
		T(test_nothing_crosses_a_page),
		T(test_unaligned_accesses_are_refused),
		T(test_other_instructions_are_refused_by_name),
		T(test_a_pc_that_cannot_be_translated),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
