/* SPDX-License-Identifier: MIT */
/*
 * The header of an arm64 Linux kernel "Image" (Linux, Documentation/arch/arm64/booting.rst), which may be
 * hostile: nothing outside the image is read.
 */
#ifndef LIB_LINUX_IMAGE_H
#define LIB_LINUX_IMAGE_H

#include "lib/compiler.h"
#include "lib/types.h"

#define LINUX_IMAGE_ALIGN	UINT64_C(0x200000)

struct linux_image_info {
	uint64_t text_offset;	/* where it goes, from a multiple of LINUX_IMAGE_ALIGN; a multiple of 4 */
	uint64_t size;		/* room from there that it needs: the file, and its .bss if that is known */
};

/*
 * Check an image of size bytes. Returns 0; -ENOEXEC when it is none, -EINVAL when
 * its header makes no sense or asks for what Schism doesn't do. *why says it in words.
 */
__must_check int linux_image_check(const void *image, size_t size, struct linux_image_info *info,
				   const char **why);

#endif
