# SPDX-License-Identifier: MIT
"""How VMs end and what their policies make of it."""
import os
import re

import pytest

import devicetree
import qemu


def crash(mode="novector", **props):
    return qemu.crash(mode)._replace(props=props)


def restarts(text):
    return [tuple(map(int, found)) for found in re.findall(r"crash_os: restart (\d+) of (\d+) in (\d+) ms", text)]


# Lives of a VM in test_lives_leak_nothing(); for a night, a thousand.
LIVES = int(os.environ.get("SCHISM_LIVES", "50"))


def run(image, tmp_path, *guests, **options):
    return qemu.run(kernel=image, initrd=qemu.pack_unchecked(tmp_path, *guests), **options)


@pytest.mark.parametrize("smp", (1, 2))
def test_a_crashed_vm_is_restarted_with_growing_delays_up_to_its_limit(image, tmp_path, smp):
    culprit = crash(**{"on-crash": "restart", "restart-limit": [4], "restart-backoff-ms": [3]})
    result = run(image, tmp_path, culprit, qemu.counter(10), smp=smp)
    text = result.text
    assert restarts(text) == [(1, 4, 3), (2, 4, 6), (3, 4, 12), (4, 4, 24)], text
    assert len(re.findall(r"crash_os: CRASHED", text)) == 5, text
    assert "crash_os: restarted 4 times in a row: left off" in text
    assert qemu.passed(text) == {"counter_os"}, text
    qemu.assert_failed(result)


def resetting(**props):
    return crash("reset", **props)._replace(name="resetter", kernel="crash_os.elf")


@pytest.mark.parametrize("smp", (1, 2))
def test_a_guest_that_resets_itself_without_end_is_slowed_down(image, tmp_path, smp):
    """The first is at once, the others wait as restarts do; who shares the CPU has nearly all of it."""
    beat = qemu.Guest("heartbeat", "ms=3000 share=90", props={"on-shutdown": "poweroff"})
    text = run(image, tmp_path, resetting(**{"restart-backoff-ms": [20]}), beat, smp=smp).text
    assert re.search(r"heartbeat: PASS 1: ", text), text
    # Loading takes some time, too: beside a busy CPU, QEMU gives each of its steps a turn of 10 ms.
    waits = [20, 40, 80, 160, 320, 640, 1280, 1280]
    assert re.findall(r"resetter: reset \((\d+) so far\)$", text, re.M) == ["1"], text
    found = re.findall(r"resetter: reset \((\d+) so far\), (\d+) in a row: goes on in (\d+) ms", text)
    # At most eight lines at once, and one more for each second.
    assert found == [(str(n), str(n), str(ms)) for n, ms in enumerate(waits[:len(found)], 2)], text
    assert 3 <= len(found) <= 8, text
    assert 4 <= len(re.findall(r"^\[resetter\] crash_os: mode reset", text, re.M)) <= 9, text


def test_destroy_and_stop_are_accepted_whatever_the_guest_is_at(image, tmp_path):
    package = qemu.pack_unchecked(tmp_path, resetting(autostart=[0], **{"restart-backoff-ms": [0]}),
                                  qemu.counter(0, "every=1000000"))
    with qemu.Console(kernel=image, initrd=package, smp=2) as console:
        def ask(command, answer):
            console.send(f"{command}\r")
            return console.expect(answer)

        console.expect(r"counter_os: start")
        console.send("\x1ds")
        console.expect(r"schism> ")
        for i in range(20):
            ask("vm start resetter", r"resetter: starting\n")
            for _ in range(i % 4):
                console.expect(r"resetter: reset")
            if i % 2:
                ask("vm stop resetter", r"vm stop resetter\r?\n(?:.*\n)*?.*resetter: stopping\n")
            ask("vm destroy resetter", r"vm destroy resetter\r?\n(?:.*\n)*?.*resetter: destroying\n")
            console.expect(r"resetter: destroyed")
        text = console.log.decode(errors="replace")
        assert "try again" not in text and "does not apply" not in text, text
        console.send("\x1di")
        console.expect(r"invariants: clean")


def test_a_vm_that_goes_off_is_started_again_where_its_policy_says_so(image, tmp_path):
    guest = qemu.counter(2)._replace(props={"on-shutdown": "restart", "restart-limit": [3], "restart-backoff-ms": [0]})
    text = run(image, tmp_path, guest).text
    assert len(re.findall(r"counter_os: PASS", text)) == 4, text
    assert text.splitlines()[-1].endswith("success"), text


def test_the_crash_of_one_vm_may_end_the_machine(image, tmp_path):
    result = run(image, tmp_path, crash(**{"on-crash": "poweroff"}), qemu.memwalk(0, "every=20"), smp=2)
    assert "crash_os: " in result.text and "and that ends the machine" in result.text, result.text
    qemu.assert_failed(result, "a VM's policy")


def test_the_end_of_one_vm_may_end_the_machine(image, tmp_path):
    guest = qemu.counter(2)._replace(props={"on-shutdown": "poweroff"})
    result = run(image, tmp_path, guest, qemu.memwalk(0, "every=20"), smp=2)
    assert "and that ends the machine" in result.text, result.text
    assert result.text.splitlines()[-1].endswith("a VM's policy: powering off, success"), result.text
    assert result.status == 0


def test_a_vm_without_autostart_waits_to_be_started(image, tmp_path):
    sleeper = qemu.memwalk(1)._replace(props={"autostart": [0]})
    text = run(image, tmp_path, sleeper, qemu.counter(3)).text
    assert "memwalk_os: start" not in text and "memwalk_os: defined," in text, text
    assert text.splitlines()[-1].endswith("success"), text


@pytest.mark.parametrize("smp", (1, 2))
def test_a_watchdog_that_is_not_refreshed_ends_its_vm(image, tmp_path, smp):
    culprit = crash("watchdog", devices=b"uart\0watchdog\0", **{"on-crash": "restart", "restart-limit": [2]})
    text = run(image, tmp_path, culprit, qemu.counter(30), smp=smp).text
    assert len(re.findall(r"crash_os: CRASHED on vCPU 0: its watchdog was not refreshed", text)) == 3, text
    assert len(re.findall(r"crash_os: no more refreshing", text)) == 3, "it was left alone while it did refresh"
    assert qemu.passed(text) == {"counter_os"}, text


def test_memory_at_a_fixed_physical_place_and_in_several_regions(image, tmp_path):
    guest = qemu.memwalk(3)
    root = qemu.manifest(guest, qemu.counter(3))
    root.children[0].children[0].set("phys", devicetree.cells64(0x50000000))
    root.children[0].add("memory@80000000", {"reg": devicetree.cells64(0x80000000, 0x400000)})
    text = qemu.run(kernel=image, initrd=qemu.pack_unchecked(tmp_path, root=root)).text
    assert "memwalk_os: VM 0, VMID 1, 1 vCPU(s), RAM 8192 KiB at IPA 0x40000000 = PA 0x50000000" in text, text
    assert re.search(r"memwalk_os: RAM 4096 KiB at IPA 0x80000000 = PA 0x", text), text
    assert qemu.passed(text) == {"counter_os", "memwalk_os"}, text


def test_vcpus_keep_to_the_cpus_that_the_manifest_names(image, tmp_path):
    """Two VMs pinned to one CPU take turns though another one idles."""
    guests = [qemu.counter(10)._replace(props={"cpus": [1], "pinned": True}),
              qemu.memwalk(10)._replace(props={"cpus": [1]})]
    text = run(image, tmp_path, *guests, smp=2).text
    assert qemu.passed(text) == {"counter_os", "memwalk_os"}, text
    assert min(qemu.switches(text).values()) > 5, "each had the CPU again and again"


def test_a_slice_of_its_own_lets_a_vm_run_longer(image, tmp_path):
    """Of two that spin on one CPU, the one with slices ten times as long has ten times as much of it."""
    spinners = [crash("spin", **{"cpus": [0], "time-slice-us": [us]})._replace(name=name, kernel="crash_os.elf")
                for name, us in (("long", 20000), ("short", 2000))]
    timer = qemu.counter(30, props={"on-shutdown": "poweroff", "cpus": [1]})
    text = run(image, tmp_path, *spinners, timer, smp=2).text
    us = {name: int(n) for name, n in re.findall(r"(\w+): \w+, \d+ switches, (\d+) us on CPU", text)}
    assert 8 < us["long"] / us["short"] < 12, us


def test_work_for_one_vm_keeps_no_interrupt_waiting(image, tmp_path):
    """Load, reset, destroy and load again 64 MiB on a CPU that is busy: by Schism's own measure, in instructions."""
    package = qemu.pack_unchecked(tmp_path, resetting(autostart=[0], **{"restart-backoff-ms": [0]})._replace(
        ram_size=0x4000000), qemu.counter(0, "every=1000000"))
    with qemu.Console(kernel=image, initrd=package) as console:
        def ask(command, answer):
            console.send(f"{command}\r")
            return console.expect(answer)

        console.expect(r"counter_os: start")
        console.send("\x1ds")
        console.expect(r"schism> ")
        before, dirty = map(int, re.findall(r"(\d+) KiB (?:free|of that)", ask("mem", r"RAM: .*yet")))
        for _ in range(2):
            ask("vm start resetter", r"resetter: starting")
            for _ in range(3):
                console.expect(r"resetter: reset")
            ask("vm destroy resetter", r"resetter: destroyed")
        free, left = map(int, re.findall(r"(\d+) KiB (?:free|of that)", ask("mem", r"RAM: .*yet")))
        # The second life had the same memory, which was clean.
        assert free == before and left == dirty - 65536, (before, dirty, free, left)
        us = int(re.search(r"(\d+) us in one go", ask("sched", r"us in one go")).group(1))
        # 16 ns each: 10,000, but for the last pass over the device tree.
        assert us < 210, us


def test_lives_leak_nothing(image, tmp_path):
    """Crash and restart again and again, then destroy: memory is what it was before the first start."""
    culprit = crash(**{"autostart": [0], "on-crash": "restart", "restart-limit": [LIVES], "restart-backoff-ms": [0]})
    package = qemu.pack_unchecked(tmp_path, culprit, qemu.counter(0, "every=100"))
    with qemu.Console(kernel=image, initrd=package, smp=2, timeout=qemu.TIMEOUT + LIVES) as console:
        def ask(command, answer):
            console.send(f"{command}\r")
            return console.expect(answer)

        console.expect(r"counter_os: start")
        console.send("\x1ds")
        console.expect(r"schism> ")
        before = re.findall(r"(\d+) KiB free", ask("mem", r"pool: \d+ KiB, \d+ KiB free"))
        ask("vm start crash_os", r"crash_os: starting")
        text = console.expect(rf"crash_os: restarted {LIVES} times in a row: left off")
        assert text.count("CRASHED on vCPU 0") == LIVES + 1
        during = re.findall(r"(\d+) KiB free", ask("mem", r"pool: \d+ KiB, \d+ KiB free"))
        assert during != before, "a crashed VM keeps its memory"
        ask("vm destroy crash_os", r"crash_os: destroyed")
        assert re.findall(r"(\d+) KiB free", ask("mem", r"pool: \d+ KiB, \d+ KiB free")) == before
        console.send("\x1di")
        console.expect(r"invariants: clean")
