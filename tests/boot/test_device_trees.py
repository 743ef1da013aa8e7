# SPDX-License-Identifier: MIT
"""
The machine is what its device tree says, however the tree says it: altered trees of QEMU's, and machines of
other properties, boot both guests to the end.
"""
import copy
import random
import re

import pytest

import devicetree
import qemu
from devicetree import cells64

MIB = 1 << 20
RAM = 0x40000000
OPTIONAL = ("arm,pl031", "virtio,mmio", "pci-host-ecam-generic", "arm,gic-v3-its", "arm,armv8-pmuv3", "cfi-flash",
            "qemu,fw-cfg-mmio", "arm,pl061", "gpio-keys", "qemu,platform")


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    return qemu.dump_tree(tmp_path_factory.mktemp("tree") / "virt.dtb", smp=2)


@pytest.fixture
def tree(original):
    """QEMU's tree for a machine of 2 CPUs and 512 MiB, to be altered."""
    return copy.deepcopy(original)


def carve_outs(text):
    """[(start, end)] of the VMs' RAM."""
    found = re.findall(r"RAM (\d+) KiB at IPA 0x\w+ = PA (0x\w+)", text)
    assert len(found) == 2, text
    return [(int(start, 16), int(start, 16) + (int(size) << 10)) for size, start in found]


def assert_inside(regions, banks):
    for start, end in regions:
        assert any(low <= start and end <= high for low, high in banks), (hex(start), hex(end), banks)


# ---- the same machine, told differently (QEMU's -dtb) ---------------------------------------------------

def rename(tree):
    """Every name that the specification does not fix; the console is named by its path."""
    for number, node in enumerate(tree.walk()):
        if node.name and node not in (tree["chosen"], tree["cpus"], tree["psci"]) and not node.of_type("memory"):
            node.name = f"thing-{number}" + (node.name[node.name.index("@"):] if "@" in node.name else "")
    tree["chosen"].set("stdout-path", "/" + tree.compatible("arm,pl011")[0].name)


def reverse(tree):
    for node in tree.walk():
        node.children.reverse()
        node.props = dict(reversed(node.props.items()))


def shuffle(seed):
    def change(tree):
        dice = random.Random(seed)
        for node in tree.walk():
            dice.shuffle(node.children)
            node.props = dict(dice.sample(list(node.props.items()), len(node.props)))
    return change


def lack_what_is_optional(tree):
    tree.remove(*tree.compatible(*OPTIONAL))


def lack_stdout(tree):
    del tree["chosen"].props["stdout-path"]


def name_stdout_by_alias(tree):
    tree.add("aliases", {"console": "/pl011@9000000"})
    tree["chosen"].set("stdout-path", "console:115200n8")


def have_a_disabled_uart_first(tree):
    lack_stdout(tree)
    tree.children.insert(0, devicetree.Node("pl011@9040000", {
        "compatible": "arm,pl011", "reg": cells64(0x9040000, 0x1000), "status": "disabled"}))


def have_another_uart_first(tree):
    have_a_disabled_uart_first(tree)
    tree.children[0].set("status", "okay")
    tree["chosen"].set("stdout-path", "/pl011@9000000")


def move_devices_behind_a_bus(tree):
    """UART, RTC and GIC at offsets into a bus that translates."""
    bus = tree.add("soc", {"compatible": "simple-bus", "#address-cells": [1], "#size-cells": [1],
                           "ranges": [0, *cells64(0x8000000), 0x8000000]})
    for node in tree.compatible("arm,pl011", "arm,pl031", "arm,gic-v3"):
        tree.remove(node)
        bus.children.append(node)
        cells = node.cells("reg")
        node.set("reg", [cell for i in range(0, len(cells), 4) for cell in (cells[i + 1] - 0x8000000, cells[i + 3])])
    tree.remove(*tree.compatible("arm,gic-v3-its"))
    tree["chosen"].set("stdout-path", "/soc/pl011@9000000")


def name_timer_interrupts(tree):
    timer = tree.compatible("arm,armv8-timer")[0]
    timer.set("interrupts", [1, 10, 4, 1, 11, 4, 1, 14, 4, 1, 13, 4])
    timer.set("interrupt-names", "hyp-phys\0virt\0phys\0sec-phys")


def extend_interrupts(tree):
    timer = tree.compatible("arm,armv8-timer")[0]
    gic = tree.compatible("arm,gic-v3")[0].cells("phandle")
    cells = timer.cells("interrupts")
    del timer.props["interrupts"]
    timer.set("interrupts-extended", [cell for i in range(0, 12, 3) for cell in gic + cells[i:i + 3]])


def have_strange_nodes(tree):
    strange = tree.add("a" * 200, {"compatible": b"no-end", "reg": b"\1\2\3", "interrupts": [1]})
    for depth in range(10):
        strange = strange.add(f"deep-{depth}", {"#address-cells": [3], "#size-cells": [0]})
    tree.add("")


TOLD_DIFFERENTLY = (rename, reverse, shuffle(1), shuffle(2), lack_what_is_optional, lack_stdout, name_stdout_by_alias,
                    have_a_disabled_uart_first, have_another_uart_first, move_devices_behind_a_bus,
                    name_timer_interrupts, extend_interrupts, have_strange_nodes)


@pytest.mark.parametrize("change", TOLD_DIFFERENTLY, ids=lambda change: change.__qualname__.split(".")[0])
def test_a_tree_that_tells_the_same_differently_boots_both_guests(image, short_package, tree, tmp_path, change):
    change(tree)
    blob = tmp_path / "altered.dtb"
    blob.write_bytes(devicetree.flatten(tree))
    result = qemu.run(kernel=image, initrd=short_package, dtb=blob, smp=2)
    qemu.assert_good(result)
    assert "2 CPU(s) online" in result.text


def test_a_tree_of_nothing_but_the_essentials_in_32_bit_cells_boots_both_guests(image, short_package, tmp_path):
    root = devicetree.Node("", {"#address-cells": [1], "#size-cells": [1], "interrupt-parent": [1]})
    root.add("chosen")
    root.add("ram", {"device_type": "memory", "reg": [RAM, 512 * MIB]})
    root.add("cpus", {"#address-cells": [1], "#size-cells": [0]}).add("cpu", {
        "device_type": "cpu", "reg": [0], "compatible": "arm,cortex-a57", "enable-method": "psci"})
    root.add("psci", {"compatible": "arm,psci-0.2", "method": "smc"})
    root.add("timer", {"compatible": "arm,armv8-timer", "interrupts": [1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4]})
    root.add("uart", {"compatible": "arm,pl011", "reg": [0x9000000, 0x1000]})
    root.add("gic", {"compatible": "arm,gic-v3", "reg": [0x8000000, 0x10000, 0x80a0000, 0xf60000],
                     "interrupt-controller": True, "#interrupt-cells": [3], "phandle": [1], "interrupts": [1, 9, 4]})
    result = qemu.run(*qemu.place_by_loader(tmp_path, image, root, short_package))
    qemu.assert_good(result)
    assert "1 CPU(s) in the device tree, 512 MiB RAM" in result.text


# ---- other places of RAM, image and initrd (QEMU only loads) --------------------------------------------

def test_ram_in_two_banks_of_one_node_is_used_up_to_the_hole_and_behind_it(image, short_package, tree, tmp_path):
    banks = [(RAM, RAM + 16 * MIB), (RAM + 256 * MIB, RAM + 320 * MIB)]
    tree.of_type("memory")[0].set("reg", cells64(*(n for low, high in banks for n in (low, high - low))))
    result = qemu.run(*qemu.place_by_loader(tmp_path, image, tree, short_package, initrd_at=banks[1][0]), smp=2)
    qemu.assert_good(result)
    assert " 80 MiB RAM (" in result.text
    regions = carve_outs(result.text)
    assert_inside(regions, banks)
    assert len({start < banks[1][0] for start, _ in regions}) == 2, "both guests are in one bank: " + result.text


def test_ram_in_two_nodes_is_found(image, short_package, tree, tmp_path):
    memory = tree.of_type("memory")[0]
    memory.set("reg", cells64(RAM, 64 * MIB))
    tree.add("memory@50000000", {"device_type": "memory", "reg": cells64(0x50000000, 128 * MIB)})
    initrd_at = 0x50000000 + 100 * MIB
    result = qemu.run(*qemu.place_by_loader(tmp_path, image, tree, short_package, initrd_at=initrd_at), smp=2)
    qemu.assert_good(result)
    assert " 192 MiB RAM (" in result.text
    assert_inside(carve_outs(result.text), [(RAM, RAM + 64 * MIB), (0x50000000, 0x50000000 + 128 * MIB)])


@pytest.mark.parametrize("nodes", (1, 2))
def test_a_vm_too_large_for_the_first_bank_is_in_the_second(image, tree, tmp_path, nodes):
    """Two ranges of one node, or two nodes; a small VM that comes later still fits into the first."""
    banks = [(RAM, RAM + 24 * MIB), (RAM + 256 * MIB, RAM + 400 * MIB)]
    memory = tree.of_type("memory")[0]
    memory.set("reg", cells64(*(n for low, high in banks[:3 - nodes] for n in (low, high - low))))
    if nodes == 2:
        low, high = banks[1]
        tree.add(f"memory@{low:x}", {"device_type": "memory", "reg": cells64(low, high - low)})
    package = qemu.pack(tmp_path, qemu.counter(5, ram_size=100 * MIB), qemu.memwalk(5))
    result = qemu.run(*qemu.place_by_loader(tmp_path, image, tree, package, initrd_at=banks[1][1] - 4 * MIB), smp=2)
    qemu.assert_good(result)
    large, small = carve_outs(result.text)
    assert_inside([large], banks[1:])
    assert_inside([small], banks[:1])


def test_ram_of_two_numa_nodes_is_one(image, short_package):
    halves = [arg for n in range(2) for arg in ("-object", f"memory-backend-ram,id=ram{n},size=128M",
                                                "-numa", f"node,memdev=ram{n}")]
    result = qemu.run(*halves, kernel=image, initrd=short_package, mem="256M", smp=2)
    qemu.assert_good(result)
    assert " 256 MiB RAM (" in result.text


@pytest.mark.parametrize("how", ("reserved-memory", "memreserve"))
def test_reserved_memory_stays_untouched(image, short_package, tree, tmp_path, how):
    """All but the first 24 and the last 24 MiB is somebody else's, as is a part of the beginning."""
    reserved = [(RAM, RAM + 2 * MIB), (RAM + 24 * MIB, RAM + 488 * MIB)]
    if how == "reserved-memory":
        node = tree.add("reserved-memory", {"ranges": True, "#address-cells": [2], "#size-cells": [2]})
        for low, high in reserved:
            node.add(f"firmware@{low:x}", {"reg": cells64(low, high - low), "no-map": True})
        node.add("pool", {"size": cells64(MIB), "alignment": cells64(MIB)})
    sizes = [(low, high - low) for low, high in reserved] if how == "memreserve" else ()
    args = qemu.place_by_loader(tmp_path, image, tree, short_package, initrd_at=RAM + 490 * MIB, reservations=sizes)
    result = qemu.run(*args, smp=2)
    qemu.assert_good(result)
    assert_inside(carve_outs(result.text), [(RAM + 2 * MIB, RAM + 24 * MIB), (RAM + 488 * MIB, RAM + 512 * MIB)])
    free = int(re.search(r"512 MiB RAM \((\d+) MiB free\)", result.text)[1])
    assert free < 48, "reserved memory counts as free"


@pytest.mark.parametrize("place", (RAM + MIB + 0x1000, RAM + 300 * MIB + 0xabc, RAM + 511 * MIB, 5 << 30))
def test_initrd_is_found_wherever_it_lies(image, short_package, tmp_path, place):
    mem = "6G" if place >= 1 << 32 else "512M"
    tree = qemu.dump_tree(tmp_path / "virt.dtb", mem=mem)
    args = qemu.place_by_loader(tmp_path, image, tree, short_package, initrd_at=place)
    qemu.assert_good(qemu.run(*args, mem=mem))


def test_initrd_addresses_may_have_one_cell(image, short_package, tree, tmp_path):
    args = qemu.place_by_loader(tmp_path, image, tree, short_package)
    for prop in ("linux,initrd-start", "linux,initrd-end"):
        tree["chosen"].set(prop, tree["chosen"].cells(prop)[1:])
    (tmp_path / "placed.dtb").write_bytes(devicetree.flatten(tree))
    qemu.assert_good(qemu.run(*args, smp=2))


@pytest.mark.parametrize("place", (RAM + 0x9c00000, RAM + 508 * MIB, 5 << 30))
def test_image_runs_wherever_it_was_loaded(image, short_package, tmp_path, place):
    mem = "6G" if place >= 1 << 32 else "512M"
    tree = qemu.dump_tree(tmp_path / "virt.dtb", mem=mem)
    args = qemu.place_by_loader(tmp_path, image, tree, short_package, image_at=place)
    result = qemu.run(*args, mem=mem)
    qemu.assert_good(result)
    size = image.stat().st_size
    assert all(end <= place - 2 * MIB or start >= place + size for start, end in carve_outs(result.text)), result.text


# ---- other machines -------------------------------------------------------------------------------------

# A secondary CPU of QEMU's that is started under EL3 may not use pointer authentication: no max with secure=on.
@pytest.mark.parametrize("machine, cpu", (
    ("highmem=off", "max"), ("its=off", "max"), ("iommu=smmuv3", "max"), ("secure=on", "cortex-a57"),
    ("ras=on,acpi=off", "max"), ("dtb-randomness=on", "max"), ("mte=on", "max")))
def test_machine_property_changes_nothing_for_the_guests(image, short_package, machine, cpu):
    result = qemu.run(kernel=image, initrd=short_package, machine=machine, cpu=cpu, smp=2)
    qemu.assert_good(result)
    assert "2 CPU(s) online" in result.text


def test_devices_that_nobody_uses_do_no_harm(image, short_package):
    devices = [arg for name in ("virtio-rng-device", "virtio-serial-device", "virtio-balloon-device", "virtio-rng-pci")
               for arg in ("-device", name)]
    qemu.assert_good(qemu.run(*devices, kernel=image, initrd=short_package))
