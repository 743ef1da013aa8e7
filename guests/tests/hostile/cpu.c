// SPDX-License-Identifier: MIT
/* Extensions: what is hidden must be UNDEFINED, what is there must not leak into EL2. */
#include "guests/tests/hostile/hostile.h"

static void run_list(struct insns list, uint64_t spsr)
{
	for (const uint32_t *insn = list.first; insn < list.end; insn++)
		for (unsigned int i = 0; i < 4; i++)
			hostile_insn(spsr, *insn, i ? hostile_random() : HOSTILE_UDATA + 64, HOSTILE_UDATA);
}

static void both_levels(struct insns list)
{
	run_list(list, SPSR_EL1H);
	run_list(list, SPSR_EL0T);
}

static void memtag(uint64_t arg __unused)
{
	both_levels(INSNS(insns_memtag));
}

static void sve(uint64_t arg __unused)
{
	guest_write_sysreg("cpacr_el1", ~UINT64_C(0));
	guest_isb();
	both_levels(INSNS(insns_sve));
}

static void sme(uint64_t arg __unused)
{
	guest_write_sysreg("cpacr_el1", ~UINT64_C(0));
	guest_isb();
	both_levels(INSNS(insns_sme));
}

/* Signing and authenticating with keys of all kinds, on and off in SCTLR_EL1, around hypercalls. */
static void pauth(uint64_t arg __unused)
{
	struct insns list = INSNS(insns_pauth);
	uint64_t sctlr = guest_read_sysreg("sctlr_el1");
	static const uint32_t keys[] = {
		0xd5182100, 0xd5182120, 0xd5182140, 0xd5182160, 0xd5182200, 0xd5182220, 0xd5182240,
		0xd5182260, 0xd5182300, 0xd5182320,
	};

	for (unsigned int i = 0; i < 40; i++) {
		uint64_t en = (hostile_random() & 1) << 31 | (hostile_random() & 1) << 30 |
			      (hostile_random() & 1) << 27 | (hostile_random() & 1) << 13;

		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			hostile_insn(SPSR_EL1H, keys[k], i & 1 ? hostile_random() : ~UINT64_C(0), 0);
		guest_write_sysreg("sctlr_el1", sctlr | en);
		guest_isb();
		guest_hvc0(SMCCC_VERSION, 0, 0, 0);
		both_levels(list);
		guest_write_sysreg("sctlr_el1", sctlr);
		guest_isb();
	}
}

/* FP off in all ways, used at both levels, across what changes vCPU state. */
static void fp_traps(uint64_t arg __unused)
{
	static const uint32_t uses[] = { 0x1e202008, 0x4e201c00, 0xd53b4401, 0xd51b4401, 0xd53b4421,
					 0xd51b4421 };

	for (unsigned int i = 0; i < 400; i++) {
		/* msr cpacr_el1, x0; isb; use; wfe; use */
		const uint32_t words[] = {
			0xd5181040, INSN_ISB, uses[i % ARRAY_SIZE(uses)], 0xd503205f,
			uses[(i + 1) % ARRAY_SIZE(uses)],
		};
		struct hostile_end end;

		hostile_code(words, ARRAY_SIZE(words));
		hostile_run(SPSR_EL1H, hostile_random(), hostile_random(), &end);
		/* At EL0 only what EL1 has left. */
		hostile_code(words + 2, 3);
		hostile_run(SPSR_EL0T, 0, hostile_random(), &end);
	}
	__asm__ volatile(".arch_extension fp\n\tmsr fpcr, xzr\n\tmsr fpsr, xzr");
}

static void random_numbers(uint64_t arg __unused)
{
	for (unsigned int i = 0; i < 500; i++) {
		hostile_insn(SPSR_EL1H, 0xd53b2400, 0, 0);
		hostile_insn(SPSR_EL0T, 0xd53b2420, 0, 0);
		guest_hvc0(0xc4000053, 192, 0, 0);
	}
}

/* ID registers are read only, whatever is tried. */
static void id_writes(uint64_t arg __unused)
{
	for (unsigned int crm = 0; crm < 8; crm++)
		for (unsigned int op2 = 0; op2 < 8; op2++) {
			hostile_insn(SPSR_EL1H, INSN_SYSREG(3, 0, 0, crm, op2, 0), hostile_random(), 0);
			hostile_insn(SPSR_EL0T, INSN_SYSREG(3, 0, 0, crm, op2, 0) | INSN_READ, 0, 0);
		}
}

/* Registers that an implementation defines for itself: CRn 11 and 15. */
static void implementation_defined(uint64_t arg __unused)
{
	for (unsigned int op1 = 0; op1 < 8; op1++) {
		for (unsigned int crm = 0; crm < 16; crm++) {
			for (unsigned int op2 = 0; op2 < 8; op2++) {
				hostile_insn(SPSR_EL1H, INSN_SYSREG(3, op1, 15, crm, op2, 0),
					     hostile_random(), 0);
				hostile_insn(SPSR_EL1H, INSN_SYSREG(3, op1, 11, crm, op2, 0),
					     hostile_random(), 0);
				hostile_insn(SPSR_EL1H, INSN_SYSREG(1, op1, 15, crm, op2, 0),
					     hostile_random(), 0);
				hostile_insn(SPSR_EL0T, INSN_SYSREG(3, op1, 15, crm, op2, 0),
					     hostile_random(), 0);
			}
		}
	}
}

static const struct behaviour cpu_rows[] = {
	{ "memtag", memtag },
	{ "sve", sve },
	{ "sme", sme },
	{ "pauth", pauth },
	{ "fp-traps", fp_traps },
	{ "random-numbers", random_numbers },
	{ "id-writes", id_writes },
	{ "implementation-defined", implementation_defined },
};

const struct family cpu_family = FAMILY(cpu);
