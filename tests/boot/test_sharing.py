# SPDX-License-Identifier: MIT
"""
How CPUs are shared out between VMs, by the host's clock: with instructions counted, QEMU runs the CPUs in turn, and
none of this would show. What is compared are shares within one run, by Schism's own account.
"""
import re

import qemu

MS = 3000


def spinner(name):
    return qemu.Guest(name, f"ms={MS}", kernel="heartbeat.elf")


def microseconds(text):
    """Time on a CPU of each VM, from the final lines."""
    return {name: int(us) for name, us in re.findall(r"\] (\w+): \w+, \d+ switches, (\d+) us on CPU", text)}


def test_a_vm_that_only_sleeps_keeps_no_cpu_from_those_that_wait(image, tmp_path):
    """Listed second, it is started on the second CPU, and the third VM behind the first; both get a whole one."""
    sleeper = qemu.Guest("sleeper", "mode=echo", kernel="chatty_os.elf")
    ender = [guest._replace(props={"on-shutdown": "poweroff"}) for guest in (spinner("first"), spinner("third"))]
    package = qemu.pack(tmp_path, ender[0], sleeper, ender[1])
    text = qemu.run(kernel=image, initrd=package, smp=2, icount=False).text
    us = microseconds(text)
    # Sharing one CPU, as they did when WFI did not trap, neither gets more than half.
    assert min(us["first"], us["third"]) > MS * 1000 * 0.75, text
    assert us["sleeper"] < MS * 1000 * 0.25, text


def test_three_vms_that_spin_share_two_cpus_alike(image, tmp_path):
    package = qemu.pack(tmp_path, *map(spinner, ("first", "second", "third")))
    text = qemu.run(kernel=image, initrd=package, smp=2, icount=False).text
    us = microseconds(text)
    # With one of them alone on its CPU, the others get half of what it gets.
    assert min(us.values()) > 0.75 * max(us.values()), text
