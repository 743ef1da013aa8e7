// SPDX-License-Identifier: MIT
/* An arm64 Image. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "lib/errno.h"
#include "lib/linux_image.h"
#include "lib/packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *image = fuzz_copy(data, size);
	struct linux_image_info info;
	const char *why = NULL;
	int err = linux_image_check(image, size, &info, &why);

	must(err == 0 || ((err == -ENOEXEC || err == -EINVAL) && why));
	must(err || (info.text_offset % 4 == 0 && info.size >= size));
	why = packed_why(image, size);
	must(!why || *why);
	free(image);
	return 0;
}
