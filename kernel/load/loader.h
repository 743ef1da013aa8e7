/* SPDX-License-Identifier: MIT */
/*
 * Putting a VM's images into its RAM, and a device tree.
 *
 *   protocol   the kernel lies                                entry
 *   elf        where its program headers' physical            e_entry
 *              addresses say
 *   linux      text_offset above the first multiple of        its first byte
 *              2 MiB in RAM; 2 MiB more if that is below
 *              4 KiB, as QEMU does
 *   raw        at load-address; default RAM + 2 MiB           its first byte
 *   sel4       as its elfloader would have it: sel4.h         e_entry, stage 1 on
 *
 * Further images lie where the manifest says. The ramdisk comes as high as it fits, but within 32 GiB of the
 * kernel; the device tree, unless the manifest says where, above the kernel: 128 MiB into RAM or in its upper
 * half, in a multiple of 2 MiB if there is one; for "elf" and "raw" there is a copy at the start of RAM if
 * nothing else is there. All start with x0 = the device tree's address, but seL4, which has neither and
 * registers of its own.
 */
#ifndef KERNEL_LOAD_LOADER_H
#define KERNEL_LOAD_LOADER_H

#include "kernel/vm/vm.h"

/*
 * Give everything its place in the VM's RAM, and remember what is to be written; set vm->entry and
 * vm->dtb. -ENOEXEC, -EINVAL, -EFAULT, -ENOSPC or -ENOMEM with *why in words that begin with the
 * property of the manifest at fault; nothing is written. Context: no vCPU of the VM runs, none is loaded on
 * this CPU.
 */
__must_check int loader_begin(struct vm *vm, const char **why);

/*
 * After loader_begin(): write some of it (128 KiB of zeros, 4 KiB of images), first zeros to RAM that is
 * dirty (with vm->load.keep_ram only where something is to lie), then the images; *done when that was the
 * last. -ENOMEM when no window could be had. Context: likewise.
 */
__must_check int loader_step(struct vm *vm, bool *done, const char **why);

/* How long loading will take, compared with others: bytes of zeros that are written in that time, at most. */
uint64_t loader_cost(const struct vm_desc *desc);

/* Give back what loading keeps for the next time. */
void loader_free(struct vm *vm);

#endif
