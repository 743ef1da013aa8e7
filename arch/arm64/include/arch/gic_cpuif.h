/* SPDX-License-Identifier: MIT */
/* The GIC's physical CPU interface, system registers ICC_* (IHI 0069H, 12.2). On this CPU. */
#ifndef ARCH_GIC_CPUIF_H
#define ARCH_GIC_CPUIF_H

#include "lib/types.h"

/* System-register interface on, EOImode 1, all priorities, Group 1 enabled; ICH_* off. */
void gic_cpuif_init(void);

/* SGI intid, Group 1, to the CPU with these affinity bits. Stores before it are visible to the target. */
void gic_cpuif_send_sgi(uint64_t mpidr, unsigned int intid);

uint32_t gic_cpuif_ack(void);
void gic_cpuif_eoi(uint32_t intid);
void gic_cpuif_dir(uint32_t intid);

#endif
