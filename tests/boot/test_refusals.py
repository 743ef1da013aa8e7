# SPDX-License-Identifier: MIT
"""
Each refusal to boot that can be provoked: the stable code, the cause in the words of kernel/base/errcode.h, what
was found, and a remedy; then the machine ends by itself, in failure.
"""
import copy
import re
import time

import pytest

import devicetree
import qemu
from devicetree import cells64
from test_error_codes import codes

NOT_PROVOKED = {8}		# QEMU has no CPU without 4 KiB granules


def assert_refused(text, number, details):
    """The three lines, in order, and soon."""
    cause, remedy = codes()[number]
    lines = [rf"error: SCHISM-E{number:03d}: {re.escape(cause)}", rf"error:   .*{details}.*",
             rf"error:   remedy: {re.escape(remedy)}"]
    assert re.search(r"\n".join(rf"\[.*\] {line}" for line in lines), text), text
    assert "first guest instruction" not in text, text
    assert guest_seconds(text) < 2, text


def guest_seconds(text):
    """The guest's time of the last line."""
    return float(re.findall(r"^\[ *(\d+\.\d+)\]", text, re.M)[-1])


# ---- what is refused: a function of (build, tree, tmp_path) makes run()'s arguments ---------------------

def placed(change):
    """A device tree of one's own: change(tree) alters QEMU's, or returns another or a raw one."""
    def arguments(build, tree, tmp_path):
        return qemu.place_by_loader(tmp_path, build / "Image", change(tree) or tree), {}
    return arguments


def machine(kernel, properties="", **options):
    return lambda build, tree, tmp_path: ((), {"kernel": build / kernel, "machine": properties, **options})


def initrd(content):
    def arguments(build, tree, tmp_path):
        package = tmp_path / "initrd"
        package.write_bytes(content(tmp_path))
        return (), {"kernel": build / "Image", "initrd": package}
    return arguments


def set_memory(**props):
    def change(tree):
        for prop, value in props.items():
            tree.of_type("memory")[0].set(prop, value)
    return change


def set_initrd(start, end):
    def change(tree):
        tree["chosen"].set("linux,initrd-start", cells64(start))
        tree["chosen"].set("linux,initrd-end", cells64(end))
    return change


def remove(compatible):
    return lambda tree: tree.remove(*tree.compatible(compatible))


def set_interrupts(compatible, *cells):
    return lambda tree: tree.compatible(compatible)[0].set("interrupts", cells)


def drop(compatible, prop):
    return lambda tree: tree.compatible(compatible)[0].props.pop(prop) and None


def in_half(tree):
    blob = devicetree.flatten(tree)
    return blob[:len(blob) // 2] + bytes(len(blob) // 2)


def good_package(tmp_path):
    return qemu.pack(tmp_path, *qemu.both(1)).read_bytes()


def odd_package(**contents):
    return lambda tmp_path: qemu.pack_unchecked(tmp_path, **contents).read_bytes()


MAGIC = bytes.fromhex("d00dfeed")
WFI = "0xd503207f"
TIMER, GIC = "arm,armv8-timer", "arm,gic-v3"
MIB = 1 << 20

REFUSALS = {
    "Image at EL1": (1, "this is EL1", machine("Image", "virtualization=off")),
    "ELF at EL1": (1, "this is EL1", machine("schism.elf", "virtualization=off")),

    "memory without reg": (3, "/memory@40000000, property reg: is missing",
                           placed(lambda tree: tree.of_type("memory")[0].props.pop("reg") and None)),
    "GIC without reg": (3, "/intc@8000000, property reg", placed(drop(GIC, "reg"))),
    "initrd that ends before it starts": (3, "/chosen, property linux,initrd-end: lies below",
                                          placed(set_initrd(0x44000000, 0x43000000))),

    "no memory node": (4, "no enabled memory node", placed(lambda tree: tree.remove(*tree.of_type("memory")))),
    "memory of size 0": (4, "no enabled memory node", placed(set_memory(reg=cells64(0x40000000, 0)))),
    "memory disabled": (4, "no enabled memory node", placed(set_memory(status="disabled"))),

    "8 MiB in the tree": (5, r"EL2 needs \d+ KiB", placed(set_memory(reg=cells64(0x40000000, 8 * MIB)))),
    "8 MiB": (5, r"EL2 needs \d+ KiB", machine("Image", mem="8M")),

    "GICv2": (6, '"arm,cortex-a15-gic"', machine("Image", "gic-version=2")),
    "GICv2 that a tree calls GICv3": (6, "no GIC system registers", lambda build, tree, tmp_path: (
        qemu.place_by_loader(tmp_path, build / "Image", tree), {"machine": "gic-version=2"})),
    "no GIC": (6, "none", placed(remove(GIC))),
    "no maintenance interrupt": (6, "maintenance interrupt", placed(drop(GIC, "interrupts"))),

    "initrd on the image": (7, "the image at 0x40400000-0x4.*, the initrd at 0x40410000-0x40420000",
                            placed(set_initrd(0x40410000, 0x40420000))),
    "initrd on the device tree": (7, "the device tree at 0x40200000-0x4.*, the initrd at 0x40201000",
                                  placed(set_initrd(0x40201000, 0x40300000))),
    "initrd where no RAM is": (7, "the initrd at 0x10000000000, 4096 bytes, is not in RAM",
                               placed(set_initrd(1 << 40, (1 << 40) + 4096))),

    "garbage as initrd": (10, r"initrd package \(8000 bytes\): an entry", initrd(lambda tmp_path: b"garbage!" * 1000)),
    "half a package": (10, "a file is cut", initrd(lambda tmp_path: good_package(tmp_path)[:50000])),
    "package that ends in a header": (10, "trailer", initrd(lambda tmp_path: good_package(tmp_path)[:50])),
    "package without manifest": (10, "manifest.dtb: it is missing", initrd(odd_package(root=b"", files=[]))),
    "manifest of garbage": (10, "manifest.dtb: FDT_ERR", initrd(odd_package(root=b"x" * 400, files=[]))),
    "manifest of something else": (10, 'not compatible with "schism,manifest-v1"',
                                   initrd(odd_package(root=devicetree.Node("", {"compatible": "x"}), files=[]))),

    "no timer": (12, "no usable timer node", placed(remove(TIMER))),
    "no EL2 timer": (12, "without the hypervisor timer", placed(set_interrupts(TIMER, 1, 13, 4, 1, 14, 4, 1, 11, 4))),
    "two timers of one interrupt": (12, "collide", placed(
        set_interrupts(TIMER, 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 11, 4))),
}

# The same, but the tree that would say how to call PSCI can't be read, or there is none below EL3.
HALTING = {
    "ELF at EL3": (1, "this is EL3", machine("schism.elf", "secure=on")),
    "ELF at EL3 of max": (1, "this is EL3", machine("schism.elf", "secure=on", cpu="max")),
    "no device tree": (2, "x0 = 0x0, and nothing .* at 0x40200000", placed(lambda tree: bytes(64))),
    "magic and then nothing": (3, "at 0x40200000: FDT_ERR", placed(lambda tree: MAGIC + bytes(4092))),
    "magic and then ones": (3, "at 0x40200000: FDT_ERR", placed(lambda tree: MAGIC + b"\xff" * 4092)),
    "half a tree": (3, "cut or garbled", placed(in_half)),
}


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    return qemu.dump_tree(tmp_path_factory.mktemp("tree") / "virt.dtb")


@pytest.mark.parametrize("name", REFUSALS)
def test_machine_is_refused_with_code_cause_and_remedy(checked, original, tmp_path, name):
    number, details, arguments = REFUSALS[name]
    args, options = arguments(checked, copy.deepcopy(original), tmp_path)
    result = qemu.run(*args, **options)
    assert_refused(result.text, number, details)
    assert result.status == 1 and "halted" not in result.text, result.text


@pytest.mark.parametrize("name", HALTING)
def test_machine_whose_psci_is_not_known_halts_after_the_refusal(checked, original, tmp_path, name):
    number, details, arguments = HALTING[name]
    args, options = arguments(checked, copy.deepcopy(original), tmp_path)
    with qemu.Console(*args, **options) as console:
        assert_refused(console.expect(r"error: halted\n"), number, details)
        console.send("\x01x")
        assert console.end().status == 0


def test_an_image_without_guests_and_shell_asks_for_a_package():
    result = qemu.run(kernel=qemu.build("empty_no_shell", "no_package", "no_shell") / "Image")
    cause, remedy = codes()[9]
    assert f"error: SCHISM-E009: {cause}\n" in result.text, result.text
    assert f"error:   remedy: {remedy}\n" in result.text, result.text


def test_a_package_of_no_vms_is_refused(image, tmp_path):
    result = qemu.run(kernel=image, initrd=qemu.pack_unchecked(tmp_path))
    assert re.search(r"SCHISM-E011: .*\n.*no VM of the initrd package could be started", result.text), result.text


def test_with_too_little_ram_for_its_guests_schism_says_so_and_ends(image):
    result = qemu.run(kernel=image, mem="16M")
    refused = re.findall(r"SCHISM-E014: .*\n.* VM (\w+): not enough .*RAM", result.text)
    assert refused == ["counter_os", "memwalk_os"], result.text
    assert "no VM of the embedded package could be started" in result.text, result.text


# ---- a tree without a console: no reason to stop, nor to write where another board has something else -----

def lack_a_uart(tree):
    tree.remove(*tree.compatible("arm,pl011"))
    del tree["chosen"].props["stdout-path"]


def name_the_clock(tree):
    tree["chosen"].set("stdout-path", "/pl031@9010000")


def be_another_board(tree):
    tree.set("compatible", "somebody,board")


@pytest.mark.parametrize("changes", ((lack_a_uart,), (name_the_clock,), (name_the_clock, be_another_board)),
                         ids=("no UART on QEMU's", "another device on QEMU's", "another device"))
def test_without_a_usable_console_the_boards_or_the_trees_other_one_is_used(image, original, short_package, tmp_path,
                                                                          changes):
    tree = copy.deepcopy(original)
    for change in changes:
        change(tree)
    result = qemu.run(*qemu.place_by_loader(tmp_path, image, tree, short_package))
    cause, remedy = codes()[13]
    assert re.search(rf"SCHISM-E013: {cause}\n.*going on with the UART at 0x9000000\n.*remedy: {remedy}",
                     result.text), result.text
    assert qemu.passed(result.text) == {"counter_os", "memwalk_os"} and "success" in result.text, result.text


def test_on_another_board_without_a_console_nothing_is_written_and_the_guests_run(image, original, short_package,
                                                                                tmp_path):
    tree = copy.deepcopy(original)
    lack_a_uart(tree)
    be_another_board(tree)
    result = qemu.run(*qemu.place_by_loader(tmp_path, image, tree, short_package))
    assert (result.status, result.text) == (0, "")


def test_an_image_for_one_board_alone_writes_whatever_the_tree_says(original, short_package, tmp_path):
    tree = copy.deepcopy(original)
    lack_a_uart(tree)
    be_another_board(tree)
    kernel = qemu.build("one_board", "one_board") / "Image"
    result = qemu.run(*qemu.place_by_loader(tmp_path, kernel, tree, short_package))
    assert re.search(r"SCHISM-E013: .*\n.*going on with the UART at 0x9000000\n", result.text), result.text
    assert "success" in result.text, result.text


@pytest.mark.parametrize("broken", (bytes(64), MAGIC + bytes(4092)), ids=("no tree", "a broken tree"))
def test_without_a_tree_nothing_is_written_on_a_board_that_is_not_qemus(image, original, tmp_path, broken):
    """What QEMU leaves at the start of RAM says that it is another board; the machine halts."""
    tree = copy.deepcopy(original)
    be_another_board(tree)
    (tmp_path / "other.dtb").write_bytes(devicetree.flatten(tree))
    serial = tmp_path / "serial"
    args = qemu.place_by_loader(tmp_path, image, broken)
    with qemu.Console(*args, "-serial", f"file:{serial}", "-monitor", "stdio", dtb=tmp_path / "other.dtb") as console:
        console.expect(r"\(qemu\)")
        for _ in range(300):
            console.send("info registers\n")
            pc = int(re.search(r"PC=(\w+)$", console.expect(r" PC=\w{16}"))[1], 16)
            console.send(f"x/1wx {pc - 4:#x}\n")
            if WFI in console.expect(rf"{pc - 4:016x}: 0x\w{{8}}|Cannot access memory"):
                break
            time.sleep(0.1)
        else:
            pytest.fail("does not halt")
        assert serial.read_bytes() == b""


# ---- what a tree without PSCI means ----------------------------------------------------------------------

def assert_complains(text, number, details):
    cause, remedy = map(re.escape, codes()[number])
    assert re.search(rf"SCHISM-E{number:03d}: {cause}\n.*{details}.*\n.*remedy: {remedy}\n", text), text


def lack_psci(tree):
    tree.remove(tree["psci"])


def have_psci_of_old(tree):
    """Version 0.1, whose functions are numbered by the tree."""
    tree["psci"].set("compatible", "arm,psci")


def have_spin_tables(tree):
    for cpu in tree.of_type("cpu"):
        cpu.set("enable-method", "spin-table")
        cpu.set("cpu-release-addr", cells64(0x40000000))


def lack_methods(tree):
    for cpu in tree.of_type("cpu"):
        del cpu.props["enable-method"]


@pytest.mark.parametrize("change", (lack_psci, have_psci_of_old))
def test_without_psci_the_boot_log_says_what_cannot_be_and_the_guests_run(image, short_package, tmp_path, change):
    tree = qemu.dump_tree(tmp_path / "virt.dtb", smp=4)
    change(tree)
    with qemu.Console(*qemu.place_by_loader(tmp_path, image, tree, short_package), smp=4) as console:
        text = console.expect(r"error: halted\n")
        assert_complains(text, 19, r"3 other CPU\(s\) stay off, and the machine can neither switch off nor reset")
        assert "1 CPU(s) online" in text and "PSCI CPU_ON" not in text, text
        assert qemu.passed(text) == {"counter_os", "memwalk_os"}, text
        assert "SCHISM-E020" not in text, text
        console.send("\x01x")


@pytest.mark.parametrize("change, method", ((have_spin_tables, "spin-table"), (lack_methods, "")))
def test_cpus_of_another_enable_method_stay_off_and_the_log_says_so(image, short_package, tmp_path, change, method):
    tree = qemu.dump_tree(tmp_path / "virt.dtb", smp=4)
    change(tree)
    result = qemu.run(*qemu.place_by_loader(tmp_path, image, tree, short_package), smp=4)
    assert_complains(result.text, 20, rf'3 CPU\(s\) stay off: CPU \d, MPIDR 0x\d, has the enable-method "{method}"')
    assert "1 CPU(s) online" in result.text and "SCHISM-E019" not in result.text, result.text
    assert result.status == 0 and qemu.passed(result.text) == {"counter_os", "memwalk_os"}, result.text


# ---- a VM that is refused does not keep the others from running -----------------------------------------

# Further ones, each alone: test_broken.py.
BAD_VMS = {
    "kernel that is not there": (11, qemu.counter(1, kernel="nosuch.elf"), 'node vm-counter_os: kernel names "nosuch.elf"'),
    "kernel that is no ELF": (15, qemu.counter(1, kernel="text"), "VM counter_os: kernel: is not an ELF file"),
    "more RAM than the machine has": (14, qemu.counter(1, ram_size=2 << 30), "VM counter_os: not enough contiguous RAM"),
    "no vCPU": (11, qemu.counter(1, props={"vcpus": [0]}), "node vm-counter_os: vcpus is 0"),
}


@pytest.mark.parametrize("name", BAD_VMS)
def test_a_vm_is_refused_by_node_and_property_and_the_other_runs(image, tmp_path, name):
    number, guest, details = BAD_VMS[name]
    files = [(path.name, path.read_bytes()) for path in sorted(qemu.guests_dir().glob("*.elf"))]
    package = qemu.pack_unchecked(tmp_path, guest._replace(name="counter_os"), qemu.memwalk(3),
                                  files=[*files, ("text", b"no kernel")])
    result = qemu.run(kernel=image, initrd=package)
    cause, remedy = map(re.escape, codes()[number])
    lines = rf"SCHISM-E{number:03d}: {cause}\n.*{details}.*\n.*remedy: {remedy}\n"
    assert re.search(lines, result.text), result.text
    assert result.text.count("SCHISM-E") == 1, result.text
    assert qemu.passed(result.text) == {"memwalk_os"}, result.text


def test_vms_beyond_the_configured_number_are_refused_and_the_others_run(image, tmp_path):
    config = (image.parent / "include/generated/config.h").read_text(encoding="utf-8")
    most = int(re.search(r"CONFIG_MAX_VMS (\d+)", config)[1])
    guests = [qemu.counter(1)._replace(name=f"vm{n}", kernel="counter_os.elf") for n in range(most + 1)]
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, *guests), mem="1G")
    assert re.search(rf"SCHISM-E014: .*\n.*VM vm{most}: CONFIG_MAX_VMS", result.text), result.text
    qemu.assert_failed(result)
    assert len(re.findall(r"vm\d+: PASS", result.text)) == most, result.text


def test_every_code_is_provoked_here():
    assert {number for number, _, _ in (REFUSALS | HALTING).values()} | {9, 11, 13, 14, 15, 16, 17, 18, 19, 20} == codes().keys() - NOT_PROVOKED
