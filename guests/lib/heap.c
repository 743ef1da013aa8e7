// SPDX-License-Identifier: MIT
/* The private heap: from the image's end to the work buffer, handed out once. */
#include "guests/lib/guest.h"
#include "lib/string.h"

static uint64_t next;

uint64_t guest_heap_base(void)
{
	return ALIGN_UP((uint64_t)__image_end, 4096);
}

void *guest_alloc(size_t size, size_t align)
{
	uint64_t base = ALIGN_UP(next ? next : guest_heap_base(), align);

	if (base > GUEST_WORK_IPA || size > GUEST_WORK_IPA - base)
		return NULL;
	next = base + size;
	return memset((void *)base, 0, size);
}
