// SPDX-License-Identifier: MIT
/* The machine that Schism runs on; see this_machine.h. */
#include "kernel/platform/this_machine.h"

#include "lib/string.h"

struct machine machine;

bool boot_arg(const char *name, char *buf, size_t size)
{
	const char *at = machine.bootargs;
	size_t len = strlen(name);

	while (at && *at) {
		size_t word = 0;

		while (at[word] && at[word] != ' ')
			word++;
		if (word > len && at[len] == '=' && !strncmp(at, name, len)) {
			size_t n = MIN(word - len - 1, size - 1);

			memcpy(buf, at + len + 1, n);
			buf[n] = '\0';
			return true;
		}
		at += word;
		while (*at == ' ')
			at++;
	}
	return false;
}
