/* SPDX-License-Identifier: MIT */
/*
 * The device trees of tests/unit/dts, compiled. They are in SCHISM_TEST_DTB_DIR, else below
 * SCHISM_BUILD, else below build.
 */
#ifndef TESTS_UNIT_DTB_H
#define TESTS_UNIT_DTB_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Read NAME.dtb into memory of its own size, to be freed; ends the program when there is none. */
static inline void *dtb_load(const char *name, uint32_t *size)
{
	const char *dir = getenv("SCHISM_TEST_DTB_DIR"), *build = getenv("SCHISM_BUILD");
	static char path[512];
	uint8_t *dtb;
	FILE *file;

	if (dir != NULL)
		snprintf(path, sizeof(path), "%s/%s.dtb", dir, name);
	else
		snprintf(path, sizeof(path), "%s/tests/dtb/%s.dtb", build ? build : "build", name);
	file = fopen(path, "rb");
	if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
		perror(path);
		exit(1);
	}
	*size = (uint32_t)ftell(file);
	rewind(file);
	dtb = malloc(*size);
	if (fread(dtb, 1, *size, file) != *size) {
		perror(path);
		exit(1);
	}
	fclose(file);
	return dtb;
}

#endif
