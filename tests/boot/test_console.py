# SPDX-License-Identifier: MIT
"""The console's escape key, guests that print beside each other and too much, and leaving QEMU."""
import functools
import os
import re
import subprocess

import pytest

import qemu

ESCAPE = "\x1d"		# CONFIG_CONSOLE_ESCAPE_KEY


@pytest.fixture
def console(image):
    """The default image with its embedded guests, which run for ever."""
    with qemu.Console(kernel=image, append=qemu.EACH_REPORT) as running:
        running.expect(r"memwalk_os: report 1\b")
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
    for key in "hmpsv":
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
    text = console.expect(rf"memwalk_os: report {count + 2}\b")
    assert "mailbox" not in text and "escape" not in text and "powering off" not in text, text


def test_the_guests_go_on_after_a_command(console):
    console.send(ESCAPE + "m")
    console.expect("memwalk_os: mailbox")
    for name in ("counter_os", "memwalk_os", "counter_os"):
        console.expect(rf"{name}: report \d+")


def test_ctrl_a_x_leaves_the_emulator_that_make_run_starts(default):
    with qemu.Console(line=["scripts/run-qemu"], env=run_qemu_env(default, TERM="dumb")) as console:
        console.expect("leave QEMU with Ctrl-A X")
        console.expect(r"counter_os: report \d+")
        console.send("\x01x")
        assert console.end().status == 0


# ---- what a newcomer sees --------------------------------------------------------------------------------

def test_the_learning_guests_become_quiet_and_are_counted_on(image):
    with qemu.Console(kernel=image) as console:
        text = console.expect(r"memwalk_os: report 16\b")
        for name, at_least in (("counter_os", 4), ("memwalk_os", 5)):
            told = [int(n) for n in re.findall(rf"{name}: report (\d+)\b", text)]
            assert told == [1 << n for n in range(len(told))] and len(told) >= at_least, text
        console.send(ESCAPE + "v")
        counted = re.search(r"(\d+) reports", console.expect(r"memwalk_os: running, \d+ reports"))
        # The start is one, too.
        assert int(counted[1]) >= 17, counted


def test_what_to_type_is_told_after_the_boot_and_when_keys_reach_nobody(image):
    with qemu.Console(kernel=image) as console:
        console.expect(r"first guest instruction.*\n.*console: type Ctrl-\] s for the shell, "
                       r"Ctrl-\] h for help, Ctrl-\] 1 for counter_os\n")
        console.send("hello\r")
        text = console.expect(r"console: nobody reads what you type; type Ctrl-\] s ")
        console.send("hello\r" + ESCAPE + "1hello\r")
        text = console.expect(r"console: counter_os does not read what you type; type Ctrl-\] s ")
        assert "nobody reads" not in text, text


def run_qemu_env(build, **variables):
    env = dict(os.environ, BUILD=str(build), TERM="xterm")
    for name in ("PACKAGE", "APPEND", "QEMU_ARGS", "KERNEL", "CPU", "SMP", "MEM", "MACHINE", "NO_COLOR"):
        env.pop(name, None)
    return dict(env, **variables)


@pytest.mark.parametrize("variables, coloured", [
    ({}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False), ({"APPEND": "colour=no"}, False),
    ({"TERM": "dumb", "APPEND": "colour=yes"}, True)])
def test_colours_are_for_terminals_that_have_them(default, variables, coloured):
    with qemu.Console(line=["scripts/run-qemu"], env=run_qemu_env(default, **variables)) as console:
        console.expect(r"counter_os.*: start")
        assert (b"\x1b[36mcounter_os\x1b[0m: " in console.log) == coloured, console.log
        assert (b"\x1b" in console.log) == coloured, console.log


def test_a_log_in_a_file_has_no_colours(default, short_package):
    done = subprocess.run(["timeout", str(qemu.TIMEOUT), "scripts/run-qemu"], cwd=qemu.ROOT, check=False,
                          env=run_qemu_env(default, PACKAGE=str(short_package)), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE)
    assert done.returncode == 0 and b"powering off, success" in done.stdout and b"\x1b" not in done.stdout, done.stdout


@pytest.mark.parametrize("append, keys", [("focus=one", ESCAPE + "q"), ("focus=one hold=yes", "")])
def test_lines_of_others_wait_while_a_guest_has_the_screen(default, image, tmp_path, append, keys):
    assert default
    package = qemu.pack(tmp_path, chatty("one", "mode=echo"), qemu.counter(0))
    with qemu.Console(kernel=image, initrd=package, smp=2, append=f"{append} {qemu.EACH_REPORT}") as console:
        console.expect(r"\$ ")
        console.send(keys + "first\r")
        console.expect(r'you said "first"\n')
        drawn = ""
        for _ in range(3):
            console.send("more\r")
            drawn += console.expect(r'you said "more"\n')
        assert "counter_os" not in drawn, drawn
        console.send(ESCAPE + "s")
        console.expect("schism> ")
        console.expect(r"counter_os: report \d+")
        told = [int(n) for n in re.findall(r"counter_os: (?:start|report) (\d+)\b", qemu.plain(console.log))]
        # How many have been said by now is the host's matter; of too many the oldest are not kept, and that is told.
        assert told == list(range(told[0], told[0] + len(told))), "some were lost, or in another order"
        assert told[0] == 0 or "lines were not kept" in qemu.plain(console.log)


# ---- guests that print at the same time ------------------------------------------------------------------

def chatty(name, args, **fields):
    return qemu.Guest(name, args, kernel="chatty_os.elf", **fields)


def said(text, name):
    """The numbers of a VM's whole lines, in order."""
    return [int(n) for n in re.findall(rf"^\[{name}\] line (\d{{4}}) \.{{20}} end$", text, re.M)]


def joined(text, name):
    """
    With the lines whole that were shown in pieces: by instructions, QEMU may give a core none for so long that
    its guest counts as silent.
    """
    return re.sub(rf"^(\[{name}\] .*) \.\.\.$((?:\n(?!\[{name}\]).*)*)\n\[{name}\] \.\.\. (?!\d+ ch)", r"\2\n\1", text,
                  flags=re.M)


def dropped(text, name):
    """How many characters the marks of a VM count."""
    return sum(int(n) for n in re.findall(rf"^\[{name}\] \.\.\. (\d+) characters dropped$", text, re.M))


@pytest.fixture(scope="module")
def flooded(default, tmp_path_factory):
    """Two chatty guests, one of which pauses within lines, and one that writes without looking."""
    assert default
    return qemu.pack(tmp_path_factory.mktemp("flooded"), chatty("one", "lines=800"), chatty("two", "lines=800 mode=slow"),
                     chatty("flood", "lines=3000 mode=flood"))


@pytest.mark.parametrize("build, smp", [("default", 1), ("default", 4), ("console_slow", 1), ("console_slow", 4)])
def test_a_flood_tears_and_starves_nobody(flooded, build, smp):
    image = qemu.build(build, *([] if build == "default" else [build])) / "Image"
    result = qemu.run(kernel=image, initrd=flooded, smp=smp)
    qemu.assert_good(result, ())
    text = functools.reduce(joined, ("one", "two", "flood"), result.text)
    # Whoever looks loses nothing, however slow the console is, and no line is torn or mixed with another.
    assert said(text, "one") == list(range(800)), result.text
    assert said(text, "two") == list(range(800)), result.text
    # Nothing of the flood is lost without a mark: each line has 35 characters.
    texts = re.findall(r"^\[flood\] (?!\.\.\. \d+ ch)(.*)$", text, re.M)
    whole = len(said(text, "flood"))
    pieces = sum(map(len, texts))
    lost = dropped(text, "flood")
    assert (lost > 0) == (whole < 3000), result.text
    # Newlines are characters too; each mark ends at most one piece that has none.
    newlines = 3000 * 35 - lost - pieces
    assert whole <= newlines <= whole + 2 * text.count("characters dropped"), (whole, pieces, lost)
    if build == "console_slow":
        assert lost > 50000, lost
    # Each line of the log is whole.
    assert len(re.findall(r"^\[ *\d+\.\d+\] \w+: PASS 1: passed=1 failed=0 skipped=0$", result.text, re.M)) == 3


def test_the_focus_moves_in_the_middle_of_a_line(default, image, tmp_path):
    assert default
    package = qemu.pack(tmp_path, chatty("one", "mode=echo"), chatty("two", "mode=echo"))
    with qemu.Console(kernel=image, initrd=package, smp=2) as console:
        console.expect("two: start")
        console.send(ESCAPE + "1")
        console.expect(r"console: one\r\n\$ ")
        console.send("half of a ")
        console.expect("half of a ")
        console.send(ESCAPE + "2")
        console.expect(r"\r\n.*console: two\r\n\$ ")
        console.send("other\r")
        console.expect(r'other\r\nyou said "other"\r\n\$ ')
        console.send(ESCAPE + "1" + "line\r")
        console.expect(r'line\r\nyou said "half of a line"\r\n\$ ')
        console.send("exit\r")
        console.expect("one: off")
        console.send(ESCAPE + "2exit\r")
        assert console.end().status == 0


def test_a_prompt_of_a_guest_is_seen_before_its_line_ends(default, image, tmp_path):
    assert default
    package = qemu.pack(tmp_path, chatty("one", "mode=echo"), chatty("two", "mode=echo"))
    with qemu.Console(kernel=image, initrd=package, smp=2) as console:
        text = console.expect(r"\[two\] \$  \.\.\.\n")
        assert "[one] $  ...\n" in text, text
        console.send(ESCAPE + "1")
        console.expect(r"console: one\r\n\$ ")
        console.send("gr\u00fc\u00df \u20ac\r")
        console.expect('you said "gr\u00fc\u00df \u20ac"' + r"\n")
        console.send("exit\r")
        console.expect("one: off")
        console.send(ESCAPE + "0" + ESCAPE + "s" + "vm stop two\r")
        text = console.expect("two: off")
        assert "[two]" not in text, "what is on the screen is not shown again"


@pytest.mark.parametrize("pattern", [r"life \d+", r"life \d+\b", r"(life \w+)", r"no life|life \d+"])
def test_a_number_that_is_half_read_satisfies_no_pattern(pattern):
    """The console gives what it has; reading between the digits of one, a test would go on with another."""
    half = qemu.whole(pattern)
    assert not re.search(half, "this is life 1795")
    assert re.search(half, "this is life 1795876517\n").group() == "life 1795876517"
