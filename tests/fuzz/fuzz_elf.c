// SPDX-License-Identifier: MIT
/* An ELF file. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "lib/elf.h"
#include "lib/errno.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = fuzz_copy(data, size);
	struct elf64_info info;
	struct elf64_segment seg;
	unsigned int loads = 0;
	const char *why = NULL;
	int err = elf64_check(image, size, &info, &why);

	must(err == 0 || ((err == -ENOEXEC || err == -EINVAL) && why));
	must(err || elf_is_elf(image, size));
	for (unsigned int i = 0; !err && i < info.phnum; i++) {
		int kind = elf64_segment(image, size, i, &seg);

		must(kind == 0 || kind == -ENOENT);
		if (kind)
			continue;
		loads++;
		must(seg.filesz <= seg.memsz && seg.memsz > 0);
		must(seg.paddr >= info.paddr_low && seg.paddr + seg.memsz <= info.paddr_high);
		fuzz_touch(seg.data, seg.filesz);
	}
	must(err || loads == info.nr_load);
	free(image);
	return 0;
}
