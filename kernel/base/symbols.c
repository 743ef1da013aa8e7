// SPDX-License-Identifier: MIT
/* Symbol lookup in the table that scripts/symtab.py makes at link time. */
#include "kernel/base/symbols.h"

extern const uint64_t symtab_count;
extern const uint32_t symtab_addrs[], symtab_name_offs[];
extern const char symtab_names[];
extern char _image_start[], _text_end[];

bool symbol_find(uint64_t addr, const char **name, uint64_t *offset)
{
	uint64_t base = (uint64_t)_image_start;
	uint64_t low = 0, high = symtab_count;

	if (addr < base || addr >= (uint64_t)_text_end || !symtab_count)
		return false;
	while (high - low > 1) {
		uint64_t mid = (low + high) / 2;

		if (base + symtab_addrs[mid] <= addr)
			low = mid;
		else
			high = mid;
	}
	*name = symtab_names + symtab_name_offs[low];
	*offset = addr - base - symtab_addrs[low];
	return true;
}
