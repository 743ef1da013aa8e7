// SPDX-License-Identifier: MIT
/* The GIC's virtual CPU interface: list registers and active priorities, to and from memory. */
#include "arch/arm64/gic/ich.h"

#include "arch/arm64/sysreg.h"
#include "arch/gic.h"
#include "kernel/base/log.h"
#include "lib/compiler.h"

#define VTR_LISTREGS		GENMASK(4, 0)
#define VTR_PREBITS		GENMASK(28, 26)

static unsigned int nr_lrs_hw;
static unsigned int nr_apr;
/* How many list registers of this CPU hold something; Schism's guests run on several CPUs. */
static unsigned int lrs_written[CONFIG_NR_CPUS];

#define FOR_EACH_LR(X)	\
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

#define ICH_LR(n)	ICH_LR_##n
#define ICH_LR_0	S3_4_C12_C12_0
#define ICH_LR_1	S3_4_C12_C12_1
#define ICH_LR_2	S3_4_C12_C12_2
#define ICH_LR_3	S3_4_C12_C12_3
#define ICH_LR_4	S3_4_C12_C12_4
#define ICH_LR_5	S3_4_C12_C12_5
#define ICH_LR_6	S3_4_C12_C12_6
#define ICH_LR_7	S3_4_C12_C12_7
#define ICH_LR_8	S3_4_C12_C13_0
#define ICH_LR_9	S3_4_C12_C13_1
#define ICH_LR_10	S3_4_C12_C13_2
#define ICH_LR_11	S3_4_C12_C13_3
#define ICH_LR_12	S3_4_C12_C13_4
#define ICH_LR_13	S3_4_C12_C13_5
#define ICH_LR_14	S3_4_C12_C13_6
#define ICH_LR_15	S3_4_C12_C13_7




static void lr_write(unsigned int n, uint64_t val)
{
	switch (n) {
#define X(i) case i: sysreg_write(ICH_LR_##i, val); break;
	FOR_EACH_LR(X)
#undef X
	default: break;
	}
}

static uint64_t lr_read(unsigned int n)
{
	switch (n) {
#define X(i) case i: return sysreg_read(ICH_LR_##i);
	FOR_EACH_LR(X)
#undef X
	default: return 0;
	}
}

void ich_init(void)
{
	uint64_t vtr = sysreg_read(ICH_VTR_EL2);
	unsigned int prebits = (unsigned int)FIELD_GET(VTR_PREBITS, vtr) + 1;

	nr_lrs_hw = (unsigned int)FIELD_GET(VTR_LISTREGS, vtr) + 1;
	nr_apr = prebits > 5 ? BIT(prebits - 5) : 1;
	for (unsigned int i = 0; i < nr_lrs_hw; i++)
		lr_write(i, 0);
	sysreg_write(ICH_HCR_EL2, 0);
}

unsigned int ich_nr_lrs_hw(void)
{
	return nr_lrs_hw;
}

unsigned int ich_nr_lrs(void)
{
	return MIN(nr_lrs_hw, (unsigned int)CONFIG_VGIC_NR_LRS);
}

uint64_t ich_vmcr_reset(void)
{
	/* Binary points at their minimum: reading back what the hardware keeps gives the right value. */
	return 0;
}

static void apr_load(const struct arch_ich *ich)
{
	sysreg_write(ICH_AP0R0_EL2, ich->ap0r[0]);
	sysreg_write(ICH_AP1R0_EL2, ich->ap1r[0]);
	if (nr_apr > 1) {
		sysreg_write(ICH_AP0R1_EL2, ich->ap0r[1]);
		sysreg_write(ICH_AP1R1_EL2, ich->ap1r[1]);
	}
	if (nr_apr > 2) {
		sysreg_write(ICH_AP0R2_EL2, ich->ap0r[2]);
		sysreg_write(ICH_AP1R2_EL2, ich->ap1r[2]);
		sysreg_write(ICH_AP0R3_EL2, ich->ap0r[3]);
		sysreg_write(ICH_AP1R3_EL2, ich->ap1r[3]);
	}
}

static void apr_save(struct arch_ich *ich)
{
	ich->ap0r[0] = sysreg_read(ICH_AP0R0_EL2);
	ich->ap1r[0] = sysreg_read(ICH_AP1R0_EL2);
	if (nr_apr > 1) {
		ich->ap0r[1] = sysreg_read(ICH_AP0R1_EL2);
		ich->ap1r[1] = sysreg_read(ICH_AP1R1_EL2);
	}
	if (nr_apr > 2) {
		ich->ap0r[2] = sysreg_read(ICH_AP0R2_EL2);
		ich->ap1r[2] = sysreg_read(ICH_AP1R2_EL2);
		ich->ap0r[3] = sysreg_read(ICH_AP0R3_EL2);
		ich->ap1r[3] = sysreg_read(ICH_AP1R3_EL2);
	}
}

uint64_t ich_read_first(void)
{
	return sysreg_read(ICH_LR_0);
}

void ich_write_first(uint64_t lr)
{
	sysreg_write(ICH_LR_0, lr);
}

void ich_load(const struct arch_ich *ich, unsigned int used)
{
	unsigned int *written = &lrs_written[arch_cpu_index()];

	for (unsigned int i = 0; i < used; i++)
		lr_write(i, ich->lr[i]);
	for (unsigned int i = used; i < *written; i++)
		lr_write(i, 0);
	*written = used;
	sysreg_write(ICH_VMCR_EL2, ich->vmcr);
	apr_load(ich);
	sysreg_write(ICH_HCR_EL2, ich->hcr | ICH_HCR_EN);
}

void ich_save(struct arch_ich *ich, unsigned int used)
{
	for (unsigned int i = 0; i < used; i++)
		ich->lr[i] = lr_read(i);
	ich->vmcr = sysreg_read(ICH_VMCR_EL2);
	ich->hcr = sysreg_read(ICH_HCR_EL2);
	apr_save(ich);
	/* EL2 leaves the interface off, so that no maintenance interrupt of a past vCPU arrives. */
	sysreg_write(ICH_HCR_EL2, 0);
}
