// SPDX-License-Identifier: MIT
/* A compiled manifest; the package has every image that it asks for but one. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lib/errno.h"

static int find_image(void *ctx, const char *name, const void **data, size_t *size)
{
	static const char image[] = "an image";

	fuzz_touch(name, strlen(name) + 1);
	if (!strcmp(name, "nosuch.elf"))
		return -ENOENT;
	*data = image;
	*size = strcmp(name, "empty") ? sizeof(image) : 0;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct manifest_images images = { find_image, NULL };
	void *blob = fuzz_copy(data, size);
	const char *why = NULL;
	int err = manifest_check(blob, size, &why);

	must(err == 0 || (err == -EINVAL && why));
	if (!err)
		fuzz_read_vms(blob, &images, NULL);
	free(blob);
	return 0;
}
