/* SPDX-License-Identifier: MIT */
/*
 * Performance monitors of guests (Arm ARM D11). A vCPU's are in memory until it counts or lets EL0 at them;
 * from then on the registers move with it.
 */
#ifndef ARCH_ARM64_VCPU_PMU_H
#define ARCH_ARM64_VCPU_PMU_H

#include "arch/pmu.h"
#include "arch/vcpu.h"
#include "lib/types.h"

struct vcpu;

#if CONFIG_VPMU
/* Stop this CPU's counters, and note how many there are. */
void pmu_init_cpu(void);

/* Of a vCPU that is not on a CPU. */
void pmu_reset(struct vcpu *vcpu);

/* ID_AA64DFR0_EL1.PMUVer and ID_DFR0_EL1.PerfMon of guests, 0 if they have none. */
uint64_t pmu_version(void);
uint64_t pmu_version_aarch32(void);

/* A register of the loaded vCPU's PMU, by the fields of an ISS that name it; false if it has no such one. */
bool pmu_read(struct vcpu *vcpu, uint32_t iss, uint64_t *val);
bool pmu_write(struct vcpu *vcpu, uint32_t iss, uint64_t val);

/* With the vCPU's switch onto this CPU and off it, if vcpu->pmu.used. */
void pmu_load_used(struct vcpu *vcpu);
void pmu_save_used(struct vcpu *vcpu);
#else
static inline void pmu_init_cpu(void) { }
static inline void pmu_reset(struct vcpu *vcpu) { }
static inline uint64_t pmu_version(void) { return 0; }
static inline uint64_t pmu_version_aarch32(void) { return 0; }
static inline bool pmu_read(struct vcpu *vcpu, uint32_t iss, uint64_t *val) { return false; }
static inline bool pmu_write(struct vcpu *vcpu, uint32_t iss, uint64_t val) { return false; }
static inline void pmu_load_used(struct vcpu *vcpu) { }
static inline void pmu_save_used(struct vcpu *vcpu) { }
#endif

#endif
