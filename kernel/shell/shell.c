// SPDX-License-Identifier: MIT
/*
 * The shell itself: keys to lines, lines to commands, help and completion. Commands are in the files of their
 * families; the line editor and the parser are line.c and parse.c.
 *
 * All of it runs on the boot CPU, in the UART's interrupt or a timer's, one at a time: no lock.
 */
#include "kernel/shell/shell.h"

#include "arch/cpu.h"
#include "kernel/base/cpu.h"
#include "kernel/base/timer.h"
#include "kernel/console/console.h"
#include "kernel/vm/vm.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define PROMPT		"schism> "
#define MORE		"-- more: a key goes on, q ends --"
#define COLUMNS		79	/* of any terminal; a longer line would not be redrawn well */
#define OUTPUT_MAX	256
#define STEP_US		2000
#define CTRL_C		3

static struct shell_line line;
static const struct vm *before;		/* who had the focus; NULL: nobody */
static bool (*step)(void);		/* what is left of a command */
static bool paused;			/* it waits for a key */

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
	char text[COLUMNS + 1] = PROMPT;
	size_t at = sizeof(PROMPT) - 1, cursor = shell_line_show(&line, text + at, COLUMNS - at);

	console_prompt_show(text, strlen(text), at + cursor);
}

static void end_steps(void);

static void enter(void)
{
	if (!console_shell_has_focus()) {
		before = console_focus();
		console_focus_shell();
		shell_print("Schism's shell: \"help\" lists the commands, \"exit\" leaves");
	}
	if (step)
		end_steps();
	else
		show_line();
}

/* What is said of a VM that does not run comes before its terminal's begun line. */
bool shell_give_console(const struct vm *vm)
{
	char text[VM_STANDING_LEN];

	if (vm && vm_is_at_rest(vm))
		shell_print("the console goes to %s", vm_standing(vm, text, sizeof(text)));
	console_set_focus(vm);
	vm_end_if_waiting();
	return console_focus() == vm;
}

void shell_leave(void)
{
	if (!shell_give_console(before))
		shell_print("%s has no terminal now: nobody has the console", before->name);
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
		shell_no_such("VM", name, shell_nth_vm, "\"vm list\" shows them");
	return vm;
}

static void show_usage(const struct shell_command *command)
{
	shell_print("usage: %s%s%s", command->name, command->args[0] ? " " : "", command->args);
}

void shell_no_such(const char *what, const char *word, shell_nth *nth, const char *how)
{
	const char *nearest = shell_nearest(word, nth);

	if (nearest)
		shell_print("no %s is called \"%s\"; did you mean \"%s\"?", what, word, nearest);
	else
		shell_print("no %s is called \"%s\"; %s", what, word, how);
}

/* Whose first argument such a word is, of its own list: "start" is vm's. */
static const struct shell_command *whose_argument(const char *word)
{
	SECTION_FOREACH(struct shell_command, it, schism_shell) {
		shell_nth *nth = it->complete[0];
		const char *name;

		if (nth == shell_nth_vm || nth == shell_nth_command)
			continue;
		for (unsigned int i = 0; nth && (name = nth(i)); i++) {
			if (!strcmp(name, word))
				return it;
		}
	}
	return NULL;
}

/* What other shells call it. */
static const char *own_word_for(const char *word)
{
	static const char *const words[][2] = {
		{ "?", "help" }, { "quit", "exit" }, { "logout", "exit" }, { "halt", "poweroff" },
		{ "shutdown", "poweroff" }, { "ls", "vm list" }, { "ps", "sched" }, { "top", "sched" },
		{ "free", "mem" }, { "dmesg", "log" }, { "ver", "version" }, { "dump", "peek" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i][0], word))
			return words[i][1];
	}
	return NULL;
}

static void say_unknown(const char *word)
{
	const struct shell_command *command = whose_argument(word);
	const char *own = own_word_for(word);

	if (command)
		shell_print("no command is called \"%s\"; did you mean \"%s %s\"?", word, command->name,
			    word);
	else if (own)
		shell_print("no command is called \"%s\"; did you mean \"%s\"?", word, own);
	else
		shell_no_such("command", word, shell_nth_command, "\"help\" lists them");
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
		say_unknown(args.word[0]);
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
	paused = false;
	arm_step();
}

void shell_pause(void)
{
	paused = true;
}

static void end_steps(void)
{
	step = NULL;
	paused = false;
	if (console_shell_has_focus())
		show_line();
}

static void next_step(struct timer *timer)
{
	if (!step || paused)
		return;
	if (console_is_busy())
		arm_step();
	else if (!step())
		end_steps();
	else if (!paused)
		arm_step();
	else if (console_shell_has_focus())
		console_prompt_show(MORE, sizeof(MORE) - 1, sizeof(MORE) - 1);
}

static void step_key(char c)
{
	if (c == CTRL_C || (paused && c == 'q')) {
		end_steps();
	} else if (paused) {
		paused = false;
		console_prompt_hide();
		arm_step();
	}
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

static void key(char c)
{
	if (step) {
		step_key(c);
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

CONSOLE_READER(shell) = { .enter = enter, .key = key };

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
			say_unknown(args->word[1]);
		return;
	}
	while ((it = next_by_name(it)))
		shell_print("  %-9s%-34s%s", it->name, it->args, it->help);
	shell_print("Keys: Tab completes, Up and Down recall, Ctrl-W, Ctrl-U, Ctrl-K erase, Ctrl-C gives up, "
		    "Ctrl-D leaves");
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
