// SPDX-License-Identifier: MIT
/* panic() and the machine's ends fail the test, unless it runs in a child that is expected to end so. */
#define _GNU_SOURCE
#include "tests/host/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/base/panic.h"

#define TEXT_MAX	256
#define CHILD_STATUS	113

static char *child_text;		/* shared with the parent; NULL: not in a child */
static char last_text[TEXT_MAX];

static void __noreturn end(const char *text)
{
	if (child_text) {
		snprintf(child_text, TEXT_MAX, "%s", text);
		_exit(CHILD_STATUS);
	}
	/* Only the first thread can go back to cmocka. */
	if (gettid() == getpid())
		fail_msg("%s", text);
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

void panic(const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	end(text);
}

void machine_end(void)
{
	end("the machine ended with success");
}

void machine_fail(void)
{
	end("the machine ended with failure");
}

bool fake_panics(void (*body)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	child_text = mmap(NULL, TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (child_text == MAP_FAILED)
		abort();
	pid = fork();
	if (pid == 0) {
		body(arg);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	memcpy(last_text, child_text, TEXT_MAX);
	munmap(child_text, TEXT_MAX);
	child_text = NULL;
	return WIFEXITED(status) && WEXITSTATUS(status) == CHILD_STATUS;
}

const char *fake_panic_text(void)
{
	return last_text;
}
