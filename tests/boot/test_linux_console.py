# SPDX-License-Identifier: MIT
"""What a user types to a Linux guest that has the console: its shell's own poweroff and reboot, and BREAK."""
import pytest

import linux
import qemu

ESCAPE = "\x1d"		# CONFIG_CONSOLE_ESCAPE_KEY
BREAK_OF_QEMU = "\x01b"		# Ctrl-A b, of -nographic
# By busybox 1.35 of Debian 12, and by that of 13, which calls its home so.
PROMPT = r"\n[/~] # "


@pytest.fixture
def console(tmp_path):
    """A machine with Linux at its shell, which has the focus, and a sibling."""
    package = linux.pack(tmp_path, linux.guest(vcpus=2), qemu.counter(0, "every=20"))
    with qemu.Console(kernel=linux.image(), initrd=package, cpu="cortex-a57", smp=2, mem="512M",
                      append="focus=linux", timeout=linux.PATIENCE) as console:
        console.expect(PROMPT)
        yield console


def test_poweroff_typed_in_its_shell_switches_that_vm_off(console):
    console.send("poweroff\r")
    console.expect("linux: off")
    console.expect("counter_os: report")


def test_reboot_typed_in_its_shell_restarts_that_vm(console):
    console.send("reboot\r")
    console.expect(r"linux: reset \(1 so far\)")
    console.expect(r"schism-linux: up, 2 CPUs")
    console.expect(PROMPT)
    console.send("exit\r")
    console.expect("linux: off")


@pytest.mark.parametrize("sends_break", [BREAK_OF_QEMU, ESCAPE + "b"])
def test_a_break_and_a_letter_are_sysrq(console, sends_break):
    console.send(sends_break)
    # Linux takes what follows within 5 seconds of its own.
    console.send("h")
    console.expect(r"sysrq: HELP : .*reboot\(b\)")
    console.send("echo still $((40 + 2))\r")
    console.expect("still 42")
