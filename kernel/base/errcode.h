/* SPDX-License-Identifier: MIT */
/*
 * Why a boot cannot go on. The numbers are stable: docs/errors.md explains each, and a test compares.
 */
#ifndef KERNEL_BASE_ERRCODE_H
#define KERNEL_BASE_ERRCODE_H

#include "lib/compiler.h"

/* X(name, number, cause, remedy) */
#define BOOT_ERRORS(X)									\
	X(WRONG_EL, 1, "not started at EL2",						\
	  "start with EL2 enabled and nothing above it handing over lower: on QEMU, "	\
	  "-M virt,virtualization=on without secure=on")				\
	X(NO_DTB, 2, "no device tree",							\
	  "pass its address in x0, or load it 2 MiB below the image")			\
	X(BAD_DTB, 3, "the device tree is broken",					\
	  "rebuild it with dtc, and check that the loader copied all of it")		\
	X(NO_RAM, 4, "no usable RAM",							\
	  "give the device tree a memory node (device_type = \"memory\") with a reg")	\
	X(RAM_TOO_SMALL, 5, "not enough RAM",						\
	  "give the machine more RAM (QEMU: -m), or lower CONFIG_HYP_POOL_KIB")		\
	X(NO_GICV3, 6, "no GICv3",							\
	  "give the machine a GICv3: on QEMU, -M virt,gic-version=3")			\
	X(OVERLAP, 7, "image, device tree and initrd overlap",				\
	  "load them to places of their own")						\
	X(CPU_FEATURE, 8, "the CPU lacks a feature",					\
	  "use an Armv8-A core with EL2, 4 KiB granules and GICv3 registers")		\
	X(NO_PACKAGE, 9, "no guests: neither an initrd nor an embedded package",	\
	  "pass a boot package as initrd (make run PACKAGE=...), or set CONFIG_EMBED_PACKAGE")	\
	X(BAD_PACKAGE, 10, "the boot package is corrupt",				\
	  "pack it again with scripts/mkpackage")					\
	X(BAD_VM, 11, "a VM of the package is refused",					\
	  "correct the manifest as the message says")					\
	X(NO_TIMER, 12, "no EL2 timer",							\
	  "give the device tree an arm,armv8-timer node with the hypervisor timer's interrupt")	\
	X(NO_UART, 13, "no console UART",						\
	  "give the device tree an arm,pl011 node, and name it in /chosen/stdout-path")	\
	X(VM_RESOURCES, 14, "a VM does not fit",					\
	  "give the VM less memory or the machine more (QEMU: -m), or raise the limit that is named")	\
	X(BAD_IMAGE, 15, "an image cannot be loaded",					\
	  "build the image for AArch64 and the VM's memory, or change the manifest")	\
	X(VM_CONFLICT, 16, "two VMs claim the same",					\
	  "give each VM a name, physical memory and devices of its own")		\
	X(PASSTHROUGH, 17, "a device cannot be passed through",				\
	  "name a device of the machine's tree that Schism does not use (QEMU: dumpdtb=FILE)")	\
	X(BAD_WINDOW, 18, "a shared window is refused",					\
	  "correct the window's node in the manifest; VMs that share it are refused, too")	\
	X(NO_PSCI, 19, "no PSCI",							\
	  "start with firmware that has PSCI, and give the device tree its node (arm,psci-1.0)")	\
	X(CPU_METHOD, 20, "CPUs that cannot be started",				\
	  "where the firmware starts them by PSCI, give their nodes enable-method = \"psci\"")

enum boot_error {
#define X(name, number, cause, remedy) BOOT_E_##name = number,
	BOOT_ERRORS(X)
#undef X
};

/* Print code, cause, the details and the remedy, and end the machine with failure. */
void boot_fail(enum boot_error error, const char *fmt, ...) __printf_like(2, 3) __noreturn __cold;

/* The same lines for a refusal that does not end the boot. */
void boot_complain(enum boot_error error, const char *fmt, ...) __printf_like(2, 3) __cold;

#endif
