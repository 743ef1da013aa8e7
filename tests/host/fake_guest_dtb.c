// SPDX-License-Identifier: MIT
/* For tests of emulated devices that don't look at the device tree. */
#include "kernel/load/guest_dtb.h"

void guest_dtb_begin_node(struct guest_dtb *dtb, const char *name, uint64_t base, uint64_t size)
{
}

void guest_dtb_end_node(struct guest_dtb *dtb)
{
}

void guest_dtb_bytes(struct guest_dtb *dtb, const char *name, const void *data, size_t size)
{
}

void guest_dtb_string(struct guest_dtb *dtb, const char *name, const char *value)
{
}

void guest_dtb_cells(struct guest_dtb *dtb, const char *name, const uint32_t *cells, unsigned int n)
{
}

void guest_dtb_flag(struct guest_dtb *dtb, const char *name)
{
}

void guest_dtb_console(struct guest_dtb *dtb, const char *name, uint64_t base)
{
}

void guest_dtb_spi(struct guest_dtb *dtb, uint32_t intid, uint32_t trigger)
{
}
