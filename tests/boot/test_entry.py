# SPDX-License-Identifier: MIT
"""
The state in which each protocol enters a guest: registers, system registers, memory, device tree. The guests
of guests/tests/entry look at all of it.
"""
import gzip
import re
import struct

import pytest

import devicetree
import qemu

CPUS = ("cortex-a57", "max")
RAMDISK_SIZE = 0x12345
PT_LOAD = 1


def pattern(size):
    """What entry.c calls pattern()."""
    return bytes((i * 7 + (i >> 8) + 3) & 0xff for i in range(size))


def arguments(args="", cpu="cortex-a57"):
    return f"entry=1 hz={qemu.counter_hz(cpu)} {args}".strip()


def run(directory, image, kernel, protocol, args="", vcpus=1, cpus=1, cpu="cortex-a57", more=(), images=(), **props):
    """Run one guest to its end; its lines. Beside another VM, whose lines might cut those of a VM with the focus."""
    guest = qemu.Guest("entry", arguments(args, cpu), kernel=kernel,
                       props={"protocol": protocol, "vcpus": [vcpus], **props}, more_memory=more, images=images)
    others = () if protocol == "linux" else (qemu.counter(5),)
    result = qemu.run(kernel=image, initrd=qemu.pack(directory, guest, *others), smp=cpus, cpu=cpu)
    found = re.findall(r"^(?:\[entry\] )?((?:PASS|FAIL): entry: .*)$", result.text, re.M)
    counts = re.search(r"END: entry: (\d+) passed, (\d+) failed, 0 skipped", result.text)
    assert counts, result.text
    assert int(counts[1]) == len(found) and counts[2] == "0", result.text
    assert result.status == 0, result.text
    assert "all VMs are off: powering off, success" in result.text, result.text
    return found


def add_segments(elf, *segments):
    """An ELF with further PT_LOADs (physical address, bytes, memsz), behind those that it has."""
    phoff, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    table, out = elf[phoff:phoff + size * count], bytearray(elf)
    for paddr, data, memsz in segments:
        table += struct.pack("<IIQQQQQQ", PT_LOAD, 6, len(out), paddr, paddr, len(data), memsz, 1)
        out += data
    out += bytes(-len(out) % 8)
    struct.pack_into("<Q", out, 32, len(out))
    struct.pack_into("<H", out, 56, count + len(segments))
    return bytes(out) + table


@pytest.mark.parametrize("cpu", CPUS)
def test_elf(cpu, image, tmp_path):
    run(tmp_path, image, "test_entry_elf.elf", "elf", cpu=cpu)


def test_segments_of_an_elf_lie_anywhere_in_memory(image, tmp_path):
    far, size = 0x40500ff3, 0x10345
    elf = (qemu.guests_dir() / "test_entry_elf.elf").read_bytes()
    # The last page; nothing but zeros; and one whose end is zero.
    (tmp_path / "far.elf").write_bytes(add_segments(elf, (0x407ff000, b"", 0x1000), (0x40180000, b"", 0x10000),
                                                    (far, pattern(size), 0x40000)))
    found = run(tmp_path, image, "far.elf", "elf", f"far={far:#x} far-size={size:#x}")
    assert "PASS: entry: segments: what lies far away" in found


def test_segments_of_an_elf_lie_in_several_regions_of_memory(image, tmp_path):
    region, region_size, size = 0x60000000, 0x600000, 0x300001
    elf = (qemu.guests_dir() / "test_entry_elf.elf").read_bytes()
    far = region + region_size - size
    (tmp_path / "far.elf").write_bytes(add_segments(elf, (far, pattern(size), size)))
    found = run(tmp_path, image, "far.elf", "elf", f"far={far:#x} far-size={size:#x} more={region:#x} "
                f"more-size={region_size:#x}", more=((region, region_size),))
    assert "PASS: entry: segments: what lies far away" in found
    assert "PASS: entry: rest of memory: is zero in the other region" in found


def test_segment_across_the_end_of_a_region_is_refused(image, tmp_path):
    elf = (qemu.guests_dir() / "test_entry_elf.elf").read_bytes()
    (tmp_path / "far.elf").write_bytes(add_segments(elf, (0x60000000, b"1234", 0x200001)))
    text = refusal(tmp_path, image, tmp_path / "far.elf", more_memory=((0x60000000, 0x200000),),
                   props={"protocol": "elf"})
    assert "kernel: 0x60000000 with 0x200001 bytes lies outside the memory" in text, text


@pytest.mark.parametrize("cpu", CPUS)
def test_linux_image_and_ramdisk(cpu, image, tmp_path):
    (tmp_path / "ramdisk").write_bytes(pattern(RAMDISK_SIZE))
    found = run(tmp_path, image, "test_entry_linux.bin", "linux", f"ramdisk={RAMDISK_SIZE:#x}", cpu=cpu,
                ramdisk="ramdisk")
    assert "PASS: entry: ramdisk: every byte" in found


def test_linux_image_compressed_with_gzip(image, tmp_path):
    (tmp_path / "Image.gz").write_bytes(gzip.compress((qemu.guests_dir() / "test_entry_linux.bin").read_bytes()))
    run(tmp_path, image, "Image.gz", "linux")


def test_linux_with_a_device_tree_of_the_package(image, tmp_path):
    args = "supplied=1"
    tree = devicetree.Node("", {"#address-cells": [2], "#size-cells": [2]})
    tree.add("chosen", {"bootargs": arguments(args), "supplied": True})
    tree.add("memory@40000000", {"device_type": "memory", "reg": devicetree.cells64(0x40000000, 0x800000)})
    (tmp_path / "guest.dtb").write_bytes(devicetree.flatten(tree))
    run(tmp_path, image, "test_entry_linux.bin", "linux", args, dtb="guest.dtb")


@pytest.mark.parametrize("cpu", CPUS)
def test_raw_binary_at_its_load_address(cpu, image, tmp_path):
    run(tmp_path, image, "test_entry_raw.bin", "raw", cpu=cpu, **{"load-address": devicetree.cells64(0x40303000)})


def test_raw_binary_at_any_multiple_of_4(image, tmp_path):
    """What it begins with jumps over itself to where the rest is linked."""
    stub = struct.pack("<I", 0x14000000 | 0x3c >> 2) + bytes(0x38)
    (tmp_path / "odd.bin").write_bytes(stub + (qemu.guests_dir() / "test_entry_raw.bin").read_bytes())
    run(tmp_path, image, "odd.bin", "raw", f"before={len(stub)}", **{
        "load-address": devicetree.cells64(0x40303000 - len(stub))})


RAW_AT = {"load-address": devicetree.cells64(0x40303000)}


@pytest.mark.parametrize("protocol,kernel,props", [("elf", "test_entry_elf.elf", {}), ("raw", "test_entry_raw.bin", RAW_AT)])
def test_ramdisk_of_a_kernel_that_is_not_linux(protocol, kernel, props, image, tmp_path):
    (tmp_path / "ramdisk").write_bytes(pattern(RAMDISK_SIZE))
    found = run(tmp_path, image, kernel, protocol, f"ramdisk={RAMDISK_SIZE:#x}", ramdisk="ramdisk", **props)
    assert "PASS: entry: ramdisk: every byte" in found


@pytest.mark.parametrize("protocol,kernel,props", [("elf", "test_entry_elf.elf", {}), ("raw", "test_entry_raw.bin", RAW_AT),
                                                   ("linux", "test_entry_linux.bin", {})])
def test_further_images_lie_at_their_addresses(protocol, kernel, props, image, tmp_path):
    at, size = 0x40180404, 0x12345
    (tmp_path / "further").write_bytes(pattern(size))
    (tmp_path / "zeros").write_bytes(bytes(4096))
    found = run(tmp_path, image, kernel, protocol, f"far={at:#x} far-size={size:#x}",
                images=((at, "further"), (0x40700000, "zeros")), **props)
    assert "PASS: entry: segments: what lies far away" in found


def test_device_tree_lies_above_an_elf_with_a_copy_at_the_start_of_memory(image, tmp_path):
    found = run(tmp_path, image, "test_entry_elf.elf", "elf", "dtb=0x40400000", **{"dtb-address": None})
    assert "PASS: entry: device tree: the start of memory has a copy" in found


@pytest.mark.parametrize("protocol,kernel", [("elf", "test_entry_elf.elf"), ("linux", "test_entry_linux.bin")])
def test_other_vcpus_are_off(protocol, kernel, image, tmp_path):
    found = run(tmp_path, image, kernel, protocol, vcpus=3, cpus=2)
    assert found.count("PASS: entry: other vCPUs: is off") == 2


@pytest.mark.parametrize("vcpus,cpus,cpu", [(1, 1, "cortex-a57"), (1, 1, "max"), (2, 1, "cortex-a57"),
                                            (2, 2, "max"), (4, 4, "cortex-a57"), (4, 2, "max")])
def test_sel4_enters_all_vcpus_with_translation_on(vcpus, cpus, cpu, image, tmp_path):
    found = run(tmp_path, image, "test_entry_sel4.cpio", "sel4", vcpus=vcpus, cpus=cpus, cpu=cpu)
    assert found.count("PASS: entry: other vCPUs: TPIDR_EL1") == vcpus - 1


@pytest.mark.parametrize("protocol,kernel", [("linux", "test_entry_linux.bin"), ("sel4", "test_entry_sel4.cpio")])
def test_reset_enters_again_in_the_same_state(protocol, kernel, image, tmp_path):
    found = run(tmp_path, image, kernel, protocol, "reset=1", vcpus=2, cpus=2, devices=b"uart\0rtc\0")
    assert "PASS: entry: rest of memory: is zero" in found


def refusal(directory, image, kernel, **fields):
    guest = qemu.Guest("entry", kernel=kernel.name, props={"protocol": "sel4", **fields.pop("props", {})}, **fields)
    result = qemu.run(kernel=image, initrd=qemu.pack(directory, guest, qemu.counter(5), check=False))
    assert qemu.passed(result.text) == {"counter_os"}, result.text
    qemu.assert_failed(result)
    return re.search(r"SCHISM-E\d+.*\n.*", result.text)[0]


def test_sel4_with_too_little_memory_is_refused(image, tmp_path):
    text = refusal(tmp_path, image, qemu.guests_dir() / "test_entry_sel4.cpio", ram_size=0x1d000,
                   props={"mailbox": devicetree.cells64(0x40000000)})
    assert "kernel (page tables): 0x4001b000 with 0x4000 bytes lies outside" in text, text


def test_sel4_without_a_rootserver_is_refused(image, tmp_path):
    whole = (qemu.guests_dir() / "test_entry_sel4.cpio").read_bytes()
    (tmp_path / "cut.cpio").write_bytes(whole.replace(b"rootserver\0", b"rootserves\0"))
    text = refusal(tmp_path, image, tmp_path / "cut.cpio")
    assert "kernel: its CPIO has no rootserver" in text, text


def test_sel4_file_that_is_no_archive_is_refused(image, tmp_path):
    text = refusal(tmp_path, image, qemu.guests_dir() / "test_entry_elf.elf")
    assert "kernel: is no CPIO of seL4's images" in text, text


def test_mailbox_inside_sel4s_kernel_is_refused(image, tmp_path):
    text = refusal(tmp_path, image, qemu.guests_dir() / "test_entry_sel4.cpio",
                   props={"mailbox": devicetree.cells64(0x40001000)})
    assert "mailbox: 0x40001000 with 0x1000 bytes overlaps the kernel (kernel.elf)" in text, text


def test_device_tree_beside_sel4s_own_is_refused(image, tmp_path):
    (tmp_path / "guest.dtb").write_bytes(devicetree.flatten(devicetree.Node("")))
    text = refusal(tmp_path, image, qemu.guests_dir() / "test_entry_sel4.cpio", props={"dtb": "guest.dtb"})
    assert "dtb" in text, text
