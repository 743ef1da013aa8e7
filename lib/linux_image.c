// SPDX-License-Identifier: MIT
/* The arm64 Image header; see linux_image.h. All fields are little-endian, whatever the kernel is. */
#include "lib/linux_image.h"

#include "lib/errno.h"
#include "lib/string.h"

#define IMAGE_MAGIC		0x644d5241	/* "ARM\x64" */
#define FLAG_BIG_ENDIAN		BIT(0)

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

static int not_an_image(const void *image, size_t size, const char **why)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b };

	*why = "is no arm64 Image: no magic number at offset 56";
	if (size >= sizeof(gzip) && !memcmp(image, gzip, sizeof(gzip)))
		*why = "is compressed with gzip; scripts/mkpackage unpacks such a kernel";
	return -ENOEXEC;
}

int linux_image_check(const void *image, size_t size, struct linux_image_info *info, const char **why)
{
	struct image_header header;

	if (size < sizeof(header))
		return not_an_image(image, size, why);
	memcpy(&header, image, sizeof(header));
	if (header.magic != IMAGE_MAGIC)
		return not_an_image(image, size, why);
	*why = "is a big-endian kernel";
	if (header.flags & FLAG_BIG_ENDIAN)
		return -EINVAL;
	*why = "has no size in its header: Linux 3.17 or later is needed";
	/* Kernels before that leave it 0, and their text_offset is then not to be trusted. */
	if (!header.image_size)
		return -EINVAL;
	*why = "has a text_offset that is not a multiple of 4 KiB below 2 MiB";
	if (header.text_offset >= LINUX_IMAGE_ALIGN || header.text_offset & 0xfff)
		return -EINVAL;
	info->text_offset = header.text_offset;
	info->size = MAX(header.image_size, (uint64_t)size);
	return 0;
}
