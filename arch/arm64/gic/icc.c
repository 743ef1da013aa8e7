// SPDX-License-Identifier: MIT
/* The GIC's CPU interface on this CPU; see arch/gic_cpuif.h. */
#include "arch/gic_cpuif.h"

#include "arch/arm64/gic/ich.h"
#include "arch/arm64/sysreg.h"

#define SRE_SRE		BIT(0)
#define SRE_DFB		BIT(1)
#define SRE_DIB		BIT(2)
#define CTLR_EOIMODE	BIT(1)

void gic_cpuif_init(void)
{
	/* Without Enable, EL1's accesses to ICC_SRE_EL1 trap: no guest changes it for the next one. */
	sysreg_write(ICC_SRE_EL2, SRE_SRE | SRE_DFB | SRE_DIB);
	isb();
	sysreg_write(ICC_PMR_EL1, 0xff);
	sysreg_write(ICC_BPR1_EL1, 0);
	sysreg_write(ICC_CTLR_EL1, CTLR_EOIMODE);
	sysreg_write(ICC_IGRPEN1_EL1, 1);
	isb();
	ich_init();
	/*
	 * The guest's view of ICC_SRE_EL1: the system-register interface, always. Its value is one for
	 * physical and virtual accesses when EL1 is not in hypervisor routing.
	 */
	sysreg_write(ICC_SRE_EL1, SRE_SRE | SRE_DFB | SRE_DIB);
	isb();
}

void gic_cpuif_send_sgi(uint64_t mpidr, unsigned int intid)
{
	uint64_t aff0 = mpidr & 0xff;

	/* What the target is to find is written before it is told. */
	dsb(ishst);
	sysreg_write(ICC_SGI1R_EL1, (mpidr >> 32 & 0xff) << 48 | (aff0 / 16) << 44 |
		     (mpidr >> 16 & 0xff) << 32 | (uint64_t)intid << 24 | (mpidr >> 8 & 0xff) << 16 |
		     BIT(aff0 % 16));
	isb();
}

uint32_t gic_cpuif_ack(void)
{
	uint32_t intid = (uint32_t)sysreg_read(ICC_IAR1_EL1) & 0xffffff;

	/* The acknowledge before the handler's accesses to the device. */
	dsb(sy);
	return intid;
}

void gic_cpuif_eoi(uint32_t intid)
{
	sysreg_write(ICC_EOIR1_EL1, intid);
	isb();
}

void gic_cpuif_dir(uint32_t intid)
{
	sysreg_write(ICC_DIR_EL1, intid);
	isb();
}
