// SPDX-License-Identifier: MIT
/*
 * Moving vCPUs: no registers move, but the rules of arch/vcpu.h are watched, and list registers are folded
 * and filled as on the target.
 */
#include "tests/host/fake.h"

#include <setjmp.h>

#include "arch/arm64/vcpu/serror.h"
#include "arch/crash.h"
#include "arch/gic.h"
#include "arch/vcpu.h"
#include "kernel/base/irq.h"
#include "kernel/base/panic.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/entry.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

#define TIMER_ENABLE	BIT(0)
#define TIMER_IMASK	BIT(1)

unsigned int fake_nr_lrs = 4;
__thread struct fake_vcpu_stats fake_vcpu;
bool fake_big_endian;
uint64_t fake_sysreg;
bool fake_serror;
void (*fake_ich_in)(struct vcpu *vcpu);
void (*fake_ich_out)(struct vcpu *vcpu);

/* Each thread is a CPU. */
static __thread jmp_buf guest_entered;
static __thread struct vcpu *entered;

void arch_vcpu_reset(struct vcpu *vcpu, const struct vm_entry *entry)
{
	memset(&vcpu->arch, 0, sizeof(vcpu->arch));
	vcpu->arch.frame.elr = entry->pc;
	memcpy(vcpu->arch.frame.x, entry->args, sizeof(entry->args));
	fake_vcpu.resets++;
	fake_vcpu.last_big_endian = entry->big_endian;
}

static uint64_t vtimer_deadline(const struct vcpu *vcpu)
{
	const struct arch_vtimer *t = &vcpu->arch.vtimer;

	if ((t->ctl & (TIMER_ENABLE | TIMER_IMASK)) != TIMER_ENABLE)
		return UINT64_MAX;
	return vcpu->vm ? t->cval + READ_ONCE(vcpu->vm->cntvoff) : t->cval;
}

void vcpu_vgic_out(struct vcpu *vcpu)
{
	if (vcpu->vgic.in_memory)
		return;
	vcpu->vgic.in_memory = true;
	WRITE_ONCE(this_cpu()->exit_work, true);
	if (fake_ich_out)
		fake_ich_out(vcpu);
	vgic_save(vcpu);
}

uint64_t fake_guest_timer(const struct cpu *cpu)
{
	const struct vcpu *vcpu = cpu->arch.loaded;

	return vcpu && !vgic_timer_is_live(vcpu) ? vtimer_deadline(vcpu) : UINT64_MAX;
}

void fake_take_guest_timer(struct cpu *cpu)
{
	struct vcpu *vcpu = cpu->arch.loaded;

	if (fake_guest_timer(cpu) > arch_counter())
		return;
	vcpu_vgic_out(vcpu);
	vgic_set_timer_line(vcpu, true);
}

void vcpu_vgic_in(struct vcpu *vcpu)
{
	if (!vcpu->vgic.in_memory)
		panic("list registers are filled twice");
	vgic_load(vcpu);
	if (fake_ich_in)
		fake_ich_in(vcpu);
	vcpu->vgic.in_memory = false;
}

struct arch_timer_lines arch_vcpu_timer_lines(const struct vcpu *vcpu)
{
	uint64_t virt = vtimer_deadline(vcpu);
	bool due = virt <= arch_counter();

	return (struct arch_timer_lines){ .virt = due, .next = due ? UINT64_MAX : virt };
}

bool serror_take(void)
{
	bool taken = fake_serror;

	fake_serror = false;
	return taken;
}

void serror_forward(struct vcpu *vcpu)
{
	vcpu->arch.hcr |= FAKE_HCR_VSE;
}

void arch_vcpu_load(struct vcpu *vcpu, struct cpu *cpu)
{
	struct arch_timer_lines lines;

	if (fake_serror)
		panic("the last vCPU's SError comes to the next");
	if (cpu->arch.loaded)
		panic("a vCPU is loaded over another");
	if (vcpu->state != VCPU_RUNNING)
		panic("a vCPU is loaded that is in state %d", vcpu->state);
	cpu->arch.loaded = vcpu;
	fake_vcpu.loads++;
	fake_vcpu.last_loaded = vcpu;
	lines = arch_vcpu_timer_lines(vcpu);
	vgic_set_timer_lines(vcpu, lines.virt, lines.phys);
	vcpu_vgic_in(vcpu);
}

void arch_vcpu_save(struct vcpu *vcpu, struct cpu *cpu)
{
	if (cpu->arch.loaded != vcpu)
		panic("a vCPU is saved that is not loaded");
	vcpu_vgic_out(vcpu);
	if (fake_serror)
		serror_leave(vcpu);
	cpu->arch.loaded = NULL;
	fake_vcpu.saves++;
}

bool arch_el1_is_big_endian(void)
{
	return fake_big_endian;
}

void arch_vcpu_sync_sysregs(struct vcpu *vcpu)
{
	if (this_cpu()->arch.loaded == vcpu)
		vcpu->arch.sysregs[0] = fake_sysreg;
}

void arch_fp_begin(void)
{
	if (this_cpu()->arch.loaded)
		panic("EL2 takes the FP registers while a vCPU is loaded");
}

void arch_fp_end(void)
{
}

void arch_vcpu_trap_wfe(struct vcpu *vcpu, bool trap)
{
	if (this_cpu()->arch.loaded != vcpu)
		panic("arch_vcpu_trap_wfe() for a vCPU that is not loaded");
	fake_vcpu.trap_wfe = trap;
}

bool arch_vcpu_serror_pending(const struct vcpu *vcpu)
{
	return false;
}

void arch_enter_guest(struct vcpu *vcpu)
{
	fake_vcpu.entries++;
	fake_vcpu.entered = entered = vcpu;
	longjmp(guest_entered, 1);
}

struct vcpu *fake_run_until_guest(void (*body)(void))
{
	fake_vcpu.entered = entered = NULL;
	if (!setjmp(guest_entered))
		body();
	return entered;
}

__thread unsigned int fake_deactivated;

void irqchip_deactivate(uint32_t intid)
{
	fake_deactivated++;
}

void arch_crash_capture(struct vcpu *vcpu, struct arch_crash *crash)
{
	crash->frame = vcpu->arch.frame;
}

void arch_crash_show(const struct arch_crash *crash)
{
}

unsigned int arch_vgic_nr_lrs(void)
{
	return fake_nr_lrs;
}

unsigned int arch_vgic_nr_lrs_hw(void)
{
	return fake_nr_lrs;
}
