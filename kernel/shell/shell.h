/* SPDX-License-Identifier: MIT */
/*
 * The shell: commands about VMs and the machine on the console (docs/shell.md).
 *
 * It runs in the UART's interrupt on the boot CPU, with no lock held; so a command does a bounded amount of
 * work, and one with much to say does it in steps (shell_continue()). A command is a row in the set
 * "schism_shell", in the file of its family: cmd_vm.c, cmd_vcpu.c, cmd_system.c.
 */
#ifndef KERNEL_SHELL_SHELL_H
#define KERNEL_SHELL_SHELL_H

#include "kernel/shell/parse.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct vm;

#define SHELL_MAX_ARGS	3

struct shell_command {
	const char *name;
	const char *args;		/* in the usage: "NAME [VCPU]" */
	const char *help;		/* one line */
	const char *more;		/* further lines for "help COMMAND", newlines between; NULL: none */
	unsigned int min, max;		/* number of arguments */
	shell_nth *complete[SHELL_MAX_ARGS];	/* what may stand for each; NULL: anything */
	void (*run)(const struct shell_args *args);
};

#define SHELL_COMMAND(id)	\
	static const struct shell_command shell_command_##id SECTION_ENTRY(schism_shell)

/* ---- for commands ---- */

/* A line of output, without the log's prefix; not kept in the log. */
void shell_print(const char *fmt, ...) __printf_like(1, 2);

/*
 * After the command has returned, call step, again and again while it returns true and as fast as the console
 * takes what it prints. Ctrl-C ends it.
 */
void shell_continue(bool (*step)(void));

/* In a step: what has been printed fills a screen, and the next step waits for a key, which may end it. */
#define SHELL_PAGE	22
void shell_pause(void);

/* Say that no such thing has that name, and which of nth's comes close, or else how to find one. */
void shell_no_such(const char *what, const char *word, shell_nth *nth, const char *how);

/* Give the console to a VM, NULL: to nobody; false when that has no terminal, and nobody has it then. */
bool shell_give_console(const struct vm *vm);

/* Back to the terminal that had the focus before. */
void shell_leave(void);

/* The VM of that name; NULL after having said so. */
struct vm *shell_find_vm(const char *name);

/* Names of VMs, and of commands, for completion. */
shell_nth shell_nth_vm;
shell_nth shell_nth_command;

#endif
