// SPDX-License-Identifier: MIT
/* Pointer authentication: whether the CPU shows it, and switching it on (DDI 0487, FEAT_PAuth). */
#include "guests/lib/guest.h"

#define ISAR1_APA_API		GENMASK(11, 4)
#define ISAR1_GPA_GPI		GENMASK(31, 24)
#define ISAR2_GPA3		GENMASK(11, 8)
#define ISAR2_APA3		GENMASK(15, 12)
#define ID_AA64ISAR2_EL1	"s3_0_c0_c6_2"

#define SCTLR_ENDB		BIT(13)
#define SCTLR_ENDA		BIT(27)
#define SCTLR_ENIB		BIT(30)
#define SCTLR_ENIA		BIT(31)

bool guest_has_pauth_address(void)
{
	return (guest_read_sysreg("id_aa64isar1_el1") & ISAR1_APA_API) ||
	       (guest_read_sysreg(ID_AA64ISAR2_EL1) & ISAR2_APA3);
}

bool guest_has_pauth_generic(void)
{
	return (guest_read_sysreg("id_aa64isar1_el1") & ISAR1_GPA_GPI) ||
	       (guest_read_sysreg(ID_AA64ISAR2_EL1) & ISAR2_GPA3);
}

void guest_pauth_enable(void)
{
	guest_write_sysreg("sctlr_el1", guest_read_sysreg("sctlr_el1") | SCTLR_ENIA | SCTLR_ENIB |
						SCTLR_ENDA | SCTLR_ENDB);
	guest_isb();
}
