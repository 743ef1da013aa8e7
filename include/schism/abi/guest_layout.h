/* SPDX-License-Identifier: MIT */
/*
 * What a learning guest finds where, in its intermediate physical addresses (IPA).
 *
 *   IPA                     what                                  who reaches it
 *   0x0400_0000  64 MiB     empty flash                           trapped, emulated
 *   0x0800_0000  64 KiB     GICv3 distributor                     trapped, emulated
 *   0x080a_0000  128 KiB/n  GICv3 redistributor of vCPU n         trapped, emulated
 *   0x0900_0000  4 KiB      virtual UART aperture (PL011)         trapped, emulated
 *   0x0a00_0000  16 KiB     32 virtio transports, all empty       trapped, emulated
 *   0x0a20_0000  8 KiB      watchdog: refresh frame, control frame    trapped, emulated, where granted
 *   0x4000_0000  1 MiB      the device tree, where x0 says so     guest RAM
 *   0x4010_0000  4 KiB      mailbox region                        guest RAM, read and prepared by EL2
 *   0x4020_0000  2 MiB      the guest's image, stack and heap     guest RAM
 *   0x4040_0000  4 MiB      private work buffers                  guest RAM
 *
 * The mailbox region is ordinary RAM of the VM. "Shared" says that Schism looks into it as well: it
 * writes the header before the guest starts and prints the slots in guest_shared_dump(). No other VM
 * sees it. Everything outside RAM and the apertures is unmapped: an access gives the guest a
 * synchronous external abort.
 *
 * The map is that of QEMU's virt board, so that these guests run bare on it, too.
 */
#ifndef SCHISM_ABI_GUEST_LAYOUT_H
#define SCHISM_ABI_GUEST_LAYOUT_H

#define GUEST_FLASH_IPA			0x04000000
#define GUEST_FLASH_SIZE		0x04000000
#define GUEST_GICD_IPA			0x08000000
#define GUEST_GICD_SIZE			0x00010000
#define GUEST_GICR_IPA			0x080a0000
#define GUEST_GICR_STRIDE		0x00020000
#define GUEST_UART_IPA			0x09000000
#define GUEST_UART_SIZE			0x00001000
#define GUEST_UART_INTID		33
#define GUEST_RTC_IPA			0x09010000
#define GUEST_RTC_SIZE			0x00001000
#define GUEST_RTC_INTID			34
#define GUEST_VIRTIO_IPA		0x0a000000
#define GUEST_VIRTIO_SIZE		0x00000200	/* of each */
#define GUEST_VIRTIO_NR			32
#define GUEST_WATCHDOG_REFRESH_IPA	0x0a200000
#define GUEST_WATCHDOG_CONTROL_IPA	0x0a201000
#define GUEST_WATCHDOG_FRAME_SIZE	0x00001000
#define GUEST_WATCHDOG_INTID		42

/* Emulated devices lie below this; shared windows from here on, RAM from GUEST_RAM_IPA on. */
#define GUEST_DEVICES_END		0x10000000

#define GUEST_RAM_IPA			0x40000000
#define GUEST_RAM_SIZE			0x00800000
#define GUEST_DTB_IPA			0x40000000
#define GUEST_MAILBOX_IPA		0x40100000
#define GUEST_MAILBOX_SIZE		0x00001000
#define GUEST_IMAGE_IPA			0x40200000
#define GUEST_WORK_IPA			0x40400000
#define GUEST_WORK_SIZE			0x00400000

#define GUEST_MAILBOX_MAGIC		0x4d484353	/* "SCHM" in memory */
#define GUEST_MAILBOX_VERSION		1
#define GUEST_MAILBOX_SLOTS		64
#define GUEST_MAILBOX_NAME_LEN		24
#define GUEST_MAILBOX_ARGS_LEN		256

#ifndef __ASSEMBLER__
#include <stdint.h>

/* One named value. A slot is in use when its name is not empty. */
struct guest_mailbox_slot {
	char name[GUEST_MAILBOX_NAME_LEN];	/* NUL-terminated unless full */
	uint64_t value;
	uint64_t writes;			/* how often the value was written */
};

/* At GUEST_MAILBOX_IPA. Little-endian. */
struct guest_mailbox {
	/* written by Schism before the guest's first instruction */
	uint32_t magic;
	uint32_t version;
	uint32_t vm_id;
	uint32_t nr_slots;			/* GUEST_MAILBOX_SLOTS */
	char args[GUEST_MAILBOX_ARGS_LEN];	/* the manifest's bootargs, NUL-terminated */
	/* written by the guest */
	struct guest_mailbox_slot slots[GUEST_MAILBOX_SLOTS];
};

_Static_assert(sizeof(struct guest_mailbox) <= GUEST_MAILBOX_SIZE, "mailbox exceeds its region");
#endif

#endif
