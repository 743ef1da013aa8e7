# SPDX-License-Identifier: MIT
"""
Test guests (guests/tests) pass, and say the same bare on QEMU's board and in a VM: the same binary, line by
line, but for the lines of what only Schism has.
"""
import functools
import re
import subprocess

import pytest

import devicetree
import qemu

# Those that one vCPU says nothing about are run with several, too.
SMP_GUESTS = ("test_psci", "test_gic", "test_timer", "test_debug", "test_sysreg", "test_fp", "test_reset",
              "test_pmu", "test_aarch32")
UP_GUESTS = ("test_uart", "test_rtc", "test_virtio", "test_mmio", "test_abort", "test_endian")
# vCPUs on CPUs
SMP = ((2, 2), (4, 1), (4, 2), (4, 4))

CASES = [(guest, 1, 1, cpu) for guest in SMP_GUESTS + UP_GUESTS for cpu in ("cortex-a57", "max")]
CASES += [(guest, *smp, "cortex-a57") for guest in SMP_GUESTS for smp in SMP]
CASES += [(guest, 4, 2, "max") for guest in SMP_GUESTS]
CASES += [("test_endian", 2, 2, "cortex-a57")]

# The clock's seconds are those of the counter, not the host's.
CLOCK = ("-rtc", "clock=vm")
# test_psci wants random numbers; the same each time.
ENTROPY = ("-seed", "1")


def lines(text, vm=None):
    """What a guest's tests said, in order, without the values that a failure shows."""
    prefix = rf"\[{vm}\] " if vm else ""
    return [re.sub(r" \(got .*", "", line)
            for line in re.findall(rf"^{prefix}((?:PASS|FAIL|SKIP): \w+: .*)$", text, re.M)]


def common(found):
    """Less what only a guest of Schism can say."""
    return [line for line in found if not re.match(r"\w+: \w+: schism: ", line)]


def assert_complete(text, guest, vm=None):
    """The guest came to its end, and its count of passed tests is that of its lines."""
    counts = re.search(rf"END: {guest.removeprefix('test_')}: (\d+) passed, (\d+) failed, (\d+) skipped", text)
    assert counts, text
    verdicts = [line.split(":")[0] for line in lines(text, vm)]
    assert [verdicts.count(v) for v in ("PASS", "FAIL", "SKIP")] == [int(n) for n in counts.groups()], text


# Of a pair of words QEMU 8.1 and later makes one access, which its GIC does not take: no fault of the guest's.
PAIRS_OF_WORDS = r"FAIL: (mmio: words: (stn?p|ldn?p)|endian: .*: (store|load) of a pair$)"


def forgiven(found):
    """The lines of the bare board, less QEMU's own faults."""
    merges = qemu.version() >= (8, 1)
    return [line.replace("FAIL", "PASS", 1) if merges and re.match(PAIRS_OF_WORDS, line) else line for line in found]


@functools.cache
def bare(guest, vcpus, cpu):
    """The lines of a guest on the bare board, where all must pass."""
    text = qemu.run(*CLOCK, "-action", "reboot=reset", kernel=qemu.guests_dir() / f"{guest}.elf",
                    machine="virtualization=off", smp=vcpus, cpu=cpu).text
    found = forgiven(lines(text))
    assert_complete(text, guest)
    assert not [line for line in found if line.startswith("FAIL")], text
    return found


def vm(guest, vcpus, name="", args=""):
    return qemu.Guest(name or guest, args, kernel=f"{guest}.elf",
                      props={"vcpus": [vcpus], "devices": b"uart\0rtc\0"})


def run(package, image, cpus, cpu):
    result = qemu.run(*CLOCK, *ENTROPY, kernel=image, initrd=package, smp=cpus, cpu=cpu, machine="dtb-randomness=on")
    assert result.status == 0, result.text
    assert "all VMs are off: powering off, success" in result.text, result.text
    return result.text


@pytest.mark.parametrize("guest,vcpus,cpus,cpu", CASES)
def test_guest_says_the_same_bare_and_in_a_vm(guest, vcpus, cpus, cpu, image, tmp_path):
    text = run(qemu.pack(tmp_path, vm(guest, vcpus)), image, cpus, cpu)
    found = lines(text, guest)
    assert_complete(text, guest, guest)
    assert not [line for line in found if line.startswith("FAIL")], text
    assert common(found) == bare(guest, vcpus, cpu)


def test_the_loops_of_the_mmio_guest_write_their_base_back():
    """As small kernels do that are built with -Os: else the guest would say less than it should."""
    code = subprocess.run([qemu.cross("objdump"), "-d", qemu.guests_dir() / "test_mmio.elf"], check=True,
                          capture_output=True, text=True).stdout
    for function, insn in (("fill", "str"), ("sum", "ldr")):
        body = code.split(f"<{function}>:")[1].split("\n\n")[0]
        assert re.search(rf"\t{insn}\tw\d+, \[x\d+\], #4", body), body


def typed_to(console):
    """What the guest says of a character, of a BREAK (Ctrl-A b is QEMU's) and of another character."""
    said = []
    for what, keys in (("a character", "a"), ("a BREAK", "\x01b"), ("another character", "\xff".encode("latin-1"))):
        console.expect(rf"type {what}\n")
        console.send(keys)
        said += re.findall("came: .*", console.expect(r"came: .*\n"))
    return said


def test_what_is_typed_comes_as_in_qemus_own_uart(image, tmp_path):
    """With the receive interrupt alone: at the first character, where DDI 0183 would wait for the level of IFLS."""
    with qemu.Console(kernel=qemu.guests_dir() / "uart_input.elf", machine="virtualization=off") as console:
        expected = typed_to(console)
    assert expected == ["came: DR 061 RSR 0 more 0 MIS 0", "came: DR 400 RSR 4 more 0 MIS 0",
                        "came: DR 0ff RSR 0 more 0 MIS 0"]
    package = qemu.pack(tmp_path, vm("uart_input", 1))
    with qemu.Console(kernel=image, initrd=package, append="focus=uart_input") as console:
        assert typed_to(console) == expected
        assert console.end().status == 0


@pytest.mark.parametrize("vcpus,cpus", [(1, 1), (2, 1), (2, 2)])
def test_fp_registers_of_two_vms_on_the_same_cpus_stay_apart(vcpus, cpus, image, tmp_path):
    text = run(qemu.pack(tmp_path, vm("test_fp", vcpus, "one", "seed=1"), vm("test_fp", vcpus, "two", "seed=2")),
               image, cpus, "max")
    for name in ("one", "two"):
        assert lines(text, name) == bare("test_fp", vcpus, "max"), text


def test_counters_stand_while_a_sibling_runs(image, tmp_path):
    package = qemu.pack(tmp_path, vm("test_pmu", 2, args="sibling=1"), qemu.memwalk(60))
    text = run(package, image, 1, "cortex-a57")
    assert "PASS: pmu: schism: descheduled: a sibling has stolen time" in text, text
    assert not re.search("FAIL: ", text), text


def without_node(directory):
    """The machine's PMU is there, but the tree does not have it."""
    tree = qemu.dump_tree(directory / "virt.dtb", cpu="cortex-a57")
    tree.remove(*tree.compatible("arm,armv8-pmuv3"))
    (directory / "bare.dtb").write_bytes(devicetree.flatten(tree))
    return {"dtb": directory / "bare.dtb", "cpu": "cortex-a57"}


@pytest.mark.parametrize("name,build,options", [
    ("configured off", ("no_vpmu", "no_vpmu"), lambda _: {"cpu": "cortex-a57"}),
    ("a CPU without", ("default",), lambda _: {"cpu": "cortex-a57,pmu=off"}),
    ("a tree without", ("default",), without_node),
])
def test_guests_see_no_pmu_where_there_is_none(name, build, options, tmp_path):
    """Nor can they use it: test_sysreg compares the ID registers with what is UNDEFINED."""
    package = qemu.pack(tmp_path, vm("test_pmu", 1), vm("test_sysreg", 1))
    result = qemu.run(*CLOCK, kernel=qemu.build(*build) / "Image", initrd=package, **options(tmp_path))
    assert result.status == 0, result.text
    assert "SKIP: pmu: PMU: everything: there is none" in result.text, result.text
    assert "PASS: sysreg: shown as it is: PMU" in result.text, result.text
    assert not re.search("FAIL: ", result.text), result.text


def test_reset_by_psci_restarts_the_vm_and_leaves_its_sibling_alone(image, tmp_path):
    text = run(qemu.pack(tmp_path, vm("test_reset", 2), qemu.counter(20)), image, 2, "cortex-a57")
    resets = re.findall(r"test_reset: ((?:warm )?reset \(\d) so far\)", text)
    assert resets == ["reset (1", "warm reset (2", "warm reset (3"], text
    assert qemu.passed(text) == {"counter_os"}, text
    assert not re.search(r"counter_os: reset", text), text
