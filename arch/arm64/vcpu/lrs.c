// SPDX-License-Identifier: MIT
/* List registers: out of them and into them again, with the virtual timer's line (IHI 0069H, 9 and 12.5). */
#include "arch/arm64/vcpu/lrs.h"

#include "arch/arm64/gic/ich.h"
#include "arch/arm64/vcpu/vtimer.h"
#include "arch/gic.h"
#include "arch/vcpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/irq.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu.h"

/* The guest may have silenced its timer before it took the interrupt, or while it handled it. */
static void drop_silenced_timer(struct vcpu *vcpu)
{
	if (!vgic_timer_is_raised(vcpu) || vtimer_is_asserted())
		return;
	vgic_set_timer_line(vcpu, false);
	vtimer_set_phys_active(vcpu, false);
}

void vcpu_vgic_out(struct vcpu *vcpu)
{
	if (vcpu->vgic.in_memory)
		return;
	vcpu->vgic.in_memory = true;
	WRITE_ONCE(this_cpu()->exit_work, true);
	ich_save(&vcpu->arch.ich, vcpu->vgic.used_lrs);
	vgic_save(vcpu);
	drop_silenced_timer(vcpu);
}

void vcpu_fill_lrs(struct vcpu *vcpu)
{
	vgic_load(vcpu);
	ich_load(&vcpu->arch.ich, vcpu->vgic.used_lrs);
	vcpu->vgic.in_memory = false;
	/* The virtual interrupt may have ended otherwise than through a hardware-linked list register. */
	if (vcpu->arch.vtimer.phys_active && !vgic_timer_is_live(vcpu))
		vtimer_set_phys_active(vcpu, false);
}

void vcpu_vgic_in(struct vcpu *vcpu)
{
	/* Ended by a trapped ICC_DIR_EL1 or by GICR_ICACTIVER0, the line being as when it was taken. */
	drop_silenced_timer(vcpu);
	vcpu_fill_lrs(vcpu);
}

static enum irq_result on_guest_timer(uint32_t intid)
{
	struct vcpu *vcpu = this_cpu()->current;
	uint64_t lr;

	if (!vcpu)
		return IRQ_DONE;
	lr = ich_read_first();
	if (!vcpu->vgic.in_memory && vgic_timer_again(vcpu, &lr)) {
		ich_write_first(lr);
	} else {
		vcpu_vgic_out(vcpu);
		vgic_set_timer_line(vcpu, true);
	}
	vcpu->arch.vtimer.phys_active = true;
	/* Physically active until the guest ends the virtual interrupt, or the vCPU leaves this CPU. */
	return IRQ_GUEST_OWNS;
}

static enum irq_result on_maintenance(uint32_t intid)
{
	/* Folding and refilling list registers is what takes the reason away. */
	if (this_cpu()->current)
		vcpu_vgic_out(this_cpu()->current);
	return IRQ_DONE;
}

int arch_vcpu_request_interrupts(void)
{
	int err = irq_request(machine.timer_virt_intid, on_guest_timer);

	return err ? err : irq_request(machine.gic_maint_intid, on_maintenance);
}

unsigned int arch_vgic_nr_lrs(void)
{
	return ich_nr_lrs();
}

unsigned int arch_vgic_nr_lrs_hw(void)
{
	return ich_nr_lrs_hw();
}
