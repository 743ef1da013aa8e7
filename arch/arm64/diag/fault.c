// SPDX-License-Identifier: MIT
/* Exceptions from EL2 itself, reported in words; and backtraces by symbol. */
#include "arch/arm64/diag/fault.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/sysreg.h"
#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/symbols.h"
#include "kernel/boot/smp.h"
#include "kernel/console/console.h"
#include "kernel/mm/hyp.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"

enum { F_LR = 30, F_SP = 31, F_ELR, F_SPSR, F_ESR, F_FAR };

static bool readable_frame(const struct cpu *cpu, uint64_t fp)
{
	/* The boot stack (in .bss), the CPU's own, or the one for fault reports. */
	return IS_ALIGNED(fp, 16) &&
	       ((fp >= cpu->stack_bottom.va && fp + 16 <= cpu->stack_top.va) ||
		hyp_region_is_bss(fp));
}

static void print_frame(unsigned int depth, uint64_t pc, bool is_return)
{
	const char *name;
	uint64_t offset;

	/* A return address may lie behind the end of a function whose last call does not return. */
	if (symbol_find(is_return ? pc - 4 : pc, &name, &offset))
		log_err("  #%-2u 0x%lx %s+0x%lx", depth, pc, name, offset + (is_return ? 4 : 0));
	else
		log_err("  #%-2u 0x%lx", depth, pc);
}

void arch_backtrace(uint64_t pc, uint64_t fp)
{
	const struct cpu *cpu = this_cpu();
	unsigned int depth = 0;

	if (pc)
		print_frame(depth++, pc, false);
	while (depth < 32 && readable_frame(cpu, fp)) {
		const uint64_t *frame = (const uint64_t *)fp;

		/* A signed return address has the key's bits on top. */
		pc = frame[1] & GENMASK(47, 0);
		if (!pc)
			return;
		print_frame(depth++, pc, true);
		/* Frames grow upwards; anything else is no chain. */
		if (frame[0] <= fp)
			return;
		fp = frame[0];
	}
}

static const char *what_was_done(const uint64_t *f)
{
	unsigned int ec = (unsigned int)(f[F_ESR] >> ESR_EC_SHIFT) & 0x3f;

	if (ec == EC_IABT_CUR)
		return "execution";
	if (ec == EC_DABT_CUR)
		return (f[F_ESR] & ABT_WNR) ? "write" : "read";
	return "";
}

static void report_cause(const uint64_t *f)
{
	unsigned int ec = (unsigned int)(f[F_ESR] >> ESR_EC_SHIFT) & 0x3f;
	const char *region = hyp_region_name(f[F_FAR]);
	bool is_abort = ec == EC_IABT_CUR || ec == EC_DABT_CUR;

	if (is_abort)
		log_err("EL2 FAULT: %s of 0x%lx%s%s: %s", what_was_done(f), f[F_FAR],
			region[0] ? " in " : "", region, esr_fsc_name(f[F_ESR] & ABT_FSC_MASK));
	else
		log_err("EL2 FAULT: %s", esr_ec_name(ec));
	if (is_abort && hyp_region_is_stack_guard(f[F_FAR]))
		log_err("  STACK OVERFLOW: sp 0x%lx, stack 0x%lx-0x%lx", f[F_SP],
			this_cpu()->stack_bottom.va, this_cpu()->stack_top.va);
}

/* Where x30 points: a leaf function has not put its caller into the chain of frames. */
static void report_lr(uint64_t lr)
{
	const char *name;
	uint64_t offset;

	if (symbol_find(lr, &name, &offset))
		log_err("  lr  0x%lx %s+0x%lx", lr, name, offset);
}

void el2_fault_report(struct cpu *cpu, unsigned int kind)
{
	static const char *const kinds[] = { "synchronous", "IRQ", "FIQ", "SError" };
	const uint64_t *f = cpu->arch.fault_frame;

	console_panic_mode();
	smp_stop_others();
	report_cause(f);
	log_err("  CPU %u, %s exception, ESR 0x%lx (%s), SPSR 0x%lx", cpu->id, kinds[kind & 3], f[F_ESR],
		esr_ec_name((unsigned int)(f[F_ESR] >> ESR_EC_SHIFT) & 0x3f), f[F_SPSR]);
	for (unsigned int i = 0; i < 28; i += 4)
		log_err("  x%-2u %016lx %016lx %016lx %016lx", i, f[i], f[i + 1], f[i + 2], f[i + 3]);
	log_err("  x28 %016lx %016lx %016lx", f[28], f[29], f[30]);
	log_err("  sp  %016lx pc  %016lx", f[F_SP], f[F_ELR]);
	if (cpu->current)
		log_err("  current guest: %s, vCPU %u", cpu->current->vm->name, cpu->current->id);
	report_lr(f[F_LR] & GENMASK(47, 0));
	arch_backtrace(f[F_ELR], f[29]);
	machine_fail();
}
