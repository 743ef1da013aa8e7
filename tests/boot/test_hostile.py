# SPDX-License-Identifier: MIT
"""
A guest that tries everything (guests/tests/hostile) costs its sibling nothing but the share of time that is
its own. The sibling (guests/tests/heartbeat.c) measures that; Schism's invariants are clean at the end.

Behaviours that come back run by family, one after the other in one VM. Each of the others has a VM of its own,
many at a time in one machine.
"""
import functools
import re

import pytest

import qemu

SOURCES = qemu.ROOT / "guests/tests/hostile"
# Whose two vCPUs do not end by themselves; of those, some complete no instruction, so that QEMU's clock would
# stop if it counted instructions.
NO_INSTRUCTION = re.compile(r"endless\.(vbar-\S+|sp-unaligned)")
KINDS = {"DIES", "ENDS", "ENDLESS"}
MS = 250


@functools.cache
def behaviours():
    """All behaviours by name, with their kind, from the tables in the sources."""
    found = {}
    for path in sorted(SOURCES.glob("*.c")):
        text = path.read_text(encoding="utf-8")
        for place in re.findall(r'^\tROW\("([\w-]+)"', text, re.M):
            for what in re.findall(r'\{ place "(\.[\w-]+)"', text):
                found[f"{path.stem}.{place}{what}"] = "COMES_BACK"
        for name, rest in re.findall(r'^\t\{ "([\w-]+)",(.*)\},$', text, re.M):
            kind = [word for word in re.findall(r"[A-Z_]+", rest) if word in KINDS]
            found[f"{path.stem}.{name}"] = kind[0] if kind else "COMES_BACK"
    return found


def names(*kinds):
    return [name for name, kind in behaviours().items() if kind in kinds]


def families():
    return sorted({name.split(".")[0] for name in names("COMES_BACK")})


def hostile(name, args, vcpus):
    return qemu.Guest(name, args, kernel="hostile.elf", props={"vcpus": [vcpus], "devices": b"uart\0rtc\0"})


def heartbeat(ms, share):
    return qemu.Guest("heartbeat", f"ms={ms} share={share}")


def run(image, tmp_path, guests, **options):
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, *guests), **options)
    assert not re.search(r"PANIC|EL2 FAULT|^\[[ \d.]+\] error: (?!\w+: CRASHED|resetting the machine| )", result.text, re.M), result.text
    assert "invariants: clean" in result.text, result.text
    assert re.search(r"heartbeat: PASS 1: ", result.text), result.text
    assert re.search(r"heartbeat: off, 2 reports, 0 failed", result.text), result.text
    return result


def assert_came_back(text, vm, family, vcpus):
    """Every behaviour of the family was begun, and the VM came to its end."""
    want = [name for name in names("COMES_BACK") if name.startswith(family + ".")]
    began = re.findall(rf"^\[{vm}\] hostile: ({family}\.\S+)$", text, re.M)
    done, skipped = map(int, re.search(rf"{vm}: PASS 1: passed=(\d+) failed=0 skipped=(\d+)", text).groups())
    assert done == len(began) and done + skipped == len(want) and set(began) <= set(want), (began, want)
    assert skipped == 0 or vcpus == 1, text


CASES = [(family, 1, 1, cpu) for family in ("mmio", "exec", "tables", "state", "calls", "cpu", "debug", "time",
                                            "irq", "gic", "cache", "power") for cpu in ("cortex-a57", "max")]
CASES += [(family, 4, 4, "cortex-a57") for family in ("irq", "gic", "cache", "power", "calls", "debug")]
CASES += [(family, 4, 1, "max") for family in ("irq", "gic", "power")]


@pytest.mark.parametrize("family,vcpus,cpus,cpu", CASES)
def test_a_hostile_guest_costs_its_sibling_no_more_than_its_share(family, vcpus, cpus, cpu, image, tmp_path):
    # Two VMs on one CPU: a half each, less a slice's length that the last exit may have taken too long.
    share = 45 if (vcpus, cpus) == (1, 1) else 0
    result = run(image, tmp_path, (heartbeat(MS, share), hostile("hostile", f"family={family}", vcpus)),
                 cpu=cpu, smp=cpus)
    assert_came_back(result.text, "hostile", family, vcpus)
    assert result.text.splitlines()[-1].endswith("all VMs are off: powering off, success"), result.text


def test_the_families_under_test_are_all_that_there_are():
    assert {case[0] for case in CASES} | {"sysreg"} == set(families())


@pytest.mark.parametrize("cpu,stride", (("cortex-a57", 1), ("max", 3)))
def test_no_encoding_of_a_system_register_does_harm(cpu, stride, image, tmp_path):
    result = run(image, tmp_path, (heartbeat(MS, 45), hostile("hostile", f"family=sysreg stride={stride}", 1)), cpu=cpu)
    assert_came_back(result.text, "hostile", "sysreg", 1)


@pytest.mark.parametrize("cpus,cpu", ((1, "cortex-a57"), (2, "max")))
def test_guests_that_cannot_go_on_die_one_by_one(cpus, cpu, image, tmp_path):
    """Each leaves a crash record, and the heartbeat goes on."""
    for chunk in chunks(names("DIES"), 14):
        guests = [hostile(f"h{i}", f"only={name} ms=2000", 2) for i, name in enumerate(chunk)]
        result = run(image, tmp_path, (heartbeat(MS, 0), *guests), smp=cpus, cpu=cpu)
        crashed = re.findall(r"error: (h\d+): CRASHED on vCPU \d+: .*vector", result.text)
        assert sorted(crashed) == sorted(guest.name for guest in guests), result.text


@pytest.mark.parametrize("cpus,cpu", ((1, "cortex-a57"), (4, "max")))
def test_guests_that_reset_or_leave_without_a_word_disturb_nobody(cpus, cpu, image, tmp_path):
    guests = [hostile(f"h{i}", f"only={name} ms=900", 3) for i, name in enumerate(names("ENDS"))]
    # Four VMs beside it on one CPU, of which two reset for all of that time.
    result = run(image, tmp_path, (heartbeat(600, 25 if cpus == 1 else 0), *guests), smp=cpus, cpu=cpu)
    assert len(re.findall(r"h\d: reset \(", result.text)) > 5, result.text
    assert re.search(r"h0: off, .*, 0 failed|h0: all its vCPUs are off", result.text), result.text
    assert result.text.splitlines()[-1].endswith("all VMs are off: powering off, success"), result.text


@pytest.mark.parametrize("cpus,cpu", ((1, "cortex-a57"), (2, "max")))
def test_loops_without_end_get_their_share_and_no_more(cpus, cpu, image, tmp_path):
    loops = [name for name in names("ENDLESS") if not NO_INSTRUCTION.match(name)]
    for chunk in chunks(loops, 9):
        guests = [hostile(f"h{i}", f"only={name} ms=400", 2) for i, name in enumerate(chunk)]
        # One of ten VMs on one CPU, each of them with at most one vCPU that has something to do.
        # (With several, QEMU would not get on to the next one while a loop has no timer that is due.)
        result = run(image, tmp_path, (heartbeat(250, 8 if cpus == 1 else 0), *guests), smp=cpus, cpu=cpu,
                     icount=cpus == 1)
        for guest in guests:
            assert re.search(rf"{guest.name}: (PASS 1|off)", result.text), result.text
        assert result.text.splitlines()[-1].endswith("all VMs are off: powering off, success"), result.text


def test_loops_that_complete_no_instruction_are_taken_off_the_cpu(image, tmp_path):
    loops = [name for name in names("ENDLESS") if NO_INSTRUCTION.match(name)]
    guests = [hostile(f"h{i}", f"only={name} ms=300", 2) for i, name in enumerate(loops)]
    result = run(image, tmp_path, (heartbeat(200, 0), *guests), smp=1, icount=False)
    assert result.text.splitlines()[-1].endswith("all VMs are off: powering off, success"), result.text


def test_the_invariants_hold_while_a_hostile_guest_runs(image, tmp_path):
    package = qemu.pack(tmp_path, heartbeat(0, 0)._replace(args="ms=100000"), hostile("h", "only=endless.sgi ms=100000", 2))
    with qemu.Console(kernel=image, initrd=package, smp=2) as console:
        console.expect(r"hostile: endless.sgi")
        for _ in range(3):
            console.send("\x1di")
            console.expect("invariants: clean")
        console.send("\x1dx")
        assert console.end().status == 0


def test_every_behaviour_is_listed_in_the_documentation():
    text = (qemu.ROOT / "docs/hostile.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w.-]+)`", text, re.M)) == set(behaviours())
    assert len(behaviours()) >= 80


def chunks(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]
