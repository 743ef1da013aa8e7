# SPDX-License-Identifier: MIT
"""
The shell: every example of docs/shell.md on a machine with two guests, line editing, what appears above the
prompt, machines without guests.
"""
import re

import pexpect
import pytest

import qemu

ESCAPE = "\x1d"		# CONFIG_CONSOLE_ESCAPE_KEY
PROMPT = "schism> "
MORE = "-- more: a key goes on, q ends --"
UP, DOWN, LEFT, HOME = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[H"


def examples():
    """The sessions of docs/shell.md: (command, lines that follow) in the order of the document."""
    text = (qemu.ROOT / "docs/shell.md").read_text(encoding="utf-8")
    found = []
    for line in re.findall(r"^    (.*)$", text, re.M):
        if line.startswith(PROMPT):
            found.append((line[len(PROMPT):], []))
        elif found:
            found[-1][1].append(line)
    return found


def commands():
    """The names in the shell's tables."""
    return {name for path in (qemu.ROOT / "kernel/shell").glob("*.c")
            for name in re.findall(r"^SHELL_COMMAND\((\w+)\)", path.read_text(encoding="utf-8"), re.M)}


def pattern(line):
    """
    A line of an example as a regular expression: numbers differ from run to run, blanks with them, and Schism's
    version from commit to commit.
    """
    line = re.sub(r"\[ +\d+\.\d+\]", "[0]", line.rstrip())
    if "Schism 0." in line:
        return r"(?:.* )?Schism \d+\.\d+\.\d+.* on " + re.escape(line.partition(" on ")[2])
    parts = re.split(r"(0x[0-9a-f]+|\b[0-9a-f]{16}\b|\b[0-9a-f]{8,10}\b|\d+)", line)
    return "".join(r"[0-9a-fx.]+" if i % 2 else re.sub(r"(\\ )+", r" +", re.escape(part))
                   for i, part in enumerate(parts)).replace(r"\[[0-9a-fx.]+\]", r"\[ *\d+\.\d+\]") + r" *"


class Shell:
    """A machine whose console is the shell's."""

    def __init__(self, console):
        self.console = console

    def enter(self):
        self.console.send(ESCAPE + "s")
        self.console.expect(PROMPT)
        return self

    def run(self, command):
        """The lines that a command prints, and what else appears until the next prompt."""
        self.console.send(command + "\r")
        self.console.expect(re.escape(command) + r"\r\n")
        return self.lines()

    def lines(self, end=PROMPT):
        """The lines up to a prompt (and what has been typed) that nothing follows; all the screens of them."""
        raw, child = b"", self.console.child
        while True:
            waits = raw.endswith((end.encode(), MORE.encode()))
            try:
                child.expect(re.compile(rb"(?s).+"), timeout=0.3 if waits else qemu.TIMEOUT)
            except pexpect.TIMEOUT:
                if not raw.endswith(MORE.encode()) or end == MORE:
                    break
                child.send(" ")
                continue
            raw += child.after
        self.console.log += raw
        text = qemu.plain(raw).replace("\x1b[K", "").replace("\r", "\n")
        return [line for line in text.split("\n") if line.strip() and line not in (end, MORE)]


def chatty(name, args, **fields):
    return qemu.Guest(name, args, kernel="chatty_os.elf", **fields)


@pytest.fixture
def package(tmp_path, default):
    """Two guests that are silent until somebody types; the second has two vCPUs."""
    assert default
    return qemu.pack(tmp_path, chatty("one", "mode=echo"), chatty("two", "mode=echo", props={"vcpus": [2]}))


@pytest.fixture
def shell(image, package):
    with qemu.Console(kernel=image, initrd=package, smp=2) as console:
        console.expect("two: start")
        yield Shell(console).enter()


# ---- what it says ---------------------------------------------------------------------------------------

def test_every_example_of_the_documentation_is_true(shell):
    assert examples()[-1][0] == "poweroff"
    for command, expected in examples()[:-1]:
        lines = shell.run(command)
        for want in expected:
            at = next((i for i, line in enumerate(lines) if re.fullmatch(pattern(want), line)), None)
            assert at is not None, f"{command}: no line like {want!r} (in this order) in:\n" + "\n".join(lines)
            lines = lines[at + 1:]
    shell.console.send("poweroff\r")
    result = shell.console.end()
    assert result.status == 0 and "powering off, as the console asked" in result.text


def test_every_command_has_an_example_and_help(shell):
    assert {command.split()[0] for command, _ in examples()} | {"exit"} == commands()
    listed = {line.split()[0] for line in shell.run("help") if line.startswith("  ")}
    assert listed == commands()
    for name in sorted(commands()):
        usage, *text = shell.run(f"help {name}")
        assert usage.startswith(f"usage: {name}") and text and text[0].startswith("  "), (usage, text)


WRONG = (
    ("frobnicate", 'no command is called "frobnicate"'),
    ("help nosuch", 'no command is called "nosuch"'),
    ("hlep", 'no command is called "hlep"; did you mean "help"?'),
    ("help chek", 'no command is called "chek"; did you mean "check"?'),
    ("start one", 'no command is called "start"; did you mean "vm start"?'),
    ("quit", 'no command is called "quit"; did you mean "exit"?'),
    ("vm inof one", 'no verb of vm is called "inof"; did you mean "info"?'),
    ("regs oen", 'no VM is called "oen"; did you mean "one"?'),
    ("vm", "usage: vm list | VERB NAME"),
    ("vm frob one", 'no verb of vm is called "frob"; "help vm" tells what there is'),
    ("vm start", "usage: vm start NAME"),
    ("vm list one", "usage: vm list"),
    ("vm start nobody", 'no VM is called "nobody"'),
    ("vm start one", 'one is running: "start" does not apply'),
    ("vm resume one", 'one is running: "resume" does not apply'),
    ("peek one", "usage: peek NAME IPA [LEN]"),
    ("peek one here", '"here" is not an address'),
    ("peek one 0x40000000 257", '"257" is not a length: 1 to 256'),
    ("peek one 0x40000000 0", '"0" is not a length: 1 to 256'),
    ("peek one 0x407ffff0 17", "0x407ffff0, 17 bytes: not memory of one"),
    ("peek one 0xffffffffffffffff 2", "not memory of one"),
    ("regs two 2", "two has 2 vCPU(s) now, numbered from 0"),
    ("regs two x", "two has 2 vCPU(s) now, numbered from 0"),
    ("log loud", '"loud" is not a level'),
    ("1 2 3 4 5 6 7 8 9", "more than 8 words"),
)


def test_wrong_input_gets_an_answer(shell):
    for command, answer in WRONG:
        lines = shell.run(command)
        assert any(answer in line for line in lines), (command, lines)


def test_the_log_is_shown_again_by_level(shell):
    everything = shell.run("log")
    assert any(" on linux,dummy-virt" in line for line in everything), everything
    assert any("two: start" in line for line in everything), everything
    assert not shell.run("log error")


def test_the_log_is_shown_screen_by_screen(shell):
    shell.console.send(ESCAPE + "h" + ESCAPE + "h")
    shell.lines()
    everything = shell.run("log")
    shell.console.send("log\r")
    shell.console.expect(r"log\r\n")
    first = shell.lines(end=MORE)
    assert first == everything[:22] and len(everything) > 22, (first, everything)
    shell.console.send("q")
    assert shell.lines() == []
    shell.console.send("log\r")
    shell.console.expect(re.escape(MORE))
    # Another focus ends it, too.
    shell.console.send(ESCAPE + "1" + ESCAPE + "s")
    shell.console.expect(PROMPT)
    assert shell.run("check")[-1] == "all invariants hold"


def test_a_long_line_stays_within_the_terminals_width(shell):
    text = "help " + "".join(f"{n:03}-" for n in range(24))
    shell.console.send(text)
    shell.console.expect(r"schism> <[-\d]{68}(?!.)")
    shell.console.send("\x15")
    for line in re.findall("schism> [^\r\n]*", shell.console.log.decode()):
        assert len(re.sub(r"\x1b\[\d*[A-Z]", "", line)) < 80, line


# ---- registers ------------------------------------------------------------------------------------------

def registers(lines):
    """What regs showed: the first line, and the numbers by name."""
    found = {}
    for line in lines[1:]:
        first, *values = line.split()
        if re.fullmatch(r"x\d+", first):
            found.update({f"x{int(first[1:]) + i}": int(value, 16) for i, value in enumerate(values)})
        else:
            found.update({name: int(value, 16) for name, value in re.findall(r"(\w+) +([0-9a-f]{8,16})\b", line)})
    return lines[0], found


@pytest.mark.parametrize("smp", [1, 2])
def test_registers_of_a_guest_that_never_leaves_are_of_one_moment(smp, image, default, tmp_path):
    assert default
    package = qemu.pack(tmp_path, chatty("other", "mode=echo"), chatty("spin", "mode=spin"))
    with qemu.Console(kernel=image, initrd=package, smp=smp) as console:
        console.expect("spin: start")
        shell, before = Shell(console).enter(), 0
        for _ in range(5):
            said, regs = registers(shell.run("regs spin"))
            assert re.fullmatch(rf"spin, vCPU 0: running, on CPU [0-{smp - 1}]", said)
            count = regs["x20"]
            assert count > before and regs["TPIDR_EL0"] in (count, count - 1), regs
            assert regs["x21"] in (~count & (1 << 64) - 1, ~(count - 1) & (1 << 64) - 1), regs
            before = count


def test_registers_of_a_guest_that_waits_are_those_that_it_has_when_paused(shell):
    for name in ("one", "two"):
        said, waiting = registers(shell.run(f"regs {name}"))
        assert re.fullmatch(rf"{name}, vCPU 0: waiting, on CPU \d", said), said
        assert waiting["TCR_EL1"] and waiting["VBAR_EL1"], waiting
        shell.run(f"vm pause {name}")
        said, paused = registers(shell.run(f"regs {name}"))
        assert re.fullmatch(rf"{name}, vCPU 0: (waiting|ready)", said), said
        assert paused == waiting


# ---- line editing ---------------------------------------------------------------------------------------

def test_completion_of_commands_verbs_and_names(shell):
    shell.console.send("vm\t")
    shell.console.expect("vm ")
    shell.console.send("inf\t")
    shell.console.expect("vm info ")
    shell.console.send("tw\t")
    shell.console.expect("vm info two ")
    shell.console.send("\r")
    assert "two: running" in shell.lines()[0]


def test_completion_lists_what_there_is_to_choose_from(shell):
    shell.console.send("re\t")
    shell.console.expect("regs ")
    shell.console.send("\t")
    assert shell.lines(PROMPT + "regs ")[-1].split() == ["one", "two"]
    shell.console.send("\x15" + "vm re\t")
    shell.console.expect("vm res")
    shell.console.send("\t")
    assert shell.lines(PROMPT + "vm res")[-1].split() == ["resume", "reset"]


def test_history_and_keys_that_edit(shell):
    def run(keys):
        shell.console.send(keys)
        return shell.lines()

    shell.run("help mem")
    shell.run("help irq")
    assert "usage: mem" in run(UP + UP + "\r")
    assert "usage: irq NAME" in run(UP + UP + UP + DOWN + "\r")
    # Not Ctrl-A: QEMU keeps that for itself.
    assert "usage: sched" in run("xxhelp sched" + HOME + "\x04\x04\x05\r")
    assert "usage: peek NAME IPA [LEN]" in run("garbage\x15help log" + LEFT * 4 + "\b\x0b" + "p peek\r")
    run("never run\x03")
    assert run("help exit\r")[-2:] == ["usage: exit", "  leave the shell; the console is whose it was before"]


# ---- beside guests --------------------------------------------------------------------------------------

def test_lines_of_guests_appear_above_the_prompt(image, default, tmp_path):
    assert default
    package = qemu.pack(tmp_path, chatty("slow", "mode=slow lines=100000"))
    with qemu.Console(kernel=image, initrd=package) as console:
        console.expect(r"\[slow\] line 0003")
        console.send(ESCAPE + "\r")
        console.expect(PROMPT)
        console.send("vm li")
        text = console.expect(r"line 0300 .* end\n")
        console.send("st\r")
        text += console.expect(r"slow +running")
    redrawn = re.findall(r"\r\x1b\[K\[slow\] line (\d{4}) \.{20} end\r*\n" + f"{PROMPT}vm li(?![st])", text)
    assert len(redrawn) > 100, text[-2000:]
    assert [int(n) for n in redrawn] == list(range(int(redrawn[0]), int(redrawn[-1]) + 1))


def test_focus_moves_between_the_shell_and_guests(shell):
    console = shell.console
    console.send("console one\r")
    console.expect(r"\$ ")
    console.send("hi there\r")
    console.expect(r'hi there\r\nyou said "hi there"\r\n\$ ')
    console.send(ESCAPE + ESCAPE + "\r")
    console.expect(r'you said "\x1d"')
    console.send(ESCAPE + "s")
    console.expect(PROMPT)
    console.send("\x04")		# back to the VM that had the console
    console.send("again\r")
    console.expect('you said "again"')
    console.send(ESCAPE + "2" + "to two\r")
    console.expect('you said "to two"')
    console.send(ESCAPE + "s")
    console.expect(PROMPT)
    assert any(re.search(r"two +running .* has the console|two +running", line) for line in shell.run("vm list"))


def test_who_gets_the_console_of_a_vm_that_does_not_run_is_told_how_to_make_it(shell):
    console = shell.console
    shell.run("vm stop one")
    console.send("console one\r")
    console.expect(r'the console goes to one, which is stopped: "vm start one" in the shell \(Ctrl-\] s\) makes it run')
    console.send(ESCAPE + "s")
    console.expect(PROMPT)
    shell.run("vm start one")
    shell.run("vm pause two")
    console.send(ESCAPE + "2")
    console.expect(r'console: two, which is paused: "vm resume two" in the shell')
    console.send(ESCAPE + "1")
    console.expect(r"console: one\r*\n")
    # It ends while it has the console, and keeps it for its next life.
    console.send("exit\r")
    console.expect(r'console: stays with one, which is stopped: "vm start one" in the shell')
    console.send(ESCAPE + "s")
    console.expect(PROMPT)
    shell.run("vm start one")
    console.send("exit\r")
    console.send("once more\r")
    console.expect('you said "once more"')
    console.send(ESCAPE + "s")
    console.expect(PROMPT)
    shell.run("vm destroy one")
    console.send("exit\r")
    console.expect(r'the console goes to one, which is defined: "vm start one" in the shell')
    console.expect("one has no terminal now: nobody has the console")


def test_the_machine_stays_when_the_last_vm_is_stopped_from_the_shell(shell):
    shell.run("vm stop one")
    shell.run("vm destroy two")
    shell.console.send("\r")
    shell.lines()
    states = {line.split()[1]: line.split()[2] for line in shell.run("vm list")}
    assert states == {"one": "stopped", "two": "defined"}
    shell.console.send("vm start two\r")
    shell.console.expect("two: start 0")
    shell.console.send("poweroff\r")
    assert shell.console.end().status == 0


def test_leaving_the_shell_ends_a_machine_whose_vms_are_all_off(shell):
    shell.run("vm stop one")
    shell.run("vm stop two")
    shell.console.send("\r")
    shell.lines()
    shell.console.send("exit\r")
    shell.console.expect("all VMs are off: powering off, success")
    assert shell.console.end().status == 0


# ---- without guests -------------------------------------------------------------------------------------

def test_a_machine_without_guests_says_so_and_waits_in_the_shell(empty):
    with qemu.Console(kernel=empty / "Image", smp=2) as console:
        text = console.expect(PROMPT)
        assert "SCHISM-E009" in text and "going on without, in the shell" in text, text
        shell = Shell(console)
        assert shell.run("vm list") == ["no VMs"]
        cpus = [line for line in shell.run("sched") if line.startswith("CPU")]
        assert len(cpus) == 2 and all("idle" in line or "in Schism" in line for line in cpus)
        assert any("error: SCHISM-E009" in line for line in shell.run("log error"))
        console.send("\x04" + "lost" + ESCAPE + "\r")
        console.expect(PROMPT)
        assert shell.run("poweroff now") == ['"now" is no way to power off: force']
        console.send("poweroff\r")
        # Nothing runs that should have: no success.
        assert console.end().status == 1


def test_without_the_shell_the_key_says_so(tmp_path, default):
    build = qemu.build("no_shell", "no_shell")
    assert default
    with qemu.Console(kernel=build / "Image", initrd=qemu.pack(tmp_path, chatty("one", "mode=echo"))) as console:
        console.expect("one: start")
        console.send(ESCAPE + "s")
        console.expect("there is no shell: CONFIG_SHELL is off")
