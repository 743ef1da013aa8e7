// SPDX-License-Identifier: MIT
/*
 * Commands on vCPUs and guest memory: regs, exits, irq, peek.
 *
 * Each looks at one vCPU at a time under vm->lock, so that it is not given back meanwhile, copies what is to
 * be shown, and prints without a lock. A vCPU that runs changes all the while: its registers are fetched from
 * its CPU, all else that is shown of it is what it had when it last left the guest.
 */
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/timer.h"
#include "kernel/shell/shell.h"
#include "kernel/vgic/vgic.h"
#include "kernel/vm/vcpu_view.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

#define PEEK_MAX	256
#define PEEK_LINE	16
#define LIST_TEXT	100

/* ---- regs ---- */

#define FETCH_US	1000000	/* by then a CPU has answered, or is lost */

/* Whose are being fetched. */
static struct {
	struct vm *vm;
	unsigned int vcpu;
	uint64_t deadline;
} wanted;

static void show_sysregs(const uint64_t *sysregs)
{
	const char *a, *b;

	for (unsigned int i = 0; (a = arch_vcpu_sysreg_name(i)); i += 2) {
		b = arch_vcpu_sysreg_name(i + 1);
		if (b)
			shell_print("  %-15s %016lx  %-15s %016lx", a, sysregs[i], b, sysregs[i + 1]);
		else
			shell_print("  %-15s %016lx", a, sysregs[i]);
	}
}

static void show_regs(const struct vcpu_regs *regs)
{
	const uint64_t *x = regs->frame.x;

	if (regs->cpu)
		shell_print("%s, vCPU %u: %s, on CPU %u", wanted.vm->name, wanted.vcpu, regs->state,
			    regs->cpu->id);
	else
		shell_print("%s, vCPU %u: %s", wanted.vm->name, wanted.vcpu, regs->state);
	for (unsigned int i = 0; i < 28; i += 4)
		shell_print("  x%-2u %016lx %016lx %016lx %016lx", i, x[i], x[i + 1], x[i + 2], x[i + 3]);
	shell_print("  x28 %016lx %016lx %016lx", x[28], x[29], x[30]);
	shell_print("  pc  %016lx spsr %08lx", regs->frame.elr, regs->frame.spsr);
	show_sysregs(regs->sysregs);
}

static void say_no_such_vcpu(const struct vm *vm)
{
	shell_print("%s has %u vCPU(s) now, numbered from 0", vm->name, READ_ONCE(vm->nr_vcpus));
}

/* Whether the CPU that runs the vCPU has yet to answer. */
static bool fetch_regs(void)
{
	struct vcpu_regs regs;

	switch (vcpu_fetch_look(&regs)) {
	case VCPU_FETCH_NONE:
		say_no_such_vcpu(wanted.vm);
		return false;
	case VCPU_FETCH_ASKED:
		if (arch_counter() < wanted.deadline)
			return true;
		shell_print("%s, vCPU %u: its CPU does not answer", wanted.vm->name, wanted.vcpu);
		return false;
	case VCPU_FETCH_DONE:
		show_regs(&regs);
		return false;
	}
	return false;
}

static void run_regs(const struct shell_args *args)
{
	struct vm *vm = shell_find_vm(args->word[1]);
	uint64_t n = 0;

	if (!vm)
		return;
	if (args->n > 2 && !shell_number(args->word[2], CONFIG_MAX_VCPUS, &n)) {
		say_no_such_vcpu(vm);
		return;
	}
	wanted.vm = vm;
	wanted.vcpu = (unsigned int)n;
	wanted.deadline = arch_counter() + timer_us_to_ticks(FETCH_US);
	vcpu_fetch_begin(vm, wanted.vcpu);
	if (fetch_regs())
		shell_continue(fetch_regs);
}

SHELL_COMMAND(regs) = {
	.name = "regs", .args = "NAME [VCPU]", .help = "registers of a vCPU, 0 unless said otherwise",
	.more = "All are of the same moment; a vCPU that runs is interrupted for them, and goes on.",
	.min = 1, .max = 2, .complete = { shell_nth_vm }, .run = run_regs,
};

/* ---- exits ---- */

static void run_exits(const struct shell_args *args)
{
	struct vm *vm = shell_find_vm(args->word[1]);
	struct vcpu_view view;

	for (unsigned int i = 0; vm && vcpu_view(vm, i, &view); i++) {
		const uint64_t *n = view.exits;

		shell_print("vCPU %u: %lu switches, %lu us on CPU, %lu us stolen, %lu exceptions injected",
			    i, view.nr_switches, view.run_us, view.stolen_us, view.nr_injected);
		shell_print("  wfx %lu  hvc %lu  smc %lu  sysreg %lu  mmio %lu  abort %lu  fp %lu  irq %lu"
			    "  other %lu", n[EXIT_WFX], n[EXIT_HVC], n[EXIT_SMC], n[EXIT_SYSREG],
			    n[EXIT_MMIO], n[EXIT_ABORT], n[EXIT_FP], n[EXIT_IRQ], n[EXIT_OTHER]);
	}
	if (vm && !READ_ONCE(vm->nr_vcpus))
		shell_print("%s has no vCPUs now", vm->name);
}

SHELL_COMMAND(exits) = {
	.name = "exits", .args = "NAME", .help = "why a VM's vCPUs left the guest, switches, stolen time",
	.more = "Causes: wfx: WFI, WFE; hvc, smc: calls; sysreg: trapped registers; mmio: emulated devices;\n"
		"abort: other stage-2 faults; fp: first use of FP/SIMD; irq: physical interrupts.\n"
		"Stolen: ready to run, while others had the CPU. Null hypercalls are not counted.",
	.min = 1, .max = 1, .complete = { shell_nth_vm }, .run = run_exits,
};

/* ---- irq ---- */

#define WORDS	(VGIC_NR_INTIDS / 32)

struct irq_view {
	uint32_t enabled[WORDS], pending[WORDS], active[WORDS], in_lr[WORDS];
};

static void add(struct irq_view *view, const struct virq *irq)
{
	unsigned int word = irq->intid / 32;
	uint32_t bit = UINT32_C(1) << irq->intid % 32;

	view->enabled[word] |= irq->enabled ? bit : 0;
	view->pending[word] |= virq_pending(irq) ? bit : 0;
	view->active[word] |= irq->active ? bit : 0;
	view->in_lr[word] |= irq->in_lr ? bit : 0;
}

static void add_shared(struct irq_view *view, struct vm *vm)
{
	for (unsigned int i = 0; vm->vgic.spis && i < VGIC_NR_SPIS; i++) {
		struct virq *irq = &vm->vgic.spis[i];

		spin_lock(&vm->vgic.lock);
		/* Somebody's list registers may change it. */
		if (irq->on) {
			spin_lock(&irq->on->vgic.lock);
			add(view, irq);
			spin_unlock(&irq->on->vgic.lock);
		} else {
			add(view, irq);
		}
		spin_unlock(&vm->vgic.lock);
	}
}

/* Of vCPU 0 also the VM's shared interrupts. */
static void look_at_irqs(struct vcpu *vcpu, void *to)
{
	memset(to, 0, sizeof(struct irq_view));
	spin_lock(&vcpu->vgic.lock);
	for (unsigned int i = 0; i < VGIC_NR_PRIVATE; i++)
		add(to, &vcpu->vgic.priv[i]);
	spin_unlock(&vcpu->vgic.lock);
	if (vcpu->id == 0)
		add_shared(to, vcpu->vm);
}

static void show_irqs(const char *of, const struct irq_view *v, unsigned int first, unsigned int last)
{
	char a[LIST_TEXT], b[LIST_TEXT], c[LIST_TEXT], d[LIST_TEXT];

	shell_print("%s: enabled %s", of, shell_format_bits(a, sizeof(a), v->enabled, first, last));
	shell_print("  pending %s; active %s; in list registers %s",
		    shell_format_bits(b, 64, v->pending, first, last),
		    shell_format_bits(c, 64, v->active, first, last),
		    shell_format_bits(d, 64, v->in_lr, first, last));
}

static void run_irq(const struct shell_args *args)
{
	struct vm *vm = shell_find_vm(args->word[1]);
	struct irq_view view, shared;
	unsigned int i;

	for (i = 0; vm && vcpu_look(vm, i, look_at_irqs, &view); i++) {
		char name[] = "vCPU 00";

		if (i == 0)
			shared = view;
		name[5] = (char)('0' + i / 10);
		name[6] = (char)('0' + i % 10);
		if (i < 10)
			memmove(name + 5, name + 6, 2);
		show_irqs(name, &view, 0, 0);
	}
	if (i)
		show_irqs("shared", &shared, 1, WORDS - 1);
	else if (vm)
		shell_print("%s has no vCPUs now", vm->name);
}

SHELL_COMMAND(irq) = {
	.name = "irq", .args = "NAME", .help = "virtual interrupts: enabled, pending, active",
	.more = "INTIDs below 32 for each vCPU, then the shared ones. What is in a list register may have\n"
		"become active or ended since: that shows when the vCPU next leaves the guest.",
	.min = 1, .max = 1, .complete = { shell_nth_vm }, .run = run_irq,
};

/* ---- peek ---- */

static void show_bytes(uint64_t at, const uint8_t *bytes, unsigned int n)
{
	static const char digits[] = "0123456789abcdef";
	char hex[3 * PEEK_LINE + 1], text[PEEK_LINE + 1];

	memset(hex, ' ', sizeof(hex));
	for (unsigned int i = 0; i < n; i++) {
		hex[3 * i] = digits[bytes[i] >> 4];
		hex[3 * i + 1] = digits[bytes[i] & 0xf];
		text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? (char)bytes[i] : '.';
	}
	hex[3 * PEEK_LINE] = '\0';
	text[n] = '\0';
	shell_print("%010lx  %s |%s|", at, hex, text);
}

static void run_peek(const struct shell_args *args)
{
	struct vm *vm = shell_find_vm(args->word[1]);
	uint64_t at, len = 64;
	uint8_t bytes[PEEK_MAX];
	int err;

	if (!vm)
		return;
	if (!shell_number(args->word[2], UINT64_MAX, &at)) {
		shell_print("\"%s\" is not an address: decimal, or hexadecimal after 0x", args->word[2]);
		return;
	}
	if (args->n > 3 && (!shell_number(args->word[3], PEEK_MAX, &len) || !len)) {
		shell_print("\"%s\" is not a length: 1 to %u", args->word[3], PEEK_MAX);
		return;
	}
	/* Held, so that the memory is not given back under the copy. */
	spin_lock(&vm->lock);
	err = vm->nr_vcpus ? vm_read(vm, ipa(at), bytes, len) : -1;
	spin_unlock(&vm->lock);
	if (err) {
		shell_print("0x%lx, %lu bytes: not memory of %s", at, len, vm->name);
		return;
	}
	for (uint64_t i = 0; i < len; i += PEEK_LINE)
		show_bytes(at + i, bytes + i, (unsigned int)MIN(len - i, PEEK_LINE));
}

SHELL_COMMAND(peek) = {
	.name = "peek", .args = "NAME IPA [LEN]", .help = "guest memory in hexadecimal",
	.more = "IPA: an address as the VM's device tree has it, before the guest's own page tables.\n"
		"LEN: 1 to 256 bytes, 64 unless said otherwise.",
	.min = 2, .max = 3, .complete = { shell_nth_vm }, .run = run_peek,
};
