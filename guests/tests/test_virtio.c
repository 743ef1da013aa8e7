// SPDX-License-Identifier: MIT
/*
 * test_virtio: the 32 transports at fixed places, where a kernel that knows the board looks for its disk: all
 * empty (Virtio 1.2, 4.2.3.1.1), and looking does no harm.
 */
#include "guests/lib/test.h"

#define TRANSPORT(n)	(GUEST_VIRTIO_IPA + (n) * GUEST_VIRTIO_SIZE)
#define MAGIC		0x000
#define VERSION		0x004
#define DEVICE_ID	0x008
#define VENDOR_ID	0x00c
#define STATUS		0x070
#define MAGIC_VALUE	0x74726976
#define VENDOR_QEMU	0x554d4551

static uint16_t get16(uint64_t addr)
{
	uint16_t value;

	__asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(addr) : "memory");
	return value;
}

/* As a driver goes through them. */
static void test_probe(void)
{
	unsigned int there = 0, devices = 0;
	uint32_t version = 0, vendor = 0;

	for (unsigned int n = 0; n < GUEST_VIRTIO_NR; n++) {
		there += guest_mmio_read32(TRANSPORT(n) + MAGIC) == MAGIC_VALUE;
		devices += guest_mmio_read32(TRANSPORT(n) + DEVICE_ID) != 0;
		version |= guest_mmio_read32(TRANSPORT(n) + VERSION);
		vendor |= guest_mmio_read32(TRANSPORT(n) + VENDOR_ID);
	}
	test_equal(there, GUEST_VIRTIO_NR, "each has the magic value");
	test_equal(devices, 0, "and no device");
	test_equal(version, 1, "of the legacy interface");
	test_equal(vendor, VENDOR_QEMU, "made by QEMU");
}

/* Bits that are set in any register beyond the first four. */
static uint32_t rest_of(uint64_t transport)
{
	uint32_t bits = 0;

	for (uint64_t offset = VENDOR_ID + 4; offset < GUEST_VIRTIO_SIZE; offset += 4)
		bits |= guest_mmio_read32(transport + offset);
	return bits;
}

static void test_registers(void)
{
	uint64_t last = TRANSPORT(GUEST_VIRTIO_NR - 1);

	test_equal(rest_of(TRANSPORT(0)) | rest_of(last), 0, "all others are zero");
	for (uint64_t offset = 0; offset < GUEST_VIRTIO_SIZE; offset += 4)
		guest_mmio_write32(last + offset, ~0u);
	test_equal(rest_of(last), 0, "and stay so");
	test_equal(guest_mmio_read32(last + MAGIC), MAGIC_VALUE, "what is not is not written either");
	test_equal(guest_mmio_read32(last + STATUS), 0, "no status without a device");
}

/* Registers are words, but who reads otherwise is not punished for it. */
static void test_sizes(void)
{
	uint64_t at = TRANSPORT(7);

	test_equal(guest_mmio_read8(at), MAGIC_VALUE & 0xff, "a byte is the lowest of the word");
	test_equal(guest_mmio_read8(at + 1), 0, "the others are zero");
	test_equal(get16(at + VENDOR_ID), VENDOR_QEMU & 0xffff, "half a word");
	test_equal(get16(at + VENDOR_ID + 2), 0, "and the other");
	test_equal(guest_mmio_read64(at), MAGIC_VALUE | UINT64_C(1) << 32, "two registers at once");
	guest_mmio_write8(at + STATUS, 1);
	guest_mmio_write64(at + STATUS, ~UINT64_C(0));
	test_equal(guest_mmio_read64(at + STATUS), 0, "writes of any size are ignored");
}

static const struct test tests[] = {
	{ "probe", test_probe },
	{ "registers", test_registers },
	{ "sizes", test_sizes },
};

void guest_main(uint64_t dtb __unused)
{
	guest_mmu_map(GUEST_VIRTIO_IPA, GUEST_VIRTIO_NR * GUEST_VIRTIO_SIZE, GUEST_MAP_DEVICE);
	test_main("virtio", tests, ARRAY_SIZE(tests));
}
