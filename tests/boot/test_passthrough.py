# SPDX-License-Identifier: MIT
"""Devices of the machine that a VM has to itself."""
import re

import pytest

import qemu

GPIO = "/pl061@9030000"


def gpio(presses, path=GPIO):
    return qemu.Guest("gpio_os", f"presses={presses}", props={"passthrough": path})


def press_power_button(console):
    """In QEMU's monitor, which shares the terminal."""
    console.send("\x01c")
    console.expect(r"\(qemu\)")
    console.send("system_powerdown\n")
    console.expect(r"\(qemu\)")
    console.send("\x01c")


@pytest.mark.parametrize("smp", (1, 2))
def test_a_vm_takes_the_interrupts_of_its_device(image, tmp_path, smp):
    """The power button, twice; a sibling competes for the CPU."""
    package = qemu.pack_unchecked(tmp_path, gpio(2), qemu.counter(0, "every=20"))
    with qemu.Console(kernel=image, initrd=package, smp=smp, icount=False) as console:
        for press in (1, 2):
            console.expect(r"counter_os: report" if press > 1 else r"waiting for the power button")
            press_power_button(console)
            console.expect(rf"gpio_os: report {press}: passed={press} failed=0")
        console.expect(r"gpio_os: PASS 3: passed=2")
        console.expect(r"gpio_os: off")
        console.expect(r"counter_os: report")


@pytest.mark.parametrize("path, why", (
    ("/virtio_mmio@a000000", "masters memory"),
    ("/pl011@9000000", "Schism uses"),
    ("/nothing@1", "does not have"),
    ("/intc@8000000", "Schism uses"),
))
def test_what_cannot_be_passed_through_is_refused(image, tmp_path, path, why):
    result = qemu.run(kernel=image, initrd=qemu.pack_unchecked(tmp_path, gpio(1, path), qemu.counter(1)))
    assert re.search(r"SCHISM-E0\d\d: .*\n.*passthrough.*" + why, result.text), result.text
    assert re.search(r"counter_os: PASS", result.text), "the other VM starts all the same"
    assert result.text.splitlines()[-1].endswith("failure"), result.text
