// SPDX-License-Identifier: MIT
/*
 * ELF64 executables (System V ABI, chapters 4 and 5).
 *
 * Structures are copied out of the image before they are looked at, since nothing says that they
 * are aligned in it.
 */
#include "lib/elf.h"
#include "lib/errno.h"
#include "lib/string.h"

#define EI_CLASS	4
#define EI_DATA		5
#define EI_NIDENT	16
#define ELF_MAGIC	"\177ELF"
#define ELF_MAGIC_LEN	4
#define ELFCLASS64	2
#define ELFDATA2LSB	1
#define ET_EXEC		2
#define ET_DYN		3
#define EM_AARCH64	183
#define PT_LOAD		1

struct elf64_ehdr {
	uint8_t e_ident[EI_NIDENT];
	uint16_t e_type;
	uint16_t e_machine;
	uint32_t e_version;
	uint64_t e_entry;
	uint64_t e_phoff;
	uint64_t e_shoff;
	uint32_t e_flags;
	uint16_t e_ehsize;
	uint16_t e_phentsize;
	uint16_t e_phnum;
	uint16_t e_shentsize;
	uint16_t e_shnum;
	uint16_t e_shstrndx;
};

struct elf64_phdr {
	uint32_t p_type;
	uint32_t p_flags;
	uint64_t p_offset;
	uint64_t p_vaddr;
	uint64_t p_paddr;
	uint64_t p_filesz;
	uint64_t p_memsz;
	uint64_t p_align;
};

_Static_assert(sizeof(struct elf64_ehdr) == 64 && sizeof(struct elf64_phdr) == 56,
	       "as the specification lays them out");

/* Is [offset, +len) inside size bytes? */
static bool inside(uint64_t offset, uint64_t len, uint64_t size)
{
	return offset <= size && len <= size - offset;
}

bool elf_is_elf(const void *image, size_t size)
{
	return size >= ELF_MAGIC_LEN && memcmp(image, ELF_MAGIC, ELF_MAGIC_LEN) == 0;
}

/* Copy the header out and check that it is of our kind. Returns 0 or what is wrong. */
static const char *read_ehdr(const void *image, size_t size, struct elf64_ehdr *ehdr)
{
	if (!elf_is_elf(image, size) || size < sizeof(*ehdr))
		return "is not an ELF file";
	memcpy(ehdr, image, sizeof(*ehdr));
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return "is not a 64-bit little-endian ELF file";
	if (ehdr->e_machine != EM_AARCH64)
		return "is not an ELF file for AArch64";
	if (ehdr->e_type != ET_EXEC && ehdr->e_type != ET_DYN)
		return "is an ELF file, but not an executable";
	return NULL;
}

int elf64_segment(const void *image, size_t size, unsigned int i, struct elf64_segment *seg)
{
	struct elf64_ehdr ehdr;
	struct elf64_phdr phdr;
	uint64_t offset;

	if (read_ehdr(image, size, &ehdr) != NULL)
		return -EINVAL;
	if (i >= ehdr.e_phnum)
		return -ENOENT;
	if (ehdr.e_phentsize < sizeof(phdr) ||
	    __builtin_add_overflow(ehdr.e_phoff, (uint64_t)i * ehdr.e_phentsize, &offset) ||
	    !inside(offset, sizeof(phdr), size))
		return -EINVAL;
	memcpy(&phdr, (const uint8_t *)image + offset, sizeof(phdr));
	if (phdr.p_type != PT_LOAD || phdr.p_memsz == 0)
		return -ENOENT;
	if (!inside(phdr.p_offset, phdr.p_filesz, size) || phdr.p_filesz > phdr.p_memsz ||
	    phdr.p_paddr + phdr.p_memsz < phdr.p_paddr ||
	    phdr.p_vaddr + phdr.p_memsz < phdr.p_vaddr)
		return -EINVAL;
	*seg = (struct elf64_segment) {
		.paddr = phdr.p_paddr,
		.vaddr = phdr.p_vaddr,
		.filesz = phdr.p_filesz,
		.memsz = phdr.p_memsz,
		.flags = phdr.p_flags,
		.data = (const uint8_t *)image + phdr.p_offset,
	};
	return 0;
}

/* Count one segment in, and translate the entry point if it lies there. */
static void add_segment(struct elf64_info *info, const struct elf64_segment *seg, uint64_t e_entry)
{
	info->nr_load++;
	info->paddr_low = MIN(info->paddr_low, seg->paddr);
	info->paddr_high = MAX(info->paddr_high, seg->paddr + seg->memsz);
	info->vaddr_low = MIN(info->vaddr_low, seg->vaddr);
	info->vaddr_high = MAX(info->vaddr_high, seg->vaddr + seg->memsz);
	if (e_entry >= seg->vaddr && e_entry - seg->vaddr < seg->memsz)
		info->entry = seg->paddr + (e_entry - seg->vaddr);
}

int elf64_check(const void *image, size_t size, struct elf64_info *info, const char **why)
{
	struct elf64_segment seg;
	struct elf64_ehdr ehdr;

	*why = read_ehdr(image, size, &ehdr);
	if (*why != NULL)
		return -ENOEXEC;
	*info = (struct elf64_info) {
		.entry = ehdr.e_entry,
		.virt_entry = ehdr.e_entry,
		.phnum = ehdr.e_phnum,
		.paddr_low = UINT64_MAX,
		.vaddr_low = UINT64_MAX,
	};
	for (unsigned int i = 0; i < info->phnum; i++) {
		int rc = elf64_segment(image, size, i, &seg);

		if (rc == 0)
			add_segment(info, &seg, ehdr.e_entry);
		if (rc == -EINVAL) {
			*why = "has a program header that lies or points outside the file";
			return rc;
		}
	}
	if (info->nr_load == 0) {
		*why = "has no segment to load";
		return -EINVAL;
	}
	return 0;
}
