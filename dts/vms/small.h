/* SPDX-License-Identifier: MIT */
/* Many small VMs: 2 MiB and a page each, enough for counter_os. */
#ifndef DTS_SMALL_H
#define DTS_SMALL_H

#include "dts/vms/vms.h"

#define SMALL_VM(n)	vm_##n { LEARNING_VM(STR(small##n), "counter_os.elf", "rounds=5") };
#define SMALL_VMS_8(a, b, c, d, e, f, g, h) \
	SMALL_VM(a) SMALL_VM(b) SMALL_VM(c) SMALL_VM(d) SMALL_VM(e) SMALL_VM(f) SMALL_VM(g) SMALL_VM(h)

#endif
