// SPDX-License-Identifier: MIT
/* Power control by PSCI (DEN0022), through HVC as Schism and bare QEMU have it. */
#include "guests/lib/guest.h"

static void __noreturn stop(void)
{
	guest_irq_mask();
	for (;;)
		__asm__ volatile("wfi");
}

void guest_system_off(void)
{
	guest_hvc0(PSCI_SYSTEM_OFF, 0, 0, 0);
	stop();
}

void guest_system_reset(void)
{
	guest_hvc0(PSCI_SYSTEM_RESET, 0, 0, 0);
	stop();
}
