// SPDX-License-Identifier: MIT
/*
 * What happens after vectors.S has saved a frame: recover from a synchronous exception that
 * guest_try() expects, and end the guest with a register dump on any other.
 */
#include "guests/lib/guest.h"

#define SPSR_NZCV		GENMASK(31, 28)
#define SPSR_DAIF		GENMASK(9, 6)
#define SPSR_MODE		GENMASK(4, 0)

void guest_handle_sync(struct guest_frame *frame);
void guest_handle_unexpected(struct guest_frame *frame);
void guest_handle_stack_overflow(void) __noreturn;
bool guest_try_call(void (*fn)(void *arg), void *arg);
extern char guest_try_recover[];

uint64_t guest_recovery_sp[GUEST_MAX_VCPUS];	/* of the innermost guest_try_call(), 0: none */
static struct guest_fault last_fault[GUEST_MAX_VCPUS];
static guest_hook_fn *hooks[GUEST_NR_HOOKS];
char guest_overflow_stack[GUEST_OVERFLOW_STACK_SIZE] __aligned(16);

static void fault_read(struct guest_fault *fault)
{
	fault->esr = guest_read_sysreg("esr_el1");
	fault->far = guest_read_sysreg("far_el1");
	fault->elr = guest_read_sysreg("elr_el1");
}

bool guest_try(void (*fn)(void *arg), void *arg, struct guest_fault *fault)
{
	if (!guest_try_call(fn, arg))
		return false;
	*fault = last_fault[guest_vcpu_id()];
	return true;
}

static void __noreturn frame_fatal(const struct guest_frame *frame)
{
	static const char *const kinds[] = { "synchronous", "irq", "fiq", "serror" };
	struct guest_fault fault;

	fault_read(&fault);
	for (int i = 0; i < 30; i += 3)
		guest_printf("x%-2d %016lx  x%-2d %016lx  x%-2d %016lx\n", i, frame->x[i], i + 1,
			     frame->x[i + 1], i + 2, frame->x[i + 2]);
	guest_printf("x30 %016lx  sp  %016lx  spsr %lx\n", frame->x[30], (uint64_t)(frame + 1),
		     frame->spsr);
	guest_fail(fault.esr, frame->elr, fault.far,
		   "guest: unexpected %s exception (vector %lu): ESR %lx ELR %lx FAR %lx",
		   kinds[frame->kind % 4], frame->kind, fault.esr, frame->elr, fault.far);
}

void guest_hook(enum guest_hook hook, guest_hook_fn *fn)
{
	WRITE_ONCE(hooks[hook], fn);
}

bool guest_hook_run(enum guest_hook hook, struct guest_frame *frame)
{
	guest_hook_fn *fn = READ_ONCE(hooks[hook]);

	return fn && fn(frame);
}

void guest_handle_sync(struct guest_frame *frame)
{
	unsigned int id = guest_vcpu_id();

	if (guest_hook_run(GUEST_HOOK_SYNC, frame))
		return;
	if (!guest_recovery_sp[id])
		frame_fatal(frame);
	fault_read(&last_fault[id]);
	frame->x[0] = guest_recovery_sp[id];
	frame->elr = (uint64_t)guest_try_recover;
	/* The rest (single step, illegal state, branch type) is the failed instruction's. */
	frame->spsr &= SPSR_NZCV | SPSR_DAIF | SPSR_MODE;
}

void guest_handle_unexpected(struct guest_frame *frame)
{
	if (guest_hook_run(frame->kind == GUEST_KIND_FIQ ? GUEST_HOOK_FIQ : GUEST_HOOK_OTHER, frame))
		return;
	frame_fatal(frame);
}

void guest_handle_stack_overflow(void)
{
	struct guest_fault fault;

	fault_read(&fault);
	guest_fail(fault.esr, fault.elr, fault.far,
		   "guest: stack overflow: ESR %lx ELR %lx FAR %lx", fault.esr, fault.elr,
		   fault.far);
}
