// SPDX-License-Identifier: MIT
/* A device tree overlay, applied to the tree that a VM of one vCPU gets. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/load/guest_dtb.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "lib/errno.h"
#include "lib/fdt.h"
#include "schism/abi/guest_layout.h"

VDEV(none) = { .name = NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vcpu vcpu;
	static struct vm vm = {
		.nr_vcpus = 1, .vcpus = { &vcpu },
		.desc = { .nr_regions = 1, .regions = { { .ipa = { GUEST_RAM_IPA }, .size = MIB(8) } } },
	};
	void *overlay = fuzz_copy(data, size), *tree = malloc(GUEST_DTB_MAX);
	const char *why = NULL;
	size_t len = 0;
	int err;

	must(tree && !guest_dtb_build(&vm, ipa(0), 0, tree, &len));
	err = guest_dtb_overlay(tree, overlay, size, &len, &why);
	must(err == 0 || (err == -EINVAL && why));
	must(err || (len <= GUEST_DTB_MAX && !fdt_check_full(tree, len)));
	free(overlay);
	free(tree);
	return 0;
}
