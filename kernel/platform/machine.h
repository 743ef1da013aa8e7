/* SPDX-License-Identifier: MIT */
/*
 * What the machine is, as its device tree says (Devicetree Specification v0.4). Filled once at boot on
 * the boot CPU, read-only afterwards.
 */
#ifndef KERNEL_PLATFORM_MACHINE_H
#define KERNEL_PLATFORM_MACHINE_H

#include "kernel/base/addr.h"
#include "lib/compiler.h"
#include "lib/types.h"

struct serial_driver;

#define MACHINE_MAX_RAM		16
#define MACHINE_MAX_RESERVED	32
#define MACHINE_MAX_REDIST	8
#define MACHINE_MAX_ITS		4
#define MACHINE_MAX_VIRTIO	64

struct mem_region {
	pa_t base;
	uint64_t size;		/* bytes; 0 when the region is absent */
};

struct machine_cpu {
	uint64_t mpidr;		/* affinity bits as in the node's reg */
	bool psci;		/* enable-method is "psci" */
	const char *enable_method;	/* inside fdt; "" when absent */
};

enum psci_conduit {
	PSCI_CONDUIT_NONE,
	PSCI_CONDUIT_SMC,
	PSCI_CONDUIT_HVC,
};

/* A device with one register window and at most one interrupt that Schism uses. */
struct machine_dev {
	struct mem_region regs;
	uint32_t intid;		/* GIC INTID; 0 when there is none */
	bool edge;		/* edge-triggered rather than level */
	int node;		/* offset in the device tree, for the driver's own properties */
};

struct machine {
	const void *fdt;
	uint64_t fdt_pa;		/* where fdt lies; set by the boot */
	uint32_t fdt_size;
	char model[64];
	const char *bootargs;		/* inside fdt; "" when absent */
	struct mem_region initrd;

	struct mem_region ram[MACHINE_MAX_RAM];	/* sorted, disjoint, page-aligned inwards */
	unsigned int nr_ram;
	struct mem_region reserved[MACHINE_MAX_RESERVED];	/* memreserve entries and /reserved-memory */
	unsigned int nr_reserved;

	struct machine_cpu cpus[CONFIG_NR_CPUS];
	unsigned int nr_cpus;		/* usable: at most CONFIG_NR_CPUS */
	unsigned int nr_cpus_present;	/* in the device tree, enabled */

	enum psci_conduit psci;

	bool has_gicv3;
	char gic_compatible[32];	/* of the interrupt controller found, for the error message */
	struct mem_region gicd;
	struct mem_region gicr[MACHINE_MAX_REDIST];
	unsigned int nr_gicr;
	uint64_t gicr_stride;		/* 0: not given */
	uint32_t gic_maint_intid;
	struct mem_region its[MACHINE_MAX_ITS];
	unsigned int nr_its;

	/* arm,armv8-timer; 0 when absent */
	uint32_t timer_sec_intid;
	uint32_t timer_phys_intid;
	uint32_t timer_virt_intid;
	uint32_t timer_hyp_intid;

	uint32_t pmu_intid;		/* arm,armv8-pmuv3, if a PPI; 0 when absent */

	struct machine_dev uart;	/* stdout-path's node, else the first enabled one with a driver */
	bool has_uart;
	const struct serial_driver *uart_driver;	/* NULL: none for it */
	uint32_t uart_clock_hz;		/* 0: unknown */
	uint32_t uart_baud;		/* from stdout-path's options; 0: unknown */

	struct machine_dev rtc;		/* arm,pl031 */
	bool has_rtc;
	struct machine_dev virtio[MACHINE_MAX_VIRTIO];	/* virtio,mmio */
	unsigned int nr_virtio;
	bool has_pcie;			/* pci-host-ecam-generic */
	bool has_smmu;			/* arm,smmu-v3 */

	uint8_t *rng_seed;		/* inside fdt, for the boot to use and clear; NULL when absent */
	uint32_t rng_seed_len;
};

/* What machine_discover() could not accept, for the boot error. */
struct machine_error {
	char path[96];			/* node, "" when none */
	char property[32];		/* property, "" when none */
	const char *what;		/* the conflict, in words */
};

/*
 * Find only the console's UART: cheap and tolerant, for the early console. Follows /chosen/stdout-path
 * (alias or path, options after ':'), else the first enabled node that there is a driver for, *driver.
 * Returns 0, or -ENOENT. regs->base is the CPU physical address (ranges of parent buses applied).
 */
__must_check int machine_find_uart(const void *fdt, struct mem_region *regs,
				   const struct serial_driver **driver);

/* Whether the tree can be read from end to end; one that can't, machine_discover() refuses for certain. */
bool machine_tree_is_whole(const void *fdt);

/*
 * Read the whole device tree into *m. fdt is size bytes long at most and may be hostile: nothing
 * outside it is read. Returns 0; -EINVAL for a broken tree or a property that contradicts its binding
 * (err says which); nodes that are merely absent leave their field empty, for the caller to judge.
 */
__must_check int machine_discover(const void *fdt, uint32_t size, struct machine *m,
				  struct machine_error *err);

/*
 * The first registers and the first interrupt of the node at an absolute path; dev->intid is 0 when it has
 * none. -ENOENT when there is no such node, it is disabled, or the CPU cannot reach its registers. Context:
 * boot CPU.
 */
__must_check int machine_find_device(const void *fdt, const char *path, struct machine_dev *dev);

/* True when one of the strings of the node's compatible property is compat. */
bool machine_node_is(const void *fdt, int node, const char *compat);

#endif
