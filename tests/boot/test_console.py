# SPDX-License-Identifier: MIT
"""The console's escape key, and leaving QEMU."""
import os
import re

import pytest

import qemu

ESCAPE = "\x1d"		# CONFIG_CONSOLE_ESCAPE_KEY


@pytest.fixture
def console(image):
    """The default image with its embedded guests, which run for ever."""
    with qemu.Console(kernel=image) as running:
        running.expect(r"memwalk_os: report 3\b")
        yield running


def test_escape_m_prints_the_mailboxes_of_both_guests(console):
    console.send(ESCAPE + "m")
    text = console.expect(r"memwalk_os: mailbox") + console.expect(r" passes +0x\w+  written \d+ times\n")
    for name in ("counter_os", "memwalk_os"):
        assert qemu.mailbox(text, name)["CurrentEL"] == 1, text


def test_escape_v_prints_the_vms_and_what_their_vcpus_do(console):
    console.send(ESCAPE + "v")
    text = console.expect(r"memwalk_os: running, \d+ reports(.*\n){3}")
    lines = re.findall(r"vCPU 0: (\w+), (\d+) switches, \d+ us on CPU, pc (0x\w+)", text)
    assert len(lines) == 2, text
    assert all(state in ("running", "ready", "waiting") and int(switches) > 1 for state, switches, _ in lines), text
    assert re.search(r"exits: .*hvc [1-9]", text), text


def test_escape_h_names_every_command(console):
    console.send(ESCAPE + "h")
    text = console.expect("escape x: power the machine off")
    for key in "hmpv":
        assert f"escape {key}: " in text, text


def test_escape_x_powers_the_machine_off(console):
    console.send(ESCAPE + "x")
    result = console.end()
    assert result.status == 0
    assert "powering off, as the console asked" in result.text


def test_an_unknown_command_gets_the_help(console):
    console.send(ESCAPE + "?")
    console.expect("escape h: this help")


def test_keys_without_the_escape_key_do_nothing(console):
    console.send("mvhx" * 5)
    console.send("x")
    count = int(re.search(r"memwalk_os: report (\d+)", console.expect(r"memwalk_os: report \d+")).group(1))
    text = console.expect(rf"memwalk_os: report {count + 20}\b")
    assert "mailbox" not in text and "escape" not in text and "powering off" not in text, text


def test_the_guests_go_on_after_a_command(console):
    console.send(ESCAPE + "m")
    console.expect("memwalk_os: mailbox")
    for name in ("counter_os", "memwalk_os", "counter_os"):
        console.expect(rf"{name}: report \d+")


def test_ctrl_a_x_leaves_the_emulator_that_make_run_starts(default):
    env = dict(os.environ, BUILD=str(default), TERM="dumb")
    for name in ("SEMIHOSTING", "PACKAGE", "APPEND", "QEMU_ARGS", "KERNEL", "CPU", "SMP", "MEM", "MACHINE"):
        env.pop(name, None)
    with qemu.Console(line=["scripts/run-qemu"], env=env) as console:
        console.expect("leave QEMU with Ctrl-A X")
        console.expect(r"counter_os: report \d+")
        console.send("\x01x")
        assert console.end().status == 0
