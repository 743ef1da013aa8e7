# SPDX-License-Identifier: MIT
"""A VM that is paused: its time stands still with it, for its timers, its watchdog and its kernel."""
import re

import linux
import qemu

SECONDS = re.compile(r"\[ *(\d+)\.\d+\]")


def seconds(text):
    """The machine's time, of the last line of its log."""
    return int(SECONDS.findall(text)[-1])


def enter_shell(console):
    console.send("\x1ds")
    console.expect("schism> ")


def state(console, name):
    """As the shell sees it. Reports of others come at any time, and the prompt anew with each."""
    console.send("vm list\r")
    return re.search(r"(\w+)", console.expect(rf"\n *\d+ +{name} +\w+ ").split(name)[-1]).group(1)


def pause(console, name, at_least):
    """Pause a VM for that many seconds of the machine's time, which a reporting sibling shows."""
    console.send(f"vm pause {name}\r")
    assert state(console, name) == "paused"
    start = seconds(console.expect(r"\] counter_os: report \d+:.*\n"))
    while seconds(console.expect(r"\] counter_os: report \d+:.*\n")) < start + at_least:
        pass
    console.send(f"vm resume {name}\r")
    assert state(console, name) == "running"


def test_the_counters_and_the_watchdog_of_a_paused_vm_stand_still(image, tmp_path):
    """Paused for longer than its watchdog's second, more than once; what each pause takes is no jump for it."""
    clocks = qemu.Guest("clocks", "ms=3000 jump=50000", props={"devices": b"uart\0watchdog\0"})
    package = qemu.pack(tmp_path, clocks, qemu.counter(0, "every=10"))
    for cpu in ("cortex-a57", "max"):
        with qemu.Console(kernel=image, initrd=package, smp=2, cpu=cpu, append=qemu.EACH_REPORT) as console:
            console.expect("clocks: they go")
            enter_shell(console)
            for _ in range(3):
                pause(console, "clocks", 2)
            text = console.expect(r"clocks: (PASS|FAIL|CRASHED).*\n")
            assert "clocks: PASS" in text, qemu.plain(console.log)[-4000:]


def test_debian_paused_for_45_seconds_does_not_notice(tmp_path):
    """No stall, no soft lockup; its clock has fallen behind its RTC, which is the wall clock, by the pause."""
    script = """
    echo "schism-linux: before"
    while read word < /dev/ttyAMA0 && test "$word" != go; do :; done
    late=$(($(cat /sys/class/rtc/rtc0/since_epoch) - $(date +%s)))
    echo "schism-linux: late by $late"
    sleep 1
    """
    package = linux.pack(tmp_path, linux.guest(vcpus=2), qemu.counter(0, "every=50"), run=script)
    with qemu.Console(*linux.CLOCK, kernel=linux.image(), initrd=package, smp=2, mem="512M",
                      append=qemu.EACH_REPORT, timeout=linux.PATIENCE) as console:
        console.expect("schism-linux: before")
        enter_shell(console)
        pause(console, "linux", 45)
        console.send("\x1d1")
        console.send("go\r")
        late = int(re.search(r"late by (\d+)", console.expect(r"schism-linux: late by \d+\n")).group(1))
        assert 43 <= late <= 60, late
        text = console.expect(r"schism-linux: done, status \d+")
        assert text.endswith("done, status 0"), text
        linux.assert_healthy(console.log, [])
