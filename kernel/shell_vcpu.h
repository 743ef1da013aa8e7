/* SPDX-License-Identifier: MIT */
/* What the shell's commands on VMs and on vCPUs share. */
#ifndef KERNEL_SHELL_VCPU_H
#define KERNEL_SHELL_VCPU_H

#include "lib/types.h"

struct vcpu;

/* Counter ticks on a CPU until now. Context: its VM's lock held. */
uint64_t vcpu_run_ticks(const struct vcpu *vcpu);

#endif
