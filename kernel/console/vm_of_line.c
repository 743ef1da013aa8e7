// SPDX-License-Identifier: MIT
/* Which VM a line of the log is about. */
#include "kernel/console/console.h"
#include "kernel/vm/vm.h"
#include "lib/string.h"

const struct vm *console_vm_of_line(const char *text, size_t len, size_t *named)
{
	for (unsigned int i = 0; i < READ_ONCE(nr_vms); i++) {
		*named = strlen(vms[i]->name);
		if (len > *named && text[*named] == ':' && !memcmp(text, vms[i]->name, *named))
			return vms[i];
	}
	return NULL;
}
