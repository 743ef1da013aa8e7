// SPDX-License-Identifier: MIT
/* The first lines of the log: what machine this is, and what Schism makes of it. */
#include "arch/cpu.h"
#include "arch/gic.h"
#include "arch/stage2.h"
#include "kernel/base/log.h"
#include "kernel/base/random.h"
#include "kernel/base/version.h"
#include "kernel/boot/boot.h"
#include "kernel/mm/page.h"
#include "kernel/platform/this_machine.h"

void boot_hello(void)
{
	struct page_stats stats;

	page_get_stats(&stats);
	log_info("Schism %s on %s", schism_version(), machine.model);
	log_info("%u CPU(s) in the device tree, %lu MiB RAM (%lu MiB free), EL2 pool %lu KiB",
		 machine.nr_cpus_present, stats.total * PAGE_SIZE >> 20, stats.free * PAGE_SIZE >> 20,
		 stats.pool * PAGE_SIZE >> 10);
	log_info("guard pages: image %u, stacks %u, VM carve-outs %u; EL2 stack %u KiB",
		 CONFIG_GUARD_PAGES_IMAGE, CONFIG_GUARD_PAGES_STACK, CONFIG_GUARD_PAGES_VM,
		 CONFIG_STACK_KIB);
	log_info("stage 2: %u-bit IPA, %u VMIDs; list registers: %u of %u; timer %lu Hz", arch_ipa_bits(),
		 arch_nr_vmids(), arch_vgic_nr_lrs(), arch_vgic_nr_lrs_hw(), arch_counter_hz());
	if (!random_has_entropy())
		log_warn("no entropy, neither RNDR nor 32 bytes in /chosen/rng-seed: EL2's canary and keys "
			 "can be guessed; guests get no random numbers");
}
