# SPDX-License-Identifier: MIT
"""Small VMs are loaded first; what VMs claim, they claim in the order of the manifest."""
import re

import qemu

MIB = 1 << 20


def vm(name, mib, kernel="counter_os.elf", **props):
    return qemu.Guest(name, "rounds=5", kernel=kernel, ram_size=mib * MIB, props=props)


def places(text):
    """The VMs' numbers and what was said of the memory that each got, in the order of the log."""
    return re.findall(r"\] (\w+): VM (\d), VMID \d, 1 vCPU\(s\), RAM (\d+) KiB", text)


def run(image, tmp_path, *guests, **options):
    return qemu.run(kernel=image, initrd=qemu.pack(tmp_path, *guests), **options)


def test_a_small_vm_does_not_wait_for_a_large_sibling_before_it_in_the_manifest(image, tmp_path):
    result = run(image, tmp_path, vm("large", 300), vm("middle", 64), vm("small", 8), smp=2)
    text = result.text
    assert result.status == 0, text
    # Numbers and memory by the manifest, lives by size.
    assert places(text) == [("large", "0", str(300 << 10)), ("middle", "1", str(64 << 10)), ("small", "2", str(8 << 10))]
    starts = re.findall(r"\] (\w+): start 0:", text)
    assert starts == ["small", "middle", "large"], text
    assert text.index("small: off") < text.index("large: start 0:"), text


def test_on_one_cpu_a_small_vm_runs_while_a_large_one_is_loaded(image, tmp_path):
    """Copying is what is dear: 80 MiB of a file, not a word of which matters."""
    (tmp_path / "large.bin").write_bytes((qemu.guests_dir() / "test_entry_raw.bin").read_bytes() + bytes(80 * MIB))
    large = qemu.Guest("large", "entry=1", kernel="large.bin", ram_size=96 * MIB, props={
        "protocol": "raw", "load-address": qemu.devicetree.cells64(0x40303000), "mailbox": None})
    guests = large, vm("small", 8), vm("other", 8)
    package = qemu.pack(tmp_path, *guests, search=[tmp_path])
    text = qemu.run(kernel=image, initrd=package, smp=1).text
    began = text.index("[large]")
    assert text.index("small: PASS") < began and text.index("other: PASS") < began, text
    assert "all VMs are off" in text, text


def test_vms_of_one_size_start_in_the_order_of_the_manifest(image, tmp_path):
    text = run(image, tmp_path, vm("one", 8), vm("two", 8), vm("three", 8), smp=1).text
    assert re.findall(r"\] (\w+): start 0:", text) == ["one", "two", "three"], text


def test_of_two_vms_for_which_there_is_not_enough_memory_the_first_has_it(image, tmp_path):
    result = run(image, tmp_path, vm("first", 300), vm("second", 260), mem="512M")
    assert re.search(r"SCHISM-E014.*\n.*VM second: not enough contiguous RAM", result.text), result.text
    assert re.search(r"first: PASS", result.text) and "VM first" not in result.text, result.text
    qemu.assert_failed(result)


def test_a_vm_that_cannot_be_loaded_keeps_no_memory_from_one_behind_it(image, tmp_path):
    (tmp_path / "text").write_text("no kernel", encoding="utf-8")
    guests = vm("first", 300, kernel="text"), vm("second", 260)
    package = qemu.pack(tmp_path, *guests, search=[tmp_path], check=False)
    result = qemu.run(kernel=image, initrd=package, mem="512M")
    assert re.search(r"SCHISM-E015.*\n.*VM first: kernel: is not an ELF file", result.text), result.text
    assert re.search(r"second: PASS", result.text) and "VM second" not in result.text, result.text
