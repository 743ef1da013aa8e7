// SPDX-License-Identifier: MIT
/*
 * Device trees for guests, by libfdt's sequential writer. fdt_finish() leaves no slack in the result.
 *
 * Two address and two size cells everywhere, one interrupt controller. The names and numbers that guests
 * know by heart are QEMU virt's; the bindings are Linux's (Documentation/devicetree/bindings).
 */
#include "kernel/load/guest_dtb.h"

#include "arch/pmu.h"
#include "arch/vcpu.h"
#include "kernel/base/deferred.h"
#include "kernel/base/random.h"
#include "kernel/vdev/vdev.h"
#include "kernel/vm/vcpu.h"
#include "kernel/vm/vm.h"
#include "lib/errno.h"
#include "lib/fdt.h"
#include "lib/fmt.h"
#include "lib/string.h"

#define RNG_SEED_WORDS	4
#define CLOCK_HZ	24000000
#define NODE_NAME_MAX	48
#define CELLS_MAX	16
#define OVERLAY_DEPTH_MAX	16

/* The generic timer's interrupts in the order of its binding, as PPI numbers (INTID - 16). */
#define PPI_TIMER_SECURE	13
#define PPI_TIMER_PHYS		14
#define PPI_TIMER_VIRT		11
#define PPI_TIMER_HYP		10
#define PPI_PMU			(VGIC_PMU_INTID - VGIC_NR_SGIS)

#define HIGH(x)	((uint32_t)((x) >> 32))
#define LOW(x)	((uint32_t)(x))

/* ---- pieces ---- */

void guest_dtb_begin_node(struct guest_dtb *dtb, const char *name, uint64_t base, uint64_t size)
{
	char full[NODE_NAME_MAX];

	strlcpy(full, name, sizeof(full));
	if (base != GUEST_DTB_NO_ADDRESS)
		fmt_snprintf(full, sizeof(full), "%s@%lx", name, base);
	if (!dtb->err)
		dtb->err = fdt_begin_node(dtb->buf, full);
	if (size != GUEST_DTB_NO_REG)
		guest_dtb_numbers(dtb, "reg", HIGH(base), LOW(base), HIGH(size), LOW(size));
}

void guest_dtb_end_node(struct guest_dtb *dtb)
{
	if (!dtb->err)
		dtb->err = fdt_end_node(dtb->buf);
}

void guest_dtb_bytes(struct guest_dtb *dtb, const char *name, const void *data, size_t size)
{
	/* A tree is some 150,000 instructions: its names are looked for among all others. */
	job_breathe();
	if (!dtb->err)
		dtb->err = fdt_property(dtb->buf, name, data, (int)size);
}

void guest_dtb_string(struct guest_dtb *dtb, const char *name, const char *value)
{
	guest_dtb_bytes(dtb, name, value, strlen(value) + 1);
}

void guest_dtb_cells(struct guest_dtb *dtb, const char *name, const uint32_t *cells, unsigned int n)
{
	fdt32_t big_endian[CELLS_MAX];

	if (n > CELLS_MAX) {
		dtb->err = -FDT_ERR_NOSPACE;
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		big_endian[i] = cpu_to_fdt32(cells[i]);
	guest_dtb_bytes(dtb, name, big_endian, n * sizeof(fdt32_t));
}

void guest_dtb_flag(struct guest_dtb *dtb, const char *name)
{
	guest_dtb_bytes(dtb, name, NULL, 0);
}

void guest_dtb_spi(struct guest_dtb *dtb, uint32_t intid, uint32_t trigger)
{
	guest_dtb_numbers(dtb, "interrupts", GUEST_DTB_SPI, intid - VGIC_NR_PRIVATE, trigger);
}

void guest_dtb_console(struct guest_dtb *dtb, const char *name, uint64_t base)
{
	fmt_snprintf(dtb->stdout_path, sizeof(dtb->stdout_path), "/%s@%lx", name, base);
}

/* ---- nodes that every VM has ---- */

static void write_root(struct guest_dtb *dtb)
{
	guest_dtb_string(dtb, "compatible", "linux,dummy-virt");
	guest_dtb_string(dtb, "model", "schism,vm");
	guest_dtb_numbers(dtb, "#address-cells", 2);
	guest_dtb_numbers(dtb, "#size-cells", 2);
	guest_dtb_numbers(dtb, "interrupt-parent", GUEST_DTB_PHANDLE_GIC);
}

/* By this node an operating system tells a VM from a machine; dts/bindings/schism,hypervisor.yaml. */
static void write_hypervisor(struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "hypervisor", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	guest_dtb_string(dtb, "compatible", "schism,hypervisor");
	guest_dtb_end_node(dtb);
}

static void write_psci(struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "psci", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	guest_dtb_strings(dtb, "compatible", "arm,psci-1.0\0arm,psci-0.2");
	guest_dtb_string(dtb, "method", "hvc");
	guest_dtb_end_node(dtb);
}

static void write_cpu(struct guest_dtb *dtb, uint64_t affinity)
{
	guest_dtb_begin_node(dtb, "cpu", affinity, GUEST_DTB_NO_REG);
	guest_dtb_string(dtb, "device_type", "cpu");
	guest_dtb_string(dtb, "compatible", "arm,armv8");
	guest_dtb_numbers(dtb, "reg", HIGH(affinity), LOW(affinity));
	guest_dtb_string(dtb, "enable-method", "psci");
	guest_dtb_end_node(dtb);
}

static void write_cpus(const struct vm *vm, struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "cpus", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	guest_dtb_numbers(dtb, "#address-cells", 2);
	guest_dtb_numbers(dtb, "#size-cells", 0);
	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		write_cpu(dtb, vm->vcpus[i]->affinity);
	guest_dtb_end_node(dtb);
}

static void write_memory(const struct vm *vm, struct guest_dtb *dtb)
{
	for (unsigned int i = 0; i < vm->desc.nr_regions; i++) {
		guest_dtb_begin_node(dtb, "memory", vm->desc.regions[i].ipa.ipa, vm->desc.regions[i].size);
		guest_dtb_string(dtb, "device_type", "memory");
		guest_dtb_end_node(dtb);
	}
}

static void write_timer(struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "timer", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	guest_dtb_strings(dtb, "compatible", "arm,armv8-timer\0arm,armv7-timer");
	/* It wakes a vCPU from every state that there is. */
	guest_dtb_flag(dtb, "always-on");
	guest_dtb_numbers(dtb, "interrupts",
			  GUEST_DTB_PPI, PPI_TIMER_SECURE, GUEST_DTB_LEVEL,
			  GUEST_DTB_PPI, PPI_TIMER_PHYS, GUEST_DTB_LEVEL,
			  GUEST_DTB_PPI, PPI_TIMER_VIRT, GUEST_DTB_LEVEL,
			  GUEST_DTB_PPI, PPI_TIMER_HYP, GUEST_DTB_LEVEL);
	guest_dtb_end_node(dtb);
}

static void write_pmu(struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "pmu", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	guest_dtb_string(dtb, "compatible", "arm,armv8-pmuv3");
	guest_dtb_numbers(dtb, "interrupts", GUEST_DTB_PPI, PPI_PMU, GUEST_DTB_LEVEL);
	guest_dtb_end_node(dtb);
}

static void write_clock(struct guest_dtb *dtb)
{
	guest_dtb_begin_node(dtb, "apb-pclk", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	guest_dtb_string(dtb, "compatible", "fixed-clock");
	guest_dtb_numbers(dtb, "#clock-cells", 0);
	guest_dtb_numbers(dtb, "clock-frequency", CLOCK_HZ);
	guest_dtb_string(dtb, "clock-output-names", "clk24mhz");
	guest_dtb_numbers(dtb, "phandle", GUEST_DTB_PHANDLE_CLOCK);
	guest_dtb_end_node(dtb);
}

/* ---- what the boot loader tells ---- */

/*
 * A kernel without another source of entropy would gather it from interrupts for long; and Linux randomizes
 * its own address only if it is told a seed of its own for that. Each start of a VM gets other ones. A kernel
 * trusts them: if they could be guessed, it is better told nothing.
 */
static void write_seeds(struct guest_dtb *dtb)
{
	uint64_t seed[RNG_SEED_WORDS], kaslr;

	if (!random_has_entropy())
		return;
	kaslr = random_word();
	for (unsigned int i = 0; i < RNG_SEED_WORDS; i++)
		seed[i] = random_word();
	guest_dtb_bytes(dtb, "rng-seed", seed, sizeof(seed));
	guest_dtb_bytes(dtb, "kaslr-seed", &kaslr, sizeof(kaslr));
}

static void write_chosen(const struct vm *vm, struct guest_dtb *dtb, ipa_t ramdisk, uint64_t ramdisk_size)
{
	uint64_t end = ramdisk.ipa + ramdisk_size;

	guest_dtb_begin_node(dtb, "chosen", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	guest_dtb_string(dtb, "bootargs", vm->desc.args);
	if (dtb->stdout_path[0])
		guest_dtb_string(dtb, "stdout-path", dtb->stdout_path);
	if (ramdisk_size) {
		guest_dtb_numbers(dtb, "linux,initrd-start", HIGH(ramdisk.ipa), LOW(ramdisk.ipa));
		guest_dtb_numbers(dtb, "linux,initrd-end", HIGH(end), LOW(end));
	}
	write_seeds(dtb);
	guest_dtb_end_node(dtb);
}

static void write_tree(const struct vm *vm, struct guest_dtb *dtb, ipa_t ramdisk, uint64_t ramdisk_size)
{
	guest_dtb_begin_node(dtb, "", GUEST_DTB_NO_ADDRESS, GUEST_DTB_NO_REG);
	write_root(dtb);
	write_hypervisor(dtb);
	write_psci(dtb);
	write_cpus(vm, dtb);
	write_memory(vm, dtb);
	write_timer(dtb);
	if (arch_pmu_offered())
		write_pmu(dtb);
	write_clock(dtb);
	vdev_describe_all(vm, dtb);
	write_chosen(vm, dtb, ramdisk, ramdisk_size);
	guest_dtb_end_node(dtb);
}

int guest_dtb_build(const struct vm *vm, ipa_t ramdisk, uint64_t ramdisk_size, void *buf, size_t *size)
{
	struct guest_dtb dtb = { .buf = buf };

	arch_fp_begin();
	dtb.err = fdt_create(buf, GUEST_DTB_MAX);
	if (!dtb.err)
		dtb.err = fdt_finish_reservemap(buf);
	write_tree(vm, &dtb, ramdisk, ramdisk_size);
	job_breathe();
	if (!dtb.err)
		dtb.err = fdt_finish(buf);
	job_breathe();
	if (!dtb.err)
		*size = fdt_totalsize(buf);
	arch_fp_end();
	return dtb.err ? -ENOSPC : 0;
}

/* ---- overlays ---- */

/* libfdt goes through an overlay by recursion: a level costs some 200 bytes of EL2's stack. */
static int check_depth(const void *overlay)
{
	int depth = 0;

	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(overlay, node, &depth)) {
		if (depth > OVERLAY_DEPTH_MAX)
			return -FDT_ERR_BADOVERLAY;
	}
	return 0;
}

/* The phandles that a property of __local_fixups__ tells of lie in the property of that name. */
static int check_fixup(const void *overlay, int node, const char *name, const fdt32_t *offsets, int len)
{
	int size = 0;

	if (!fdt_getprop(overlay, node, name, &size) || size < (int)sizeof(fdt32_t))
		return -FDT_ERR_BADOVERLAY;
	for (int i = 0; i < len / (int)sizeof(*offsets); i++) {
		if (fdt32_to_cpu(offsets[i]) > (uint32_t)size - sizeof(fdt32_t))
			return -FDT_ERR_BADOVERLAY;
	}
	return 0;
}

/* fixups is as far below __local_fixups__ as node is below the root; check_depth() has bounded both. */
static int check_fixups(const void *overlay, int node, int fixups)
{
	int child, prop, err = 0;

	fdt_for_each_property_offset(prop, overlay, fixups) {
		const char *name = NULL;
		int len = 0;
		const void *offsets = fdt_getprop_by_offset(overlay, prop, &name, &len);

		err = offsets ? check_fixup(overlay, node, name, offsets, len) : -FDT_ERR_BADOVERLAY;
		if (err)
			return err;
	}
	fdt_for_each_subnode(child, overlay, fixups) {
		int target = fdt_subnode_offset(overlay, node, fdt_get_name(overlay, child, NULL));

		err = target < 0 ? target : check_fixups(overlay, target, child);
		if (err)
			return err;
	}
	return 0;
}

/* libfdt applies any other tree, too, without effect. */
static bool has_fragment(const void *overlay)
{
	int node;

	fdt_for_each_subnode(node, overlay, 0) {
		if (fdt_subnode_offset(overlay, node, "__overlay__") >= 0)
			return true;
	}
	return false;
}

/* What fdt_overlay_apply() takes for granted. */
static int check_overlay(const void *overlay, size_t size)
{
	int fixups, err = fdt_check_untrusted(overlay, size);

	if (!err)
		err = check_depth(overlay);
	if (!err && !has_fragment(overlay))
		err = -FDT_ERR_BADOVERLAY;
	if (err)
		return err;
	fixups = fdt_subnode_offset(overlay, 0, "__local_fixups__");
	return fixups < 0 ? 0 : check_fixups(overlay, 0, fixups);
}

int guest_dtb_overlay(void *buf, void *overlay, size_t overlay_size, size_t *size, const char **why)
{
	int err;

	arch_fp_begin();
	err = check_overlay(overlay, overlay_size);
	if (!err)
		err = fdt_open_into(buf, buf, GUEST_DTB_MAX);
	if (!err)
		err = fdt_overlay_apply(buf, overlay);
	if (!err)
		err = fdt_pack(buf);
	if (err)
		*why = fdt_strerror(err);
	else
		*size = fdt_totalsize(buf);
	arch_fp_end();
	return err ? -EINVAL : 0;
}
