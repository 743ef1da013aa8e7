// SPDX-License-Identifier: MIT
/*
 * The shell itself: keys to lines, lines to commands, help and completion. Commands are in the files of their
 * families; the line editor and the parser are shell_line.c and shell_parse.c.
 *
 * All of it runs on the boot CPU, in the UART's interrupt or a timer's, one at a time: no lock.
 */
#include "kernel/shell.h"

#include "arch/cpu.h"
#include "kernel/console.h"
#include "kernel/cpu.h"
#include "kernel/timer.h"
#include "kernel/vm/vm.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define PROMPT		"schism> "
#define OUTPUT_MAX	256
#define STEP_US		2000

static struct shell_line line;
static const struct vm *before;		/* who had the focus; NULL: nobody */
static bool (*step)(void);		/* what is left of a command */

static void next_step(struct timer *timer);
static struct timer step_timer = { .link = LIST_HEAD_INIT(step_timer.link), .fire = next_step };

void shell_print(const char *fmt, ...)
{
	char text[OUTPUT_MAX];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = fmt_vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	console_write_line(text, MIN((size_t)len, sizeof(text) - 1));
}

static void show_line(void)
{
	char text[sizeof(PROMPT) + SHELL_LINE_MAX];
	size_t len = (size_t)fmt_snprintf(text, sizeof(text), PROMPT "%s", line.text);

	console_prompt_show(text, len, sizeof(PROMPT) - 1 + line.cursor);
}

void shell_enter(void)
{
	if (!console_shell_has_focus()) {
		before = console_focus();
		console_focus_shell();
		shell_print("Schism's shell: \"help\" lists the commands, \"exit\" leaves");
	}
	show_line();
}

void shell_leave(void)
{
	console_set_focus(before);
	vm_end_if_waiting();
}

/* ---- commands ---- */

static const struct shell_command *find_command(const char *name)
{
	SECTION_FOREACH(struct shell_command, it, schism_shell) {
		if (!strcmp(it->name, name))
			return it;
	}
	return NULL;
}

static const struct shell_command *nth_command(unsigned int i)
{
	SECTION_FOREACH(struct shell_command, it, schism_shell) {
		if (!i--)
			return it;
	}
	return NULL;
}

const char *shell_nth_command(unsigned int i)
{
	const struct shell_command *command = nth_command(i);

	return command ? command->name : NULL;
}

const char *shell_nth_vm(unsigned int i)
{
	return i < nr_vms ? vms[i]->name : NULL;
}

struct vm *shell_find_vm(const char *name)
{
	struct vm *vm = vm_find(name);

	if (!vm)
		shell_print("no VM is called \"%s\"; \"vm list\" shows them", name);
	return vm;
}

static void show_usage(const struct shell_command *command)
{
	shell_print("usage: %s%s%s", command->name, command->args[0] ? " " : "", command->args);
}

static void run_line(void)
{
	const struct shell_command *command;
	struct shell_args args;

	if (!shell_split(&args, line.text)) {
		shell_print("more than %u words", SHELL_MAX_WORDS);
		return;
	}
	if (!args.n)
		return;
	command = find_command(args.word[0]);
	if (!command)
		shell_print("no command is called \"%s\"; \"help\" lists them", args.word[0]);
	else if (args.n - 1 < command->min || args.n - 1 > command->max)
		show_usage(command);
	else
		command->run(&args);
}

/* ---- commands that take several steps ---- */

static void arm_step(void)
{
	timer_arm(&this_cpu()->timers, &step_timer, arch_counter() + timer_us_to_ticks(STEP_US));
}

void shell_continue(bool (*next)(void))
{
	step = next;
	arm_step();
}

static void end_steps(void)
{
	step = NULL;
	if (console_shell_has_focus())
		show_line();
}

static void next_step(struct timer *timer)
{
	if (!step)
		return;
	if (console_is_busy() || step())
		arm_step();
	else
		end_steps();
}

/* ---- completion ---- */

/* What may stand where the cursor is, which is in the word *begin. */
static shell_nth *candidates(size_t *begin)
{
	const struct shell_command *command;
	struct shell_args args;
	char text[SHELL_LINE_MAX + 1];

	*begin = line.cursor;
	while (*begin && line.text[*begin - 1] != ' ')
		--*begin;
	memcpy(text, line.text, *begin);
	text[*begin] = '\0';
	if (!shell_split(&args, text))
		return NULL;
	if (!args.n)
		return shell_nth_command;
	command = find_command(args.word[0]);
	return command && args.n - 1 < SHELL_MAX_ARGS ? command->complete[args.n - 1] : NULL;
}

static void list_candidates(const char *word, size_t len, shell_nth *nth)
{
	char text[OUTPUT_MAX] = "";
	size_t used = 0;
	const char *it;

	for (unsigned int i = 0; (it = nth(i)); i++) {
		if (!strncmp(it, word, len) && used + strlen(it) + 3 < sizeof(text))
			used += (size_t)fmt_snprintf(text + used, sizeof(text) - used, "  %s", it);
	}
	console_prompt_leave();
	shell_print("%s", text);
}

static void complete(void)
{
	const char *common = "";
	size_t begin, len, common_len = 0;
	shell_nth *nth = candidates(&begin);
	unsigned int matches;

	len = line.cursor - begin;
	matches = shell_complete(line.text + begin, len, nth, &common, &common_len);
	if (matches > 1 && common_len == len)
		list_candidates(line.text + begin, len, nth);
	if (!matches)
		return;
	shell_line_insert(&line, common + len, common_len - len);
	if (matches == 1)
		shell_line_insert(&line, " ", 1);
}

/* ---- keys ---- */

static void line_done(void)
{
	console_prompt_leave();
	run_line();
	shell_line_clear(&line);
}

static void line_cancelled(void)
{
	line.text[0] = '\0';
	shell_line_clear(&line);
	console_prompt_leave();
}

void shell_key(char c)
{
	if (step) {
		if (c == 3)
			end_steps();
		return;
	}
	switch (shell_line_key(&line, c)) {
	case SHELL_LINE_NOTHING:
		return;
	case SHELL_LINE_CHANGED:
		break;
	case SHELL_LINE_DONE:
		line_done();
		break;
	case SHELL_LINE_CANCELLED:
		line_cancelled();
		break;
	case SHELL_LINE_COMPLETE:
		complete();
		break;
	case SHELL_LINE_END:
		console_prompt_leave();
		shell_leave();
		break;
	}
	if (!step && console_shell_has_focus())
		show_line();
}

/* ---- help, exit ---- */

static const struct shell_command *next_by_name(const struct shell_command *last)
{
	const struct shell_command *best = NULL;

	SECTION_FOREACH(struct shell_command, it, schism_shell) {
		if ((!last || strcmp(it->name, last->name) > 0) &&
		    (!best || strcmp(it->name, best->name) < 0))
			best = it;
	}
	return best;
}

static void help_on(const struct shell_command *command)
{
	const char *at = command->more;

	show_usage(command);
	shell_print("  %s", command->help);
	while (at && *at) {
		const char *end = strchr(at, '\n');
		size_t len = end ? (size_t)(end - at) : strlen(at);

		shell_print("  %.*s", (int)len, at);
		at += len + (end != NULL);
	}
}

static void run_help(const struct shell_args *args)
{
	const struct shell_command *it = NULL;

	if (args->n > 1) {
		it = find_command(args->word[1]);
		if (it)
			help_on(it);
		else
			shell_print("no command is called \"%s\"", args->word[1]);
		return;
	}
	while ((it = next_by_name(it)))
		shell_print("  %-9s%-34s%s", it->name, it->args, it->help);
	shell_print("Keys: Tab completes, Up and Down recall, Ctrl-U, Ctrl-K, Ctrl-C erase, Ctrl-D leaves");
}

static void run_exit(const struct shell_args *args)
{
	shell_leave();
}

SHELL_COMMAND(help) = {
	.name = "help", .args = "[COMMAND]", .help = "the commands, or one of them in detail",
	.max = 1, .complete = { shell_nth_command }, .run = run_help,
};

SHELL_COMMAND(exit) = {
	.name = "exit", .args = "", .help = "leave the shell; the console is whose it was before",
	.run = run_exit,
};
