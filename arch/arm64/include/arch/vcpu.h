/* SPDX-License-Identifier: MIT */
/*
 * The architectural part of a vCPU: everything that a guest sees of the processor, saved here whenever
 * the vCPU is not on a CPU. It stands first in struct vcpu, and the trap frame first in it: while the
 * guest runs, SP_EL2 points at the frame.
 */
#ifndef ARCH_VCPU_H
#define ARCH_VCPU_H

#include "lib/compiler.h"
#include "kernel/base/timer.h"
#include "lib/types.h"

struct vcpu;
struct vm_entry;
struct cpu;

/* EL1 and EL0 system registers that move with a vCPU; arch/arm64/vcpu/switch.c has the list by name. */
#define ARCH_NR_SYSREGS		32

struct trapframe {
	uint64_t x[31];
	uint64_t elr;
	uint64_t spsr;
};

/* ESR_EL2 of the last exit, decoded once. */
struct trap {
	uint32_t ec;
	uint32_t iss;
	uint32_t il;		/* size of the instruction: 2 or 4 bytes */
};

/* What is said of an external abort that the guest is about to take. */
struct arch_abort {
	uint32_t fsc;		/* for ESR_EL1 */
	uint64_t ipa;		/* what stage 2 refused, of a table walk the table's; NO_IPA: not known */
	const char *why;
	uint32_t insn;		/* the instruction, where that is why; else 0 */
};
#define ARCH_NO_IPA	UINT64_MAX

/* An exit of the guest, for crash records. */
#define ARCH_NR_EXITS	8
struct arch_exit {
	uint64_t esr, pc;
};

struct arch_fpsimd {
	uint64_t q[32][2];
	uint64_t fpcr;
	uint64_t fpsr;
} __aligned(16);

struct arch_pauth {
	uint64_t ia[2], ib[2], da[2], db[2], ga[2];
};

/* The GIC's virtual CPU interface. */
struct arch_ich {
	uint64_t lr[16];
	uint64_t ap0r[4];
	uint64_t ap1r[4];
	uint64_t vmcr;
	uint64_t hcr;
};

struct arch_vtimer {
	uint64_t cval;
	uint64_t ctl;
	uint64_t cntkctl;
	bool phys_active;	/* this CPU's physical interrupt may be active on the vCPU's behalf */
};

/* The physical timer is emulated: CNTP_CTL_EL0 (ENABLE, IMASK) and CNTP_CVAL_EL0. */
struct arch_ptimer {
	uint64_t cval;
	uint64_t ctl;
	struct timer timer;		/* armed on the CPU that runs the vCPU */
};

/* Self-hosted debug registers; loaded only while used. */
struct arch_debug {
	uint64_t bvr[16], bcr[16], wvr[16], wcr[16];
	uint64_t mdscr;
	bool os_lock;
	bool used;
};

/* Performance monitors (CONFIG_VPMU), as their registers are named; 31 is the cycle counter. */
struct arch_pmu {
	bool used;			/* in the CPU's registers while the vCPU is */
	bool line;			/* of its interrupt, as the virtual GIC knows it */
	uint64_t counter[32];		/* PMEVCNTR<n>_EL0, PMCCNTR_EL0 */
	uint64_t filter[32];		/* PMEVTYPER<n>_EL0, PMCCFILTR_EL0 */
	uint64_t pmcr;			/* less what is written only, or read only */
	uint64_t enabled;		/* PMCNTENSET_EL0 */
	uint64_t inten;			/* PMINTENSET_EL1 */
	uint64_t overflow;		/* PMOVSSET_EL0 */
	uint64_t selr;
	uint64_t userenr;
};

struct arch_vcpu {
	struct trapframe frame;		/* first: see above */
	uint64_t el2_sp;		/* EL2 stack of the CPU it runs on */
	struct trap trap;
	struct arch_pauth pauth;
	uint64_t hcr;
	uint64_t vmpidr;
	uint64_t vpidr;
	uint64_t vttbr;
	uint64_t sysregs[ARCH_NR_SYSREGS];
	uint64_t vdisr;			/* of hidden features, where the CPUs have them */
	uint64_t tpidr2;
	struct arch_vtimer vtimer;
	struct arch_ptimer ptimer;
	struct arch_ich ich;
	struct arch_debug debug;
	struct arch_fpsimd fpsimd;
	struct cpu *fp_cpu;		/* whose FP/SIMD registers may still be this vCPU's */
	struct arch_exit exits[ARCH_NR_EXITS];	/* the last ones, HVC and interrupts not among them */
	unsigned int nr_exits;		/* so far; exits[] is indexed by it */
};

/*
 * Put the vCPU into the architectural reset state that PSCI and the arm64 boot protocol describe: EL1h,
 * DAIF masked, MMU off, entry->pc, entry->args from x0 on, other registers 0, little-endian unless
 * entry->big_endian (DEN0022, 6.4). Where the entry is translated: MMU and caches on, 48 bits of addresses
 * in each half, 4 KiB granules, as seL4's elfloader has it. Context: the vCPU is not on a CPU.
 */
void arch_vcpu_reset(struct vcpu *vcpu, const struct vm_entry *entry);

/* Moves a vCPU onto this CPU and off it: system registers, timer, stage 2, keys; FP lazily. */
void arch_vcpu_load(struct vcpu *vcpu, struct cpu *cpu);
void arch_vcpu_save(struct vcpu *vcpu, struct cpu *cpu);

/*
 * Take the list registers back to memory and fold them, so that interrupt states are current; and give
 * them out again. Out is idempotent; in happens before the guest goes on (cpu->exit_work).
 */
void vcpu_vgic_out(struct vcpu *vcpu);
void vcpu_vgic_in(struct vcpu *vcpu);

/*
 * Let EL2 itself use FP/SIMD on this CPU between the two: libfdt's prebuilt code has some. What the CPU
 * held of a vCPU that is not loaded is in memory already. Context: no vCPU loaded.
 */
void arch_fp_begin(void);
void arch_fp_end(void);

/* Whether WFE by the vCPU on this CPU traps; WFI always does. Context: the vCPU is loaded here. */
void arch_vcpu_trap_wfe(struct vcpu *vcpu, bool trap);

/*
 * Whether EL2 has made an SError pending for the vCPU: that ends its WFI. Context: the vCPU is loaded here.
 */
bool arch_vcpu_serror_pending(const struct vcpu *vcpu);

/*
 * What the timers of a saved vCPU do to their interrupt lines now, and the counter value (CNTPCT) when the
 * next one of them changes: UINT64_MAX: never. Whether those interrupts are enabled is not asked.
 */
struct arch_timer_lines {
	bool virt, phys;
	uint64_t next;
};
struct arch_timer_lines arch_vcpu_timer_lines(const struct vcpu *vcpu);

/* Leaves EL2 for the vCPU, which is loaded. Does not return. */
void arch_enter_guest(struct vcpu *vcpu) __noreturn;

/* Bring vcpu->arch.sysregs up to date, and print such values by name. Context: loaded or saved. */
void arch_vcpu_sync_sysregs(struct vcpu *vcpu);
void arch_vcpu_show_sysregs(const uint64_t *sysregs);

/* The name of sysregs[i]; NULL beyond the last. */
const char *arch_vcpu_sysreg_name(unsigned int i);

/* Some of them by name, as last saved or synchronized. */
enum arch_sysreg_id {
	ARCH_SCTLR_EL1, ARCH_TCR_EL1, ARCH_TTBR0_EL1, ARCH_TTBR1_EL1, ARCH_VBAR_EL1, ARCH_ESR_EL1,
	ARCH_ELR_EL1,
};
uint64_t arch_vcpu_sysreg(const struct vcpu *vcpu, enum arch_sysreg_id id);

/* Whether EL1 of the vCPU on this CPU is big-endian (SCTLR_EL1.EE). Context: it is loaded here. */
bool arch_el1_is_big_endian(void);

/*
 * Have the interrupts handled that belong to the vCPU which runs here: of its virtual timer, and of its list
 * registers. Errors: those of irq_request(). Context: boot CPU, once.
 */
__must_check int arch_vcpu_request_interrupts(void);

#endif
