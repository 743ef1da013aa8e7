// SPDX-License-Identifier: MIT
/* What a VM's description alone does not tell: conflicts with another VM's, and what the machine lacks. */
#include "kernel/load/manifest_reader.h"

#include "arch/stage2.h"
#include "kernel/base/log.h"
#include "kernel/platform/this_machine.h"
#include "lib/dt.h"
#include "lib/errno.h"
#include "lib/string.h"

/* ---- two VMs ---- */

#define conflict(err, property, ...)	manifest_refuse(err, BOOT_E_VM_CONFLICT, property, __VA_ARGS__)

static bool overlap(const struct vm_region *a, const struct vm_region *b)
{
	return a->fixed && b->fixed && a->pa.pa < b->pa.pa + b->size && b->pa.pa < a->pa.pa + a->size;
}

static int check_physical(const struct vm_desc *desc, const struct vm_desc *other, struct manifest_error *err)
{
	for (unsigned int i = 0; i < desc->nr_regions * other->nr_regions; i++) {
		const struct vm_region *a = &desc->regions[i / other->nr_regions];
		const struct vm_region *b = &other->regions[i % other->nr_regions];

		if (overlap(a, b))
			return conflict(err, "phys", "at 0x%lx overlaps the one at 0x%lx of VM \"%s\"",
					a->pa.pa, b->pa.pa, other->name);
	}
	return 0;
}

/* The node that a path names in the machine's tree, or negative; paths may leave unit addresses out. */
static int machine_node(const char *path)
{
	const char *why;
	struct dt dt;

	if (!machine.fdt || dt_open(&dt, machine.fdt, machine.fdt_size, &why))
		return -ENOENT;
	return dt_find(&dt, path, strlen(path));
}

static bool same_device(const char *a, const char *b)
{
	return !strcmp(a, b) || (machine_node(a) >= 0 && machine_node(a) == machine_node(b));
}

static int check_devices(const struct vm_desc *desc, const struct vm_desc *other, struct manifest_error *err)
{
	for (unsigned int i = 0; i < desc->nr_passthrough; i++) {
		for (unsigned int j = 0; j < other->nr_passthrough; j++) {
			if (same_device(desc->passthrough[i], other->passthrough[j]))
				return conflict(err, "passthrough", "lists \"%s\", as does VM \"%s\"",
						desc->passthrough[i], other->name);
		}
	}
	return 0;
}

int manifest_check_pair(const struct vm_desc *desc, const struct vm_desc *other, struct manifest_error *err)
{
	int ret = 0;

	if (!strcmp(desc->name, other->name))
		ret = conflict(err, "vm-name", "is that of another VM \"%s\"", other->name);
	if (!ret)
		ret = check_physical(desc, other, err);
	if (!ret)
		ret = check_devices(desc, other, err);
	return ret;
}

/* ---- the machine ---- */

static int check_addresses(const struct vm_desc *desc, struct manifest_error *err)
{
	uint64_t end = UINT64_C(1) << arch_ipa_bits();

	for (unsigned int i = 0; i < desc->nr_regions; i++) {
		const struct vm_region *it = &desc->regions[i];

		if (it->ipa.ipa + it->size > end)
			return manifest_refuse(err, BOOT_E_BAD_VM, "memory",
					       "at 0x%lx ends above the %u address bits of this machine",
					       it->ipa.ipa, arch_ipa_bits());
	}
	return 0;
}

/* No mistake: a manifest may be for larger machines, too. A vCPU without any CPU of its own runs on all. */
static void warn_of_absent_cpus(const struct vm_desc *desc)
{
	uint64_t absent = 0;

	for (unsigned int i = 0; i < desc->nr_vcpus; i++) {
		if (~desc->cpu_mask[i])
			absent |= desc->cpu_mask[i] & ~(BIT(machine.nr_cpus) - 1);
	}
	for (unsigned int cpu = 0; absent; cpu++, absent >>= 1) {
		if (absent & 1)
			log_warn("%s: cpus lists %u, which this machine does not have", desc->name, cpu);
	}
}

/* Nodes that Schism itself drives, or that are no device. */
static const char *const own_compatibles[] = {
	"arm,gic-v3", "arm,gic-v3-its", "arm,armv8-timer", "arm,psci", "arm,psci-0.2", "arm,psci-1.0",
};

static bool is_own(const struct dt *dt, int node, const char *path)
{
	struct dt_prop type = dt_get(dt, node, "device_type");

	if (machine.has_uart && node == machine.uart.node)
		return true;
	if (machine.has_rtc && node == machine.rtc.node)
		return true;
	for (unsigned int i = 0; i < ARRAY_SIZE(own_compatibles); i++) {
		if (machine_node_is(machine.fdt, node, own_compatibles[i]))
			return true;
	}
	return dt_list_contains(type, "memory") || dt_list_contains(type, "cpu") || !strncmp(path, "/cpus",
											     5);
}

static int check_passthrough(const struct vm_desc *desc, const char *path, struct manifest_error *err)
{
	int node = machine_node(path);
	const char *why;
	struct dt dt;

	if (node < 0 || dt_open(&dt, machine.fdt, machine.fdt_size, &why))
		return manifest_refuse(err, BOOT_E_PASSTHROUGH, "passthrough",
				       "lists \"%s\", which this machine's device tree does not have", path);
	if (is_own(&dt, node, path))
		return manifest_refuse(err, BOOT_E_PASSTHROUGH, "passthrough",
				       "lists \"%s\", which Schism uses",
				       path);
	if (!dt_get(&dt, node, "reg").val)
		return manifest_refuse(err, BOOT_E_PASSTHROUGH, "passthrough",
				       "lists \"%s\", which has no registers (reg)", path);
	return 0;
}

int manifest_check_machine(const struct vm_desc *desc, struct manifest_error *err)
{
	int ret = check_addresses(desc, err);

	for (unsigned int i = 0; !ret && i < desc->nr_passthrough; i++) {
		ret = check_passthrough(desc, desc->passthrough[i], err);
		for (unsigned int j = 0; !ret && j < i; j++) {
			if (same_device(desc->passthrough[i], desc->passthrough[j]))
				ret = manifest_refuse(err, BOOT_E_PASSTHROUGH, "passthrough",
						      "lists \"%s\" twice", desc->passthrough[i]);
		}
	}
	if (!ret)
		warn_of_absent_cpus(desc);
	return ret;
}
