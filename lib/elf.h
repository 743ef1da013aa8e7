/* SPDX-License-Identifier: MIT */
/*
 * Reading ELF64 executables for AArch64, little-endian (ELF for the Arm 64-bit Architecture,
 * AAELF64), which may be hostile: nothing outside the image is read.
 */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include "lib/compiler.h"
#include "lib/types.h"

#define ELF_PF_X	1
#define ELF_PF_W	2
#define ELF_PF_R	4

struct elf64_info {
	uint64_t entry;		/* physical where a segment's virtual range holds it */
	uint64_t virt_entry;	/* as it stands in the file */
	unsigned int phnum;	/* program headers of all types */
	unsigned int nr_load;	/* those that load something, at least 1 */
	uint64_t paddr_low;	/* first byte of all that is loaded */
	uint64_t paddr_high;	/* one past the last */
	uint64_t vaddr_low;	/* the same, of virtual addresses */
	uint64_t vaddr_high;
};

struct elf64_segment {
	uint64_t paddr;
	uint64_t vaddr;
	uint64_t filesz;	/* bytes that data points to */
	uint64_t memsz;		/* at least filesz; the rest is zero */
	uint32_t flags;		/* ELF_PF_* */
	const void *data;	/* in the image, of any alignment */
};

/* Does it begin like an ELF file of any kind? */
bool elf_is_elf(const void *image, size_t size);

/*
 * Check an image of size bytes and all its program headers. Returns 0; -ENOEXEC when it isn't an
 * AArch64 ELF64 executable; -EINVAL when it is malformed or loads nothing. *why says it in words.
 */
__must_check int elf64_check(const void *image, size_t size, struct elf64_info *info,
			     const char **why);

/*
 * Program header i of an image that elf64_check() has accepted. Returns 0 for a segment to be
 * loaded; -ENOENT for one of another type, an empty one, or past the last; -EINVAL when its place
 * in the file or in memory is impossible.
 */
__must_check int elf64_segment(const void *image, size_t size, unsigned int i,
			       struct elf64_segment *seg);

#endif
