/* SPDX-License-Identifier: MIT */
/*
 * What fuzzers have in common. A fuzzer is one file fuzz_NAME.c with libFuzzer's entry point; it calls
 * product code with the input and insists on what has to hold whatever the input is. "make fuzz" runs them
 * with libFuzzer, "make check" runs them over their seeds (tests/fuzz/replay.c).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/load/manifest.h"
#include "lib/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* End with a finding. */
void fuzz_fail(const char *what, const char *file, int line) __noreturn;
#define must(condition)	((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

/* Read every byte, so that a sanitizer sees where they lie. */
void fuzz_touch(const void *data, size_t size);

/* An 8-byte aligned copy that ends where its memory ends; to be freed. */
void *fuzz_copy(const void *data, size_t size);

/* ---- fuzz_vms.c: all VMs of a manifest, as kernel/load/package.c reads them ---- */

/*
 * Read windows and VMs, check what holds for an accepted one, and call use() with it. manifest_check() has
 * accepted blob.
 */
void fuzz_read_vms(const void *blob, const struct manifest_images *images,
		   void (*use)(const struct vm_desc *desc));

#endif
