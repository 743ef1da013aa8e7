/* SPDX-License-Identifier: MIT */
/* The boot package: a newc CPIO with "manifest.dtb" and the images that it names. */
#ifndef KERNEL_LOAD_PACKAGE_H
#define KERNEL_LOAD_PACKAGE_H

/*
 * Create and start the VMs of the package: the initrd's if the machine has one, else the embedded one.
 * A VM that cannot be is refused with a message, the others start. Ends the boot when there is no package,
 * a corrupt one, or no VM at all. Context: boot CPU, nothing running yet.
 */
void package_start_vms(void);

#endif
