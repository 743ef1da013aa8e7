/* SPDX-License-Identifier: MIT */
/*
 * The guest runtime: everything that a bare EL1 guest may call.
 *
 * A guest is one C file that defines guest_main(). The runtime enters it at EL1h on one vCPU with
 *   - the MMU and caches on, an identity map (RAM writable and not executable, the image W^X, the
 *     GIC and UART as Device-nGnRnE, everything else unmapped, page 0 among it),
 *   - a 16 KiB stack with an unmapped page below it, vectors installed,
 *   - IRQs masked, FP/SIMD enabled at EL1, no timer running,
 *   - a valid mailbox: Schism's, or an empty one that the runtime made because nobody else did.
 * If guest_main() returns, the VM switches off by PSCI SYSTEM_OFF.
 *
 * The same ELF runs under Schism and bare on QEMU's virt board; there, nobody answers task reports,
 * and the runtime prints them on the UART instead.
 *
 * The vectors save no FP register, because the runtime's C is built -mgeneral-regs-only. An
 * interrupt handler must not use FP either: build guests the same way and do FP work in assembly
 * (cpu_state.S), or keep handlers in files that are. The compiler must not sign return addresses
 * (branch protection): a guest may change the keys while functions are active.
 *
 * Entered on one vCPU; further ones by guest_vcpu_start(). No allocation is ever freed, and nothing here
 * takes a lock: console, reports, mailbox, heap and mappings are for the first vCPU. Functions that may
 * not be called from an interrupt handler say so.
 */
#ifndef GUESTS_LIB_GUEST_H
#define GUESTS_LIB_GUEST_H

#include "guests/lib/asm.h"
#include "guests/lib/hypercall.h"
#include "lib/compiler.h"
#include "lib/types.h"
#include "schism/abi/guest_layout.h"

/* The guest itself. dtb: what x0 held at entry, a device tree's address or 0. */
void guest_main(uint64_t dtb);

/* ---- system registers ----------------------------------------------------------------------- */

#define guest_read_sysreg(name)									\
	({											\
		uint64_t value_;								\
												\
		__asm__ volatile("mrs %0, " name : "=r"(value_) : : "memory");			\
		value_;										\
	})
#define guest_write_sysreg(name, value)								\
	__asm__ volatile("msr " name ", %0" : : "r"((uint64_t)(value)) : "memory")
#define guest_isb()		__asm__ volatile("isb" : : : "memory")
#define guest_dsb()		__asm__ volatile("dsb sy" : : : "memory")

/* ---- device registers ----------------------------------------------------------------------- */

/*
 * Single loads and stores without writeback: a hypervisor gets a valid syndrome for them and can
 * emulate the access without decoding the instruction.
 */
static inline uint32_t guest_mmio_read32(uint64_t addr)
{
	uint32_t value;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(addr) : "memory");
	return value;
}

static inline void guest_mmio_write32(uint64_t addr, uint32_t value)
{
	__asm__ volatile("str %w0, [%1]" : : "rZ"(value), "r"(addr) : "memory");
}

static inline uint8_t guest_mmio_read8(uint64_t addr)
{
	uint32_t value;

	__asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(addr) : "memory");
	return (uint8_t)value;
}

static inline void guest_mmio_write8(uint64_t addr, uint8_t value)
{
	__asm__ volatile("strb %w0, [%1]" : : "rZ"((uint32_t)value), "r"(addr) : "memory");
}

static inline uint64_t guest_mmio_read64(uint64_t addr)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(addr) : "memory");
	return value;
}

static inline void guest_mmio_write64(uint64_t addr, uint64_t value)
{
	__asm__ volatile("str %x0, [%1]" : : "rZ"(value), "r"(addr) : "memory");
}

/* ---- console -------------------------------------------------------------------------------- */

/* Write to the PL011, polling until it takes each character. */
void guest_putchar(char c);
void guest_puts(const char *s);
/* Format as lib/fmt.h does; a line is cut after 255 characters. Not from an interrupt handler. */
void guest_printf(const char *fmt, ...) __printf_like(1, 2);

/* ---- power ---------------------------------------------------------------------------------- */

/* PSCI SYSTEM_OFF and SYSTEM_RESET (DEN0022). Should a call return all the same, wait for ever. */
void guest_system_off(void) __noreturn;
void guest_system_reset(void) __noreturn;

/* ---- reports and the mailbox ---------------------------------------------------------------- */

/*
 * Report to Schism (hvc #0x60; the meaning of the values is the task's, see the ABI header), or as
 * a line on the UART when nothing answers. seq counts this guest's reports from 0. Not from an
 * interrupt handler.
 */
void guest_task_report(enum guest_task task, enum guest_event event, uint64_t seq, uint64_t v0,
		       uint64_t v1, uint64_t v2);
/* True once a task report has been answered; false before the first one and on bare hardware. */
bool guest_under_schism(void);

/*
 * Set the mailbox slot of that name, taking a free one for a new name; a full mailbox or a
 * destroyed one swallows the value. Names are cut after 23 characters.
 */
void guest_log_value(const char *name, uint64_t value);
/* Log the architectural facts: EL, SP, heap, MPIDR, CNTFRQ, VBAR, SCTLR, TCR, ID registers… */
void guest_log_facts(void);

/*
 * The number that follows "name=" in the mailbox's arguments (decimal, or hexadecimal after 0x), or
 * fallback when there is none. Arguments are separated by spaces.
 */
uint64_t guest_arg(const char *name, uint64_t fallback);
/* Whether the arguments hold exactly "name=value". */
bool guest_arg_is(const char *name, const char *value);

/*
 * A check failed: print the text, report GUEST_EVENT_FAIL with the values, and switch off. The task
 * and sequence number are those of the latest report, plus one.
 */
void guest_fail(uint64_t v0, uint64_t v1, uint64_t v2, const char *fmt, ...) __printf_like(4, 5)
	__noreturn;

/* ---- memory --------------------------------------------------------------------------------- */

/*
 * Bytes from the private heap between the image and GUEST_WORK_IPA, zeroed, aligned to align (a
 * power of two), never freed; NULL when it is exhausted.
 */
void *guest_alloc(size_t size, size_t align);
uint64_t guest_heap_base(void);

enum guest_map {
	GUEST_MAP_DEVICE,		/* Device-nGnRnE, writable, never executable */
	GUEST_MAP_RW,			/* Normal write-back, writable, never executable */
	GUEST_MAP_RO,
	GUEST_MAP_RX,
};

/*
 * Map [base, base + size) onto itself, in 2 MiB blocks where alignment allows. For addresses below
 * 512 GiB that are not mapped yet; page aligned. guest_fail()s when out of tables.
 */
void guest_mmu_map(uint64_t base, uint64_t size, enum guest_map type);
/* First address beyond what stage 1 can put out: 512 GiB, or as far as the CPU has bits. */
uint64_t guest_mmu_limit(void);

/* ---- exceptions ----------------------------------------------------------------------------- */

/* What the vectors save. Nothing of FP/SIMD, see above. */
struct guest_frame {
	uint64_t x[31];
	uint64_t elr, spsr;
	uint64_t kind;			/* index of the vector, 0..15, in the table's order */
};

struct guest_fault {
	uint64_t esr, far, elr;
};

/*
 * Call fn(arg) and come back even if it takes a synchronous exception. Returns whether it did, and
 * then describes it in *fault; whatever fn had pushed is dropped. Calls may nest. An interrupt
 * handler that faults does not come back here: that is fatal. fn may be any address, mapped or not.
 */
bool guest_try(void (*fn)(void *arg), void *arg, struct guest_fault *fault);

/*
 * A handler that goes before the runtime's own, on every vCPU: for synchronous exceptions, IRQs and FIQs
 * at EL1h, and for all that come otherwise (from EL1t, from EL0, SError). It returns whether it dealt with
 * the exception; what it changes in the frame takes effect. IRQs and FIQs are masked when it is called; it
 * may unmask them and nest, but has to mask them again.
 */
enum guest_hook {
	GUEST_HOOK_SYNC,
	GUEST_HOOK_IRQ,
	GUEST_HOOK_FIQ,
	GUEST_HOOK_OTHER,
	GUEST_NR_HOOKS,
};
typedef bool guest_hook_fn(struct guest_frame *frame);
/* NULL takes the hook off. */
void guest_hook(enum guest_hook hook, guest_hook_fn *fn);

#define ESR_EC(esr)		FIELD_GET(GENMASK(31, 26), esr)
#define ESR_IL			BIT(25)
#define ESR_ISV			BIT(24)
#define ESR_FNV			BIT(10)
#define ESR_S1PTW		BIT(7)
#define ESR_WNR			BIT(6)
#define ESR_FSC(esr)		FIELD_GET(GENMASK(5, 0), esr)
#define ESR_EC_UNKNOWN		0x00
#define ESR_EC_IABT_SAME_EL	0x21
#define ESR_EC_DABT_SAME_EL	0x25
#define ESR_FSC_SYNC_EXTERNAL	0x10

/*
 * Single accesses for guest_try(): each executes one instruction of that name on addr and returns.
 * LDADD needs FEAT_LSE, DC ZVA needs DCZID_EL0.DZP clear. ldr_post has register writeback.
 */
void guest_probe_ldrb(void *addr);
void guest_probe_ldrh(void *addr);
void guest_probe_ldr_w(void *addr);
void guest_probe_ldr_x(void *addr);
void guest_probe_ldr_q(void *addr);
void guest_probe_ldrsw(void *addr);
void guest_probe_ldr_post(void *addr);
void guest_probe_ldp(void *addr);
void guest_probe_ldxr(void *addr);
void guest_probe_ldar(void *addr);
void guest_probe_strb(void *addr);
void guest_probe_strh(void *addr);
void guest_probe_str_w(void *addr);
void guest_probe_str_x(void *addr);
void guest_probe_str_q(void *addr);
void guest_probe_str_post(void *addr);
void guest_probe_stp(void *addr);
void guest_probe_stlr(void *addr);
void guest_probe_ldadd(void *addr);
void guest_probe_dc_zva(void *addr);
void guest_probe_prfm(void *addr);

/* ---- further vCPUs -------------------------------------------------------------------------- */

/* This vCPU's number, 0 for the one that guest_main() runs on. */
static inline unsigned int guest_vcpu_id(void)
{
	return guest_read_sysreg("mpidr_el1") & (GUEST_MAX_VCPUS - 1);
}

/* How many there are, by the list of redistributors; up to GUEST_MAX_VCPUS. */
unsigned int guest_nr_vcpus(void);
/*
 * Switch vCPU id on (PSCI CPU_ON): it gets the caller's address space, a stack of its own with the vectors
 * installed and IRQs masked, calls fn(arg), and switches itself off when that returns. Returns PSCI's
 * answer. id is neither 0 nor the caller's.
 */
int64_t guest_vcpu_start(unsigned int id, void (*fn)(void *arg), void *arg);
/* The same in two steps: prepare once, then PSCI CPU_ON with *entry and *context, by anyone. */
void guest_vcpu_prepare(unsigned int id, void (*fn)(void *arg), void *arg, uint64_t *entry,
			uint64_t *context);
/* PSCI AFFINITY_INFO: 0 on, 1 off, 2 about to be on. */
int64_t guest_vcpu_state(unsigned int id);

/* Let others run while waiting for them; who ends the wait should say so with guest_notify(). */
static inline void guest_relax(void)
{
	__asm__ volatile("wfe" : : : "memory");
}

static inline void guest_notify(void)
{
	__asm__ volatile("dsb ish\n\tsev" : : : "memory");
}

/* ---- interrupts and time -------------------------------------------------------------------- */

/*
 * Bring up this vCPU's redistributor and CPU interface, and on vCPU 0 the distributor: group 1, EOImode 0,
 * all priorities pass. IRQs stay masked.
 */
void guest_gic_init(void);
/* This vCPU's redistributor, by affinity; 0 if there is none. */
uint64_t guest_gic_redist(void);
/*
 * Enable a private interrupt (INTID 0..31) with a handler, which runs with IRQs masked between
 * acknowledge and end of interrupt.
 */
void guest_irq_enable(unsigned int intid, void (*handler)(void));
/* How many acknowledgements found nothing pending (INTID 1020..1023). */
uint64_t guest_irq_nr_spurious(void);

static inline void guest_irq_unmask(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static inline void guest_irq_mask(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
}

/* CNTVCT_EL0, not speculated ahead of what precedes it. */
static inline uint64_t guest_counter(void)
{
	guest_isb();
	return guest_read_sysreg("cntvct_el0");
}

/*
 * Start a periodic tick of the virtual timer, hz per second, and unmask IRQs. Tick n is due at
 * start + n * period. A vCPU that was not running when several ticks fell due takes one interrupt
 * for them all: ticks count periods, not interrupts. Needs guest_gic_init().
 */
void guest_timer_start(unsigned int hz);
/* Periods that the tick handler has seen elapse. */
uint64_t guest_ticks(void);
/* How many tick interrupts have been taken. */
uint64_t guest_tick_interrupts(void);
/* WFI until guest_ticks() >= ticks. Not from an interrupt handler. */
void guest_wfi_until(uint64_t ticks);
/*
 * Check the clock: CNTVCT has not gone back since the last check, has reached the latest tick's due
 * time, no interrupt came before its tick was due, and no tick that is due is missing. NULL when
 * all is well, else what is not.
 */
const char *guest_timer_check(void);

/* ---- registers held over a preemption ------------------------------------------------------- */

/*
 * Get ready for guest_hold(), switching pointer authentication on where the CPU has it. Returns
 * whether it has.
 */
bool guest_hold_init(void);
/*
 * Put patterns made from seed into every register that belongs to this guest (see hold.c), spin,
 * WFI until the next interrupt, spin again, and compare. spins is half the count of iterations, of
 * two instructions each, and at least 1. Masked IRQs are unmasked at the end. NULL when nothing was
 * lost, else a text that says what, valid until the next call. A timer must be running.
 */
const char *guest_hold(uint64_t seed, uint64_t spins, bool irqs_masked);

/* The parts of guest_hold(): FP/SIMD and general registers. x[0] is not held: it counts. */
struct guest_cpu_state {
	uint64_t v[32][2];
	uint64_t fpcr, fpsr;
	uint64_t x[31];
};

/*
 * Load every register from *want, spin for that many iterations of two instructions (at least one),
 * WFI, spin as long again, and store every register to *got. However short the spinning, the WFI
 * lets the hypervisor run somebody else meanwhile. A timer must be running; IRQs may be masked.
 */
void guest_cpu_hold(const struct guest_cpu_state *want, struct guest_cpu_state *got,
		    uint64_t spins);

/*
 * The sum of 1/k^2 for k = 1..16 * n in double precision, in 16 partial sums kept in d16..d31 and
 * added up at the end, with that FPCR; 65 instructions per n. Returns the result's bits and stores
 * the FPSR that cleared flags became.
 */
uint64_t guest_fp_series(uint64_t n, uint64_t fpcr, uint64_t *fpsr);

struct guest_pauth_keys {
	uint64_t lo_hi[5][2];		/* APIA, APIB, APDA, APDB, APGA */
};

struct guest_pauth_sigs {
	uint64_t ia, ib, da, db, ga;
};

/* FEAT_PAuth for addresses, and for generic data (APGA), as the ID registers tell. */
bool guest_has_pauth_address(void);
bool guest_has_pauth_generic(void);
/* Enable the address keys in SCTLR_EL1. */
void guest_pauth_enable(void);
/* generic: whether APGAKey exists as well; else it is not touched, and reads as zero. */
void guest_pauth_write_keys(const struct guest_pauth_keys *keys, bool generic);
void guest_pauth_read_keys(struct guest_pauth_keys *keys, bool generic);
/* Sign pointer with each key. */
void guest_pauth_sign(uint64_t pointer, uint64_t modifier, struct guest_pauth_sigs *sigs,
		      bool generic);
/* Authenticate what PACIA made; altered, it comes back non-canonical, or faults (FEAT_FPAC). */
uint64_t guest_pauth_autia(uint64_t pointer, uint64_t modifier);

/* ---- between the runtime's files ------------------------------------------------------------ */

extern char __image_start[], __text_end[], __rodata_end[], __data_start[];
extern char __bss_start[], __bss_end[], __stack_bottom[], __stack_top[], __image_end[];
extern char guest_vectors[];

#define GUEST_KIND_FIQ		6	/* in struct guest_frame */

bool guest_hook_run(enum guest_hook hook, struct guest_frame *frame);
void guest_mmu_init(void);
void guest_mailbox_init(void);

_Static_assert(offsetof(struct guest_frame, elr) == FRAME_ELR, "asm.h");
_Static_assert(offsetof(struct guest_frame, spsr) == FRAME_SPSR, "asm.h");
_Static_assert(offsetof(struct guest_frame, kind) == FRAME_KIND, "asm.h");
_Static_assert(sizeof(struct guest_frame) == FRAME_SIZE, "asm.h");
_Static_assert(offsetof(struct guest_cpu_state, fpcr) == CPU_STATE_FPCR, "asm.h");
_Static_assert(offsetof(struct guest_cpu_state, fpsr) == CPU_STATE_FPSR, "asm.h");
_Static_assert(offsetof(struct guest_cpu_state, x) == CPU_STATE_X(0), "asm.h");
_Static_assert(sizeof(struct guest_cpu_state) == CPU_STATE_SIZE, "asm.h");
_Static_assert(offsetof(struct guest_pauth_sigs, ga) == PAUTH_SIG_GA, "asm.h");

#endif
