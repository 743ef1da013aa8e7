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
    with qemu.Console(kernel=image, initrd=package, smp=smp, icount=False, append=qemu.EACH_REPORT) as console:
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
    qemu.assert_failed(result)


# ---- interrupts without end -----------------------------------------------------------------------------

def storm(cpu, ms):
    return qemu.Guest("gpio_os", f"mode=storm ms={ms}", props={"passthrough": GPIO, "cpus": [cpu]})


def beside(cpu):
    """Keeps a CPU busy, and the machine from its end."""
    return qemu.Guest("beside", "mode=spin", kernel="crash_os.elf", props={"cpus": [cpu]})


def test_a_storm_comes_to_the_cpu_of_its_vm_and_to_no_other(image, tmp_path):
    """The boot CPU, which loads and resets the VM, is another VM's alone."""
    package = qemu.pack_unchecked(tmp_path, storm(1, 1000), beside(0))
    with qemu.Console(kernel=image, initrd=package, smp=2, icount=False) as console:
        text = console.expect(r"gpio_os: PASS 1: .*\n")
        taken = int(re.search(r"PASS 1: passed=(\d+) failed=0", text).group(1))
        console.send("\x1ds")
        console.expect("schism> ")
        console.send("vm info gpio_os\r")
        text = console.expect(r"interrupts of its devices: .* times")
        assert int(re.search(r"devices: (\d+)", text).group(1)) >= taken, text
        console.send("sched\r")
        text = console.expect(r"CPU 1: .* interrupts")
        on = [int(n) for n in re.findall(r"CPU \d: .* (\d+) interrupts", text)]
        # On CPU 0 are its own: of the timer, the console, and calls from the other CPU.
        assert taken > 1000 and on[1] > taken and on[0] < taken / 4, (taken, on)
