// SPDX-License-Identifier: MIT
/* The arm64 Image header; see linux_image.h. All fields are little-endian, whatever the kernel is. */
#include "lib/linux_image.h"

#include "lib/errno.h"
#include "lib/string.h"

#define IMAGE_MAGIC		0x644d5241	/* "ARM\x64" */
#define FLAG_BIG_ENDIAN		BIT(0)
/* Of kernels before Linux 3.17, whose header has no image_size, nor a text_offset that could be trusted. */
#define OLD_TEXT_OFFSET		0x80000

struct image_header {
	uint32_t code[2];
	uint64_t text_offset;
	uint64_t image_size;
	uint64_t flags;
	uint64_t reserved[3];
	uint32_t magic;
	uint32_t pe_offset;
};

_Static_assert(sizeof(struct image_header) == 64, "as booting.rst has it");

int linux_image_check(const void *image, size_t size, struct linux_image_info *info, const char **why)
{
	struct image_header header;

	*why = "is no arm64 Image: no magic number at offset 56";
	if (size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, image, sizeof(header));
	if (header.magic != IMAGE_MAGIC)
		return -ENOEXEC;
	*why = "is a big-endian kernel";
	if (header.flags & FLAG_BIG_ENDIAN)
		return -EINVAL;
	if (!header.image_size)
		header.text_offset = OLD_TEXT_OFFSET;
	*why = "has a text_offset that is not a multiple of 4";
	if (!IS_ALIGNED(header.text_offset, sizeof(header.code[0])))
		return -EINVAL;
	info->text_offset = header.text_offset;
	info->size = MAX(header.image_size, (uint64_t)size);
	return 0;
}
