// SPDX-License-Identifier: MIT
/* The only object that another commit alone makes be compiled anew: its header is scripts/version's. */
#include "kernel/base/version.h"

#include "generated/version.h"

const char *schism_version(void)
{
	return SCHISM_VERSION;
}
