// SPDX-License-Identifier: MIT
/* Wrapped kernels; see packed.h. Each row is the magic number of a format, as its specification has it. */
#include "lib/packed.h"

#include "lib/string.h"

static const struct format {
	const char *magic, *why;
	uint8_t len, offset;
} formats[] = {
	{ "\x1f\x8b\x08", "is a gzip-compressed file: gzip -d it, or pack it by mkpackage", 3, 0 },
	{ "\xfd" "7zXZ\0", "is an xz-compressed file: xz -d it", 6, 0 },
	{ "\x28\xb5\x2f\xfd", "is a zstd-compressed file: zstd -d it", 4, 0 },
	{ "1AY&SY", "is a bzip2-compressed file: bzip2 -d it", 6, 4 },
	{ "\x02\x21\x4c\x18", "is an lz4-compressed file: lz4 -d it", 4, 0 },
	{ "\x04\x22\x4d\x18", "is an lz4-compressed file: lz4 -d it", 4, 0 },
	{ "\x27\x05\x19\x56", "is a uImage of U-Boot's: take the file in it, from byte 64 on", 4, 0 },
	{ "\xd0\x0d\xfe\xed", "is a device tree, or a FIT image of U-Boot's: take the kernel in it", 4, 0 },
	{ "zimg", "is a compressed EFI application: take the Image that it was made from", 4, 4 },
};

const char *packed_why(const void *file, size_t size)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(formats); i++) {
		const struct format *f = &formats[i];

		if (size >= (size_t)f->offset + f->len &&
		    !memcmp((const char *)file + f->offset, f->magic, f->len))
			return f->why;
	}
	return NULL;
}
