// SPDX-License-Identifier: MIT
/* The virtual timer of guests (Arm ARM D11.2), and when either of their timers fires next. */
#include "arch/arm64/vcpu/vtimer.h"

#include "arch/arm64/sysreg.h"
#include "arch/arm64/vcpu/ptimer.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vm.h"

void vtimer_save(struct vcpu *vcpu)
{
	struct arch_vtimer *t = &vcpu->arch.vtimer;

	t->ctl = sysreg_read(cntv_ctl_el0);
	t->cval = sysreg_read(cntv_cval_el0);
	t->cntkctl = sysreg_read(cntkctl_el1);
	sysreg_write(cntv_ctl_el0, 0);
	isb();
}

/*
 * A VM that was never paused reads CNTPCT_EL0 itself; from the first pause on it traps. CNTPOFF_EL2
 * (FEAT_ECV) is not used: it counts for nothing unless EL3 wants it (SCR_EL3.ECVEn), which nobody can
 * see from here.
 */
static void load_offset(uint64_t offset)
{
	sysreg_write(cntvoff_el2, offset);
	sysreg_write(cnthctl_el2, offset ? 0 : CNTHCTL_EL1PCTEN);
}

void vtimer_load(struct vcpu *vcpu)
{
	const struct arch_vtimer *t = &vcpu->arch.vtimer;

	load_offset(READ_ONCE(vcpu->vm->cntvoff));
	sysreg_write(cntkctl_el1, t->cntkctl);
	sysreg_write(cntv_cval_el0, t->cval);
	isb();
	sysreg_write(cntv_ctl_el0, t->ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK));
}

bool vtimer_is_asserted(void)
{
	uint64_t ctl = sysreg_read(cntv_ctl_el0);

	return (ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK | CNT_CTL_ISTATUS)) ==
	       (CNT_CTL_ENABLE | CNT_CTL_ISTATUS);
}

void vtimer_set_phys_active(struct vcpu *vcpu, bool active)
{
	irqchip_set_active(machine.timer_virt_intid, active);
	vcpu->arch.vtimer.phys_active = active;
}

static uint64_t vtimer_deadline(const struct vcpu *vcpu)
{
	const struct arch_vtimer *t = &vcpu->arch.vtimer;

	if ((t->ctl & (CNT_CTL_ENABLE | CNT_CTL_IMASK)) != CNT_CTL_ENABLE)
		return UINT64_MAX;
	return vmtime_to_counter(vcpu->vm, t->cval);
}

struct arch_timer_lines arch_vcpu_timer_lines(const struct vcpu *vcpu)
{
	uint64_t virt = vtimer_deadline(vcpu), phys = ptimer_deadline(vcpu), now = arch_counter();
	struct arch_timer_lines lines = { .virt = virt <= now, .phys = phys <= now, .next = UINT64_MAX };

	if (!lines.virt)
		lines.next = virt;
	if (!lines.phys)
		lines.next = MIN(lines.next, phys);
	return lines;
}

/* While it was not here nobody changed them for good. */
void timers_load(struct vcpu *vcpu)
{
	uint64_t virt = vtimer_deadline(vcpu), phys = ptimer_deadline(vcpu), now = arch_counter();

	vgic_set_timer_lines(vcpu, virt <= now, phys <= now);
	if (phys > now && phys != UINT64_MAX)
		timer_arm(&this_cpu()->timers, &vcpu->arch.ptimer.timer, phys);
}
