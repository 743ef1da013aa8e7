// SPDX-License-Identifier: MIT
/* Guest RAM as EL2 sees it: through a window, piece by piece, after the stage-2 tables were asked. */
#include "arch/cpu.h"
#include "kernel/mm/hyp.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "lib/string.h"

/* All of [ipa, ipa + len) belongs to the VM. *first is what its beginning translates to. */
static bool is_guest_ram(struct vm *vm, ipa_t ipa, uint64_t len, struct pgtable_leaf *first)
{
	for (bool begun = false; len > 0; begun = true) {
		uint64_t step = MIN(len, PAGE_SIZE - (ipa.ipa & PAGE_MASK));
		struct pgtable_leaf leaf;
		struct page *page;

		if (pgtable_lookup(&vm->stage2.pt, ipa.ipa, &leaf))
			return false;
		if (!begun)
			*first = leaf;
		page = page_record(leaf.pa);
		if (!page || page->owner != OWNER_VM(vm->id))
			return false;
		if (leaf.level < 3) {
			uint64_t size = pte_level_size(leaf.level);

			step = MIN(len, size - (ipa.ipa & (size - 1)));
		}
		ipa = ipa_add(ipa, step);
		len -= step;
	}
	return true;
}

enum copy_kind { COPY_OUT, COPY_IN, COPY_ZERO, COPY_NOTHING };

static void copy_piece(void *guest, void *host, uint64_t len, enum copy_kind kind)
{
	switch (kind) {
	case COPY_OUT:
		/*
		 * Tables, code and the mailbox may have been written past caches that hold what was there
		 * before.
		 */
		arch_sync_data(guest, len);
		memcpy(host, guest, len);
		break;
	case COPY_IN:
		memcpy(guest, host, len);
		arch_sync_code(guest, len);
		break;
	case COPY_ZERO:
		/* A guest with its caches off must not see what memory held before. */
		if (IS_ALIGNED((uint64_t)guest | len, 64)) {
			arch_zero_sync(guest, len);
			break;
		}
		memset(guest, 0, len);
		arch_sync_code(guest, len);
		break;
	case COPY_NOTHING:
		arch_sync_code(guest, len);
		break;
	}
}

/* A window shows the rest of a 2 MiB block: pages that lie side by side in it need one together. */
struct view {
	pa_t pa;
	char *va;		/* NULL: closed */
	uint64_t left;
};

static bool look_at(struct view *view, pa_t pa)
{
	if (view->va && view->left && view->pa.pa == pa.pa)
		return true;
	if (view->va)
		window_close();
	view->pa = pa;
	view->va = window_open(pa, &view->left);
	return view->va != NULL;
}

static int copy(struct vm *vm, ipa_t at, void *host, uint64_t len, enum copy_kind kind)
{
	struct view view = { .va = NULL };
	struct pgtable_leaf leaf;
	int err = 0;

	if (at.ipa + len < at.ipa || !is_guest_ram(vm, at, len, &leaf))
		return -EFAULT;
	while (len > 0 && !err) {
		uint64_t step;

		if (!look_at(&view, leaf.pa)) {
			err = -ENOMEM;
			break;
		}
		step = pte_level_size(leaf.level) - (at.ipa & (pte_level_size(leaf.level) - 1));
		step = MIN(MIN(step, view.left), len);
		copy_piece(view.va, host, step, kind);
		view = (struct view){ pa_add(view.pa, step), view.va + step, view.left - step };
		at = ipa_add(at, step);
		host = host ? (char *)host + step : NULL;
		len -= step;
		if (len > 0 && pgtable_lookup(&vm->stage2.pt, at.ipa, &leaf))
			err = -EFAULT;
	}
	if (view.va)
		window_close();
	return err;
}

int vm_read(struct vm *vm, ipa_t from, void *to, uint64_t len)
{
	return copy(vm, from, to, len, COPY_OUT);
}

int vm_write(struct vm *vm, ipa_t to, const void *from, uint64_t len)
{
	/* COPY_IN only reads it. */
	return copy(vm, to, (void *)from, len, COPY_IN);
}

int vm_zero(struct vm *vm, ipa_t to, uint64_t len)
{
	return copy(vm, to, NULL, len, COPY_ZERO);
}

int vm_clean(struct vm *vm, ipa_t at, uint64_t len)
{
	return copy(vm, at, NULL, len, COPY_NOTHING);
}
