// SPDX-License-Identifier: MIT
/* A newc archive. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cpio.h"
#include "lib/errno.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *archive = fuzz_copy(data, size);
	struct cpio_entry entry;
	size_t count, entries = 0, len;
	const char *why = NULL;
	struct cpio cpio;
	const void *found;
	int good = cpio_check(archive, size, &count, &why), err;

	must(good == 0 || (good == -EINVAL && why));
	cpio_begin(&cpio, archive, size);
	while ((err = cpio_next(&cpio, &entry)) == 0) {
		entries++;
		fuzz_touch(entry.name, strlen(entry.name));
		fuzz_touch(entry.data, entry.len);
		must(cpio_find(archive, size, entry.name, &found, &len) == 0);
		/* The first of that name. */
		must((const uint8_t *)found <= (const uint8_t *)entry.data);
	}
	must(entries == count && err == (good ? -EINVAL : -ENOENT));
	must(cpio_find(archive, size, "no such file", &found, &len) != 0 || entries);
	free(archive);
	return 0;
}
