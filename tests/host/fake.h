/* SPDX-License-Identifier: MIT */
/*
 * The machine that host tests run the kernel on: a processor, physical memory, a TLB that keeps a record,
 * a log in memory. A test links the fake_*.c that it needs and calls fake_reset() before it starts.
 */
#ifndef TESTS_HOST_FAKE_H
#define TESTS_HOST_FAKE_H

#include "kernel/base/cpu.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct vm;

/* ---- fake_cpu.c: processors ---- */

extern uint64_t fake_counter;
extern uint64_t fake_counter_hz;
extern uint64_t fake_timer_deadlines[CONFIG_NR_CPUS];	/* what the timers were armed for; UINT64_MAX: off */
#define fake_timer_deadline	fake_timer_deadlines[0]

/* What happens while the CPU sleeps; without one, sleeping is a panic. */
extern void (*fake_wfi)(void);

/* What happens meanwhile where the CPU spins; without one, other threads run. */
extern void (*fake_relax)(void);

/* RNDR: false when it has no number; without one, the CPUs have no RNDR. */
extern bool (*fake_random_hw)(uint64_t *value);

/* The state that boot leaves: one CPU online, cpus[0], and the calling thread is it. */
void fake_reset(void);

/* ---- fake_panic.c: the end ---- */

/*
 * Run body in a process of its own: whether it ended in panic() or an end of the machine. Its text is for
 * fake_panic_text(). Only what it does to fake_mem.c's memory stays. Anywhere else a panic fails the test.
 */
bool fake_panics(void (*body)(void *arg), void *arg);
const char *fake_panic_text(void);

/* ---- fake_log.c: log and console lines, each ended by a newline ---- */

extern const char *fake_reports_arg;	/* "reports=" of the machine's bootargs */
extern bool fake_console_full;	/* console_has_room() says no */
extern const struct vm *fake_focus;	/* who has the console */
void fake_log_clear(void);
const char *fake_log_text(void);
bool fake_log_has(const char *text);
unsigned int fake_log_lines(void);

/* ---- fake_mem.c: physical memory ---- */

/*
 * Memory from base on, size bytes, replacing what there was; none of it costs anything until touched.
 * EL2's view of it (hyp_pa_to_va) faults except where fake_mem_map() allowed it or a window is open, as
 * on the target.
 */
void fake_mem_init(uint64_t base, uint64_t size);
void fake_mem_map(uint64_t base, uint64_t size);
void fake_mem_free(void);

/* The test's own view, of all of it. */
void *fake_mem_raw(uint64_t pa);

/* Windows fail from now on, as they do when EL2's pool is exhausted. */
extern bool fake_mem_no_window;

/* ---- fake_tlb.c: maintenance of translation tables ---- */

enum fake_tlb_kind {
	FAKE_PT_SYNC,		/* arch_pt_sync() */
	FAKE_TLB_EL2,		/* arch_tlb_flush_el2(addr, size) */
	FAKE_TLB_IPA,		/* arch_tlb_flush_ipa(vttbr, addr, size) */
	FAKE_TLB_VM,		/* arch_tlb_flush_vm(vttbr) */
};

struct fake_tlb_op {
	enum fake_tlb_kind kind;
	uint64_t vttbr, addr, size;
};

#define FAKE_TLB_LOG	4096
extern struct fake_tlb_op fake_tlb_log[FAKE_TLB_LOG];
extern unsigned int fake_tlb_ops;	/* how many there were; only the first FAKE_TLB_LOG are kept */

/* Sees each operation as it happens. */
extern void (*fake_tlb_hook)(const struct fake_tlb_op *op);

void fake_tlb_clear(void);

/* ---- fake_vcpu.c: moving vCPUs onto CPUs and off ---- */

extern unsigned int fake_nr_lrs;	/* what arch_vgic_nr_lrs() returns */

extern uint64_t fake_sysreg;		/* what the processor has in the first one of arch.sysregs[] */
extern bool fake_big_endian;		/* EL1 of the vCPU that calls */

struct fake_vcpu_stats {
	unsigned int loads, saves, resets, entries;
	struct vcpu *last_loaded;
	struct vcpu *entered;		/* by arch_enter_guest(), which unwinds to fake_run_until_guest() */
	bool trap_wfe;			/* of the vCPU that was told last */
	bool last_big_endian;		/* of the last one that was reset */
};
extern __thread struct fake_vcpu_stats fake_vcpu;	/* of the calling thread's CPU */

/*
 * When the virtual timer of the vCPU on a CPU interrupts it (UINT64_MAX: never); and that interrupt, if it is
 * due.
 */
uint64_t fake_guest_timer(const struct cpu *cpu);
void fake_take_guest_timer(struct cpu *cpu);

/* Moving list registers to the hardware after they were filled, and from it before they are folded. */
extern void (*fake_ich_in)(struct vcpu *vcpu);
extern void (*fake_ich_out)(struct vcpu *vcpu);

/* An SError of the guest's is on its way: it is pending as soon as anybody waits for it. */
extern bool fake_serror;
#define FAKE_HCR_VSE	BIT(8)

/* Physical interrupts that the kernel itself deactivated. */
extern __thread unsigned int fake_deactivated;

/* Calls body, which is to end in arch_enter_guest(); returns the vCPU. */
struct vcpu *fake_run_until_guest(void (*body)(void));

/* ---- fake_workaround.c: what the CPUs need against speculation ---- */

extern int64_t fake_workarounds[];	/* by enum arch_workaround */
extern unsigned int fake_workaround_calls;

/* ---- fake_machine.c: all of it together, with VMs on top ---- */

/* Is called whenever a CPU looks for interrupts, as it does between two steps of work. */
extern void (*fake_irq_hook)(void);

extern unsigned int fake_ipis[CONFIG_NR_CPUS];	/* IPI_KICKs that were sent to each CPU */
extern unsigned int fake_fetches[CONFIG_NR_CPUS];	/* and IPI_FETCHes */

/* RAM, pool, schedulers of nr_cpus CPUs, hypercalls; no VM. The caller is CPU 0. */
void fake_machine_boot(unsigned int nr_cpus);

/* What a VM's job does up to its start: memory, vCPUs, images. It is STOPPED then. */
int fake_vm_load(struct vm *vm, const char **why);

/* What every exit of a guest ends with, on the calling CPU: the vCPU that goes on. */
struct vcpu *fake_leave_guest(struct vcpu *current);

/* The guest runs for that many counter ticks, interrupted by EL2's timer; the vCPU that runs then. */
struct vcpu *fake_run_for(struct vcpu *current, uint64_t ticks);

/* What its job does then. */
void fake_vm_start(struct vm *vm);

/* A VM of 4 MiB at GUEST_RAM_IPA, stopped, with a mailbox. */
struct vm *fake_vm(const char *name, unsigned int nr_vcpus);

#endif
