/* SPDX-License-Identifier: MIT */
/* Putting a VM's images into its RAM. */
#ifndef KERNEL_VM_LOADER_H
#define KERNEL_VM_LOADER_H

#include "kernel/vm/vm.h"

/*
 * Clear the VM's RAM, load its kernel (ELF64, physical addresses), write the mailbox header, and set
 * vm->entry. -ENOEXEC or -EFAULT with *why in words. Context: no vCPU of the VM runs.
 */
__must_check int loader_load(struct vm *vm, const char **why);

#endif
