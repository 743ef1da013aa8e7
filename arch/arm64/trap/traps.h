/* SPDX-License-Identifier: MIT */
/* Traps from guests. */
#ifndef ARCH_ARM64_TRAP_TRAPS_H
#define ARCH_ARM64_TRAP_TRAPS_H

#include "lib/compiler.h"
#include "lib/types.h"

struct trap;
struct vcpu;

/* What a handler decided; trap_guest_sync() acts on it. */
enum trap_outcome {
	TRAP_RESUME,		/* go on at the same PC */
	TRAP_SKIP,		/* step over the instruction */
	TRAP_UNDEF,		/* inject: undefined instruction */
	TRAP_ABORT,		/* inject: external abort as in vcpu->abort, at the address of FAR_EL2 */
	TRAP_GUEST,		/* inject: the same trap, which by EL1's controls is EL1's */
};

/* Install this CPU's vectors. Context: each CPU, after cpu_init_this() and features_init(). */
void traps_init(void);

/*
 * Make the vCPU take an exception to EL1 as hardware would (Arm ARM D1.3.5, AArch64.TakeException):
 * synchronous, with this ESR and, where far_valid, FAR. Context: the vCPU is loaded.
 */
void inject_sync(struct vcpu *vcpu, uint64_t esr, uint64_t far, bool far_valid);
void inject_undef(struct vcpu *vcpu, const struct trap *trap);
/* A trap of EL0 that EL1 asked for, as it is in trap. */
void inject_trap(struct vcpu *vcpu, const struct trap *trap);
/* What vcpu->abort says, which is also logged. */
void inject_abort(struct vcpu *vcpu, const struct trap *trap, uint64_t far);

/* A trapped access to a system register, by the rows of sysreg.c. */
enum trap_outcome trap_sysreg(struct vcpu *vcpu, const struct trap *trap);

/*
 * The same by the fields of an MSR's or MRS's ISS that name the register. False: a guest has no such one, or
 * not in that direction. Context: the vCPU is loaded.
 */
bool guest_sysreg_read(struct vcpu *vcpu, uint32_t iss, uint64_t *val);
bool guest_sysreg_write(struct vcpu *vcpu, uint32_t iss, uint64_t val);

/* A trapped MMIO access; abort.c. */
enum trap_outcome trap_data_abort(struct vcpu *vcpu, const struct trap *trap);
enum trap_outcome trap_instr_abort(struct vcpu *vcpu, const struct trap *trap);

/* A line in the log on the abort of vcpu->abort, if there are not too many. */
void abort_report(struct vcpu *vcpu, const struct trap *trap, uint64_t far);

#endif
