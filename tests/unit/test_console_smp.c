// SPDX-License-Identifier: MIT
/*
 * The console with several CPUs at it: guests print, on terminals that come and go, everybody logs, the
 * UART's interrupts come, characters are typed, the focus moves. Lines stay whole, and no log line is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/smp.h"

#include "kernel/base/log.h"
#include "kernel/base/panic.h"
#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "kernel/platform/machine.h"
#include "kernel/platform/this_machine.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

#define NR_CPUS		4		/* the first one has the UART's interrupts */
#define RUN_MS		500
#define GUEST_TEXT	"a guest's line, all of it."

/* ---- the UART: takes some characters, or none ---- */

static char shown[1 << 23];		/* by the console's lock */
static size_t nr_shown;
static bool tx_irq;
static unsigned int nr_typed;

static void slow_init(volatile void *regs, uint32_t clock_hz, uint32_t baud)
{
}

static size_t slow_write(volatile void *regs, const char *text, size_t len)
{
	size_t takes = smp_over() ? 4096 : below(24), n = MIN(len, takes);

	ASSERT(nr_shown + n < sizeof(shown));
	memcpy(shown + nr_shown, text, n);
	nr_shown += n;
	return n;
}

static int slow_getc(volatile void *regs)
{
	return nr_typed++ % 4 ? 'k' : -1;
}

static void slow_set_irqs(volatile void *regs, bool rx, bool tx)
{
	__atomic_store_n(&tx_irq, tx, __ATOMIC_RELAXED);
}

SERIAL_DRIVER(slow) = {
	.compatible = "test,slow",
	.init = slow_init,
	.write = slow_write,
	.getc = slow_getc,
	.set_irqs = slow_set_irqs,
};

/* ---- what is around it ---- */

bool boot_arg(const char *name, char *buf, size_t size)
{
	return false;
}

struct vm *vms[CONFIG_MAX_VMS];
unsigned int nr_vms;

bool machine_node_is(const void *fdt, int node, const char *compat)
{
	return false;
}

static void read_command(char c)
{
}

static void read_key(char c)
{
}

CONSOLE_READER(reader) = { .command = read_command, .key = read_key };

/* ---- guests: the first one has two vCPUs ---- */

static struct guest {
	struct vm vm;
	struct spinlock lock;
	struct console_port port;	/* by lock */
	unsigned int heard, rooms;
	uint8_t ring[CONSOLE_RING_SIZE];
} guests[2];

static struct guest *guest_of(struct console_port *port)
{
	return container_of(port, struct guest, port);
}

static void input(struct console_port *port, int c)
{
	struct guest *g = guest_of(port);

	spin_lock(&g->lock);
	g->heard += c == 'k';
	spin_unlock(&g->lock);
}

static void room(struct console_port *port)
{
	struct guest *g = guest_of(port);

	spin_lock(&g->lock);
	g->rooms++;
	spin_unlock(&g->lock);
}

static unsigned int unread(struct console_port *port)
{
	return READ_ONCE(guest_of(port)->heard) & 1;
}

static void attach(struct guest *g)
{
	g->port = (struct console_port){ .vm = &g->vm, .input = input, .room = room, .unread = unread };
	console_attach(&g->port, g->ring);
}

static void print(struct guest *g)
{
	static const char text[] = GUEST_TEXT "\n";

	/* A look without the lock, as at a register. */
	if (console_port_room(&g->port) < sizeof(text)) {
		console_watch_room();
		return;
	}
	spin_lock(&g->lock);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		console_port_put(&g->port, text[i]);
	if (below(16) == 0)
		console_port_end_line(&g->port);
	spin_unlock(&g->lock);
}

static unsigned int logged[NR_CPUS];

static void log_a_line(struct cpu *cpu)
{
	log_line(LOG_INFO, "CPU %u says %u", cpu->id, logged[cpu->id]++);
}

/* As the shell's command does: the log again, up to what was its end. */
static void read_log(void)
{
	uint64_t at = 0, end = log_end();
	char text[LOG_LINE_MAX];
	enum log_level level;
	unsigned int cpu, n;
	size_t len;

	while (log_read(&at, end, &level, text, &len)) {
		text[MIN(len, sizeof(text) - 1)] = '\0';
		ASSERT(strstr(text, "] console: ") ||
		       (strstr(text, "CPU ") &&
			sscanf(strstr(text, "CPU "), "CPU %u says %u", &cpu, &n) == 2));
	}
}

static void take_interrupts(void)
{
	if (__atomic_load_n(&tx_irq, __ATOMIC_RELAXED))
		console_tx_interrupt();
	console_rx_interrupt();
}

static void move_focus(void)
{
	if (below(4) == 0)
		console_focus_shell();
	else if (below(3) == 0)
		console_set_focus(NULL);
	else
		console_set_focus(&guests[below(2)].vm);
	(void)console_focus();
	console_hold(below(4) == 0);
}

static void come_and_go(struct guest *g)
{
	console_detach(&g->port);
	attach(g);
}

static void use_console(struct cpu *cpu)
{
	struct guest *g = &guests[cpu->id == NR_CPUS - 1];

	while (!smp_over()) {
		__atomic_fetch_add(&fake_counter, below(100000), __ATOMIC_RELAXED);
		if (fake_timer_deadlines[cpu->id] <= arch_counter())
			timer_interrupt(&cpu->timers);
		if (below(8) == 0)
			log_a_line(cpu);
		if (cpu->id == 0)
			take_interrupts();
		else
			print(g);
		if (cpu->id == 0 && below(16) == 0)
			move_focus();
		if (cpu->id == 0 && below(64) == 0)
			read_log();
		if (g == &guests[1] && below(32) == 0)
			come_and_go(g);
		(void)console_has_room();
	}
}

/* ---- the test ---- */

/* How much of the text is a piece of what guests print. */
static size_t piece_of_a_guest(const char *text)
{
	char piece[sizeof(GUEST_TEXT)] = "";
	size_t len;

	for (len = 0; len < sizeof(piece) - 1 && text[len]; len++) {
		piece[len] = text[len];
		if (!strstr(GUEST_TEXT, piece))
			break;
	}
	return len;
}

/* A line that is not Schism's: a guest's, or what the focus has left of one, or a mark. */
static bool is_of_a_guest(const char *line)
{
	const char *text = line[0] == '[' && strchr(line, ' ') ? strchr(line, ' ') + 1 : line;

	/* It may have begun long before it ended. */
	if (!strncmp(text, "... ", 4))
		text += 4;
	text += piece_of_a_guest(text);
	return !*text || !strcmp(text, " ...") || strstr(text, "characters dropped");
}

/* Lines come in their order; how many are missing before number n. */
static unsigned int count_missing(unsigned int *seen, unsigned int n)
{
	unsigned int missing = n - *seen;

	assert_true(n >= *seen);
	*seen = n + 1;
	return missing;
}

static void check_lines(void)
{
	unsigned int seen[NR_CPUS] = { 0 }, missing = 0, lost = 0, some;
	char *save = NULL;

	shown[nr_shown] = '\0';
	for (char *line = strtok_r(shown, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		const char *said = strstr(line, "CPU ");
		unsigned int cpu, n;

		if (said && sscanf(said, "CPU %u says %u", &cpu, &n) == 2)
			missing += count_missing(&seen[cpu], n);
		else if (sscanf(line, "... %u lines were not kept", &some) == 1)
			lost += some;
		else if (!strstr(line, "] console: ") && !is_of_a_guest(line))
			fail_msg("torn: '%s'", line);
	}
	for (unsigned int i = 0; i < NR_CPUS; i++)
		missing += count_missing(&seen[i], logged[i]);
	/* Of those that were held, guests' lines among them. */
	assert_true(missing <= lost);
}

static void test_lines_of_all_cpus_stay_whole(void **state)
{
	static const char *const names[] = { "one", "two" };

	if (CONFIG_NR_CPUS < NR_CPUS)
		skip();
	fake_reset();
	fake_counter = 1000000000;
	console_init(NULL, &slow, 0, 0);
	console_enable_irqs();
	for (unsigned int i = 0; i < ARRAY_SIZE(guests); i++) {
		guests[i].vm.id = i;
		guests[i].vm.name = names[i];
		guests[i].vm.state = VM_RUNNING;
		spin_init(&guests[i].lock, RANK_VDEV);
		attach(&guests[i]);
	}
	smp_run(NR_CPUS, RUN_MS, "kernel/console", use_console);
	for (unsigned int i = 0; i < ARRAY_SIZE(guests); i++)
		console_detach(&guests[i].port);
	console_flush();
	assert_false(console_is_busy());
	check_lines();
	printf("%u lines logged by CPU 0, %u and %u characters heard\n", logged[0], guests[0].heard,
	       guests[1].heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_of_all_cpus_stay_whole),
	};

	random_seed("test_console_smp");
	smp_state = 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
