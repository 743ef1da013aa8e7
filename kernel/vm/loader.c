// SPDX-License-Identifier: MIT
/* Loaders; see loader.h. An image is a guest's input: every size and address in it is checked. */
#include "kernel/vm/loader.h"

#include "lib/elf.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "schism/abi/guest_layout.h"

static int load_elf(struct vm *vm, const char **why)
{
	const struct vm_desc *desc = &vm->desc;
	struct elf64_info info;
	int err = elf64_check(desc->kernel, desc->kernel_size, &info, why);

	for (unsigned int i = 0; !err && i < info.phnum; i++) {
		struct elf64_segment seg;

		if (elf64_segment(desc->kernel, desc->kernel_size, i, &seg))
			continue;
		*why = "a segment lies outside the VM's RAM";
		/* RAM was cleared: what memsz has beyond filesz is zero already. */
		if (seg.paddr < desc->ram_ipa.ipa || seg.memsz > desc->ram_size ||
		    seg.paddr - desc->ram_ipa.ipa > desc->ram_size - seg.memsz)
			return -EFAULT;
		err = vm_write(vm, ipa(seg.paddr), seg.data, seg.filesz);
	}
	if (!err)
		vm->entry = ipa(info.entry);
	return err;
}

static int write_mailbox(struct vm *vm, const char **why)
{
	struct {
		uint32_t magic, version, vm_id, nr_slots;
		char args[GUEST_MAILBOX_ARGS_LEN];
	} header = {
		.magic = GUEST_MAILBOX_MAGIC,
		.version = GUEST_MAILBOX_VERSION,
		.vm_id = vm->id,
		.nr_slots = GUEST_MAILBOX_SLOTS,
	};

	_Static_assert(sizeof(header) == offsetof(struct guest_mailbox, slots), "the header of the mailbox");
	*why = "its mailbox lies outside its RAM";
	strlcpy(header.args, vm->desc.args, sizeof(header.args));
	return vm_write(vm, vm->desc.mailbox, &header, sizeof(header));
}

int loader_load(struct vm *vm, const char **why)
{
	int err;

	*why = "no window onto its RAM";
	err = vm_zero(vm, vm->desc.ram_ipa, vm->desc.ram_size);
	if (!err)
		err = load_elf(vm, why);
	if (!err && vm->desc.has_mailbox)
		err = write_mailbox(vm, why);
	return err;
}
