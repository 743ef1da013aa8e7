# SPDX-License-Identifier: MIT
"""
The exit status tells how the machine ended: that of qemu.run(), and of scripts/run-qemu, which has it from the
same module, scripts/qemu_end.py. Guests have no part in it. And run-qemu is as good as QEMU itself to the terminal
and to signals.
"""
import contextlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import pytest

import qemu

SYSTEM_OFF, SYSTEM_RESET = 0x84000008, 0x84000009


ROWS = {}


def row(*rows):
    """The test shows these rows of the table in docs/testing.md: (how it ended, status)."""
    def note(test):
        for how, status in rows:
            ROWS.setdefault(how, set()).add(status)
        return test
    return note


def hostile(name, args, vcpus=1):
    return qemu.Guest(name, args, kernel="hostile.elf", props={"vcpus": [vcpus], "devices": b"uart\0rtc\0"})


# ---- what Schism says --------------------------------------------------------------------------------

@row(("all VMs switched themselves off, or a policy's `poweroff` after one did, and nothing below", "0"),
     ("a VM reported FAIL", "1"),
     ("a VM crashed, and was neither restarted, by its policy or by hand, nor destroyed", "1"))
@pytest.mark.parametrize("culprit, status", ((qemu.memwalk(5), 0), (qemu.crash(), 1), (qemu.crash("fail"), 1),
                                             (qemu.crash("undef"), 1)))
def test_the_status_tells_success_from_failure(image, tmp_path, culprit, status):
    # The counter is the last one, and its end is a SYSTEM_OFF of its own.
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, qemu.counter(10), culprit))
    assert result.status == status, result.text


@row(("a VM or a shared window of the package was refused, whatever the others did", "1"))
@pytest.mark.parametrize("broken", ("vm", "window"))
def test_a_part_of_the_package_that_is_refused_is_a_failure(image, tmp_path, broken):
    root = qemu.manifest(qemu.counter(10))
    if broken == "vm":
        root.add("vm-odd", {"compatible": "schism,vm", "vm-name": "odd"})
    else:
        root.add("window", {"compatible": "schism,shared-memory", "window-name": "odd"})
    result = qemu.run(kernel=image, initrd=qemu.pack_unchecked(tmp_path, root=root))
    assert qemu.passed(result.text) == {"counter_os"}, result.text
    qemu.assert_failed(result)


@row(("EL2 crashed, or its invariants do not hold", "1"))
def test_a_crash_of_el2_is_a_failure(checked):
    result = qemu.run(kernel=checked / "Image", append="selftest=read-unmapped")
    assert result.status == 1 and "EL2 FAULT" in result.text, result.text


def crashed_by_hand(image, tmp_path, culprit, said):
    """At the shell of a machine on which one VM runs for ever and the culprit has had its end."""
    console = qemu.Console(kernel=image, initrd=qemu.pack(tmp_path, qemu.counter(0), culprit), smp=2)
    console.expect(said)
    console.send("\x1ds")
    console.expect("schism> ")
    return console


@row(("`Ctrl-]` `x` or `poweroff` in the shell", "0, after any of these failures 1"),
     ("`poweroff force` in the shell", "0"))
@pytest.mark.parametrize("culprit, said, commands, status", (
    (qemu.memwalk(2), "memwalk_os: off", ["poweroff"], 0),
    (qemu.crash(), "crash_os: CRASHED", ["poweroff"], 1),
    (qemu.crash(), "crash_os: CRASHED", ["poweroff force"], 0),
    (qemu.crash(), "crash_os: CRASHED", ["vm destroy crash_os", "poweroff"], 0),
    (qemu.crash("fail"), "crash_os: off", ["poweroff"], 1)))
def test_powering_off_by_hand_does_not_hide_a_failure(image, tmp_path, culprit, said, commands, status):
    with crashed_by_hand(image, tmp_path, culprit, said) as console:
        for command in commands:
            console.send(command + "\r")
            if "destroy" in command:
                console.expect("crash_os: destroyed")
        result = console.end()
    assert result.status == status, result.text
    assert ("the console asked: failure" in result.text) == (status == 1), result.text


@row(("`Ctrl-]` `x` or `poweroff` in the shell", "0, after any of these failures 1"),
     ("left by `Ctrl-A X` or the monitor's `quit` or `system_reset`, whatever has happened", "0"))
@pytest.mark.parametrize("keys, status", (("\x1dx", 1), ("\x01x", 0)))
def test_the_key_that_powers_off_tells_of_a_crash_and_qemus_cannot(image, tmp_path, keys, status):
    with crashed_by_hand(image, tmp_path, qemu.crash(), "crash_os: CRASHED") as console:
        console.send(keys)
        assert console.end().status == status


@row(("without a package, `Ctrl-]` `x` or `poweroff` in the shell that waits", "1"))
def test_a_shell_without_a_package_ends_in_failure(empty):
    with qemu.Console(kernel=empty / "Image") as console:
        console.expect("SCHISM-E009")
        console.expect("schism> ")
        console.send("\x1dx")
        assert console.end().status == 1


@pytest.mark.parametrize("what", ("power.off-by-all", "power.reset-storm", "power.reset-by-all", "power.all-off"))
def test_no_reset_or_power_off_of_a_guest_is_the_machines(image, tmp_path, what):
    package = qemu.pack(tmp_path, hostile("h", f"only={what} ms=100", 3), qemu.counter(10))
    result = qemu.run(kernel=image, initrd=package, smp=2)
    assert result.status == 0 and qemu.passed(result.text) == {"counter_os"}, result.text
    assert "all VMs are off: powering off, success" in result.text, result.text


@pytest.mark.parametrize("what", ("exec.semihosting", "exec.semihosting-el0"))
def test_no_guest_reaches_the_host_by_semihosting(image, tmp_path, what):
    # QEMU's own directory is this one.
    file = qemu.ROOT / "hostile-semihosting"
    file.unlink(missing_ok=True)
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, hostile("h", f"only={what}"), qemu.counter(10)))
    assert not file.exists()
    assert result.status == 0 and qemu.passed(result.text) == {"counter_os"}, result.text
    assert re.search(r"\bh: PASS 1: passed=1 failed=0", result.text), result.text


@row(("a failure with CONFIG_FAILURE_POWEROFF", "0; only the log tells"),
     ("a failure with CONFIG_FAILURE_HALT, or without PSCI", "none: it does not end"))
@pytest.mark.parametrize("how, status, said", (
    ("failure_poweroff", 0, r"error: powering off \(CONFIG_FAILURE_POWEROFF\)\n\Z"),
    ("failure_halt", None, r"error: halted\n")))
def test_other_ends_of_a_failure_can_be_configured(how, status, said):
    with qemu.Console(kernel=qemu.build(how, how) / "Image", mem="8M") as console:
        text = console.expect(r"SCHISM-E005(.*\n)+.*(FAILURE_\w+\)|halted)\n")
        assert re.search(said, text) and "resetting" not in text, text
        if status is None:
            assert console.child.isalive()
        else:
            assert console.end().status == status


# ---- nothing is lost, and nothing forged -------------------------------------------------------------

@pytest.mark.parametrize("icount", (True, False))
@pytest.mark.parametrize("call, status", ((SYSTEM_OFF, 0), (SYSTEM_RESET, 1)))
def test_a_machine_that_ends_by_its_first_instructions_is_not_missed(tmp_path, call, status, icount):
    code = tmp_path / "code"
    code.write_bytes(struct.pack("<3I", 0x52800000 | (call & 0xffff) << 5, 0x72b08000, 0xd4000002))  # mov, movk, hvc
    results = [qemu.run(kernel=code, machine="virtualization=off", icount=icount) for _ in range(10)]
    assert [result.status for result in results] == [status] * 10, results


def test_the_reason_comes_through_behind_any_number_of_events():
    watch = qemu.watch_end(["qemu"])
    theirs = watch.theirs.dup()
    watch.started()
    event = b'{"event": "RTC_CHANGE", "data": {"offset": 0}}\r\n'
    writer = threading.Thread(target=lambda: theirs.sendall(event * 100000 + (
        b'{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}\r\n{"event": "SHUTD')))
    writer.start()
    writer.join(timeout=qemu.TIMEOUT)
    assert not writer.is_alive()
    # theirs is open still, as if somebody else had it.
    assert watch.status(0) == 1 and watch.reason == "guest-reset"
    with pytest.raises(BrokenPipeError):
        theirs.send(b"x")


def test_a_reason_that_nobody_knows_is_a_failure():
    watch = qemu.watch_end(["qemu"])
    watch.theirs.sendall(b'{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-whim"}}\r\n')
    watch.started()
    assert watch.status(0) == 1


def test_the_first_reason_counts_and_a_status_of_qemus_own_before_it():
    for own, status in ((0, 1), (3, 3)):
        watch = qemu.watch_end(["qemu"])
        for reason in (b"guest-reset", b"host-ui"):
            watch.theirs.sendall(b'{"event": "SHUTDOWN", "data": {"reason": "%s"}}\r\n' % reason)
        watch.started()
        assert watch.status(own) == status


def test_nobody_else_can_connect(image):
    """There is no socket in the file system, nor one that listens."""
    with qemu.Console(kernel=image) as console:
        console.expect("first guest instruction")
        line = console.watch.line
        assert console.watch.ours.family == socket.AF_UNIX and console.watch.ours.getpeername() == ""
        assert not [word for word in line if "server" in word or "path=" in word], line


# ---- scripts/run-qemu --------------------------------------------------------------------------------

def environment(build, **more):
    env = {k: v for k, v in os.environ.items() if k not in ("PACKAGE", "APPEND", "QEMU_ARGS", "KERNEL", "CPU", "SMP",
                                                            "MEM", "MACHINE")}
    return dict(env, BUILD=str(build), TERM="dumb", SMP="1", **more)


def run_qemu(build, *args, **more):
    return qemu.Console(line=["scripts/run-qemu", *args], env=environment(build, **more))


def children(pid):
    return [int(n) for n in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def runner_and_qemu(console):
    """Their process ids. The console's child is timeout(1)."""
    runner, = children(console.child.pid)
    machine, = children(runner)
    return runner, machine


def alive(pid):
    """Not a zombie, either."""
    try:
        return ") Z " not in pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def ended(pid):
    deadline = time.monotonic() + 30
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


@row(("boot refused: nothing runs", "1"))
def test_run_qemu_ends_with_failure_after_a_refusal_and_says_so(default):
    with run_qemu(default, MEM="8M") as console:
        result = console.end()
    assert result.status == 1, result.text
    assert result.text.splitlines()[-1] == "error: the machine ended in failure; the lines above say why", result.text


def test_run_qemu_ends_with_success_when_all_vms_are_off(default, short_package):
    with run_qemu(default, PACKAGE=str(short_package)) as console:
        result = console.end()
    assert result.status == 0 and result.text.splitlines()[-1].endswith("powering off, success"), result.text


@row(("nothing was run (`QEMU_ARGS=-help`)", "0"), ("QEMU refused its command line, or failed", "QEMU's, 1"))
@pytest.mark.parametrize("arguments, status", (("-help", 0), ("-nosuch", 1)))
def test_run_qemu_passes_on_the_status_of_a_qemu_that_runs_nothing(default, arguments, status):
    done = subprocess.run(["timeout", str(qemu.TIMEOUT), "scripts/run-qemu"], cwd=qemu.ROOT, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, env=environment(default, QEMU_ARGS=arguments), check=False)
    assert done.returncode == status and "Traceback" not in done.stderr, done.stderr


@row(("there is no such QEMU or package", "1"))
def test_run_qemu_names_a_qemu_that_is_not_there(default):
    with run_qemu(default, QEMU="nosuch-qemu") as console:
        result = console.end()
    assert result.status == 1 and "error: nosuch-qemu: No such file" in result.text, result.text


@row(("left by `Ctrl-A X` or the monitor's `quit` or `system_reset`, whatever has happened", "0"))
@pytest.mark.parametrize("keys", ("\x01x", "\x01cquit\r"))
def test_whoever_leaves_qemu_gets_his_terminal_back_and_no_error(default, keys):
    with run_qemu(default) as console:
        before = termios.tcgetattr(console.child.child_fd)
        console.expect(r"report \d+")
        assert termios.tcgetattr(console.child.child_fd) != before, "Ctrl-C goes to the guests"
        console.send(keys)
        console.expect("Terminated" if keys == "\x01x" else "quit")
        result = console.end()
    assert result.status == 0 and "error:" not in result.text, result.text


def test_the_guests_console_and_qemus_monitor_share_the_terminal(default):
    with run_qemu(default) as console:
        console.expect(r"report \d+")
        console.send("\x01c")
        console.expect(r"\(qemu\) ")
        console.send("info status\r")
        console.expect("VM status: running")
        console.send("\x01c\x1dx")
        console.expect("powering off, as the console asked")
        assert console.end().status == 0


@row(("QEMU got SIGTERM, SIGINT or SIGHUP, directly or by run-qemu or timeout(1)", "143"))
@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
def test_signals_reach_qemu(default, number):
    with run_qemu(default) as console:
        console.expect(r"report \d+")
        runner, machine = runner_and_qemu(console)
        os.kill(runner, number)
        result = console.end()
    assert result.status == 143 and f"terminating on signal {number}" in result.text, result.text
    assert not alive(machine)


@row(("QEMU was killed by signal N", "128 + N"))
def test_the_terminal_is_restored_even_if_qemu_is_killed(default):
    with run_qemu(default) as console:
        before = termios.tcgetattr(console.child.child_fd)
        console.expect(r"report \d+")
        os.kill(runner_and_qemu(console)[1], signal.SIGKILL)
        console.expect("error: QEMU was ended by signal 9")
        assert termios.tcgetattr(console.child.child_fd) == before
        assert console.end().status == 137


def test_qemu_does_not_outlive_a_runner_that_is_killed(default):
    """Nor is there a terminal whose end would be a signal to it."""
    with subprocess.Popen(["scripts/run-qemu"], cwd=qemu.ROOT, env=environment(default), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, start_new_session=True) as runner:
        while b"report" not in runner.stdout.readline():
            pass
        machine, = children(runner.pid)
        runner.kill()
        try:
            assert ended(machine)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(machine), signal.SIGKILL)


def test_a_machine_that_is_to_wait_waits(default):
    with run_qemu(default, QEMU_ARGS="-S") as console:
        console.expect("leave QEMU")
        console.send("\x01c")
        console.expect(r"\(qemu\) ")
        console.send("info status\r")
        console.expect(r"VM status: paused")
        console.send("cont\r")
        console.expect("Schism .* on ")


@row(("`make debug`: gdb ended first", "gdb's"))
def test_ctrl_c_in_the_debugger_does_not_end_qemu(default, tmp_path):
    """gdb's place is taken by a program that gets Ctrl-C's signal with all of its process group."""
    gdb = tmp_path / "gdb-multiarch"
    gdb.write_text("#!/bin/sh\ntrap : INT\necho debugging\nread key\nkill -INT 0\nsleep 1\nexit 7\n", encoding="utf-8")
    gdb.chmod(0o755)
    log = default / "debug.log"
    with run_qemu(default, "debug", PATH=f"{tmp_path}:{os.environ['PATH']}") as console:
        console.expect("debugging")
        _, machine = sorted(children(children(console.child.pid)[0]), key=lambda pid: b"gdb" in pathlib.Path(
            f"/proc/{pid}/cmdline").read_bytes(), reverse=True)
        console.send("\r")
        result = console.end()
    # The debugger's own status, since the machine has not ended; QEMU went with it.
    assert result.status == 7, result.text
    assert ended(machine)
    assert "terminating on signal 15" in log.read_text(encoding="utf-8"), log.read_text(encoding="utf-8")


@row(("`make debug`: the machine ended before gdb", "as above"))
def test_a_machine_that_fails_under_the_debugger_is_a_failure(default):
    with run_qemu(default, "debug", MEM="8M") as console:
        console.expect(r"\(gdb\) ")
        console.send("continue\r")
        console.expect(r"Remote connection closed|exited normally")
        console.send("quit\r")
        assert console.end().status == 1


@row(("`make run` and the like", "0, or make's 2 for all others"))
@pytest.mark.parametrize("goal, mem, status", (("run", "8M", 2), ("run", "256M", 0)))
def test_make_run_ends_as_run_qemu(default, short_package, goal, mem, status):
    line = ["timeout", str(qemu.TIMEOUT), "make", "-s", f"O={default}", "SETUP=no", goal, f"PACKAGE={short_package}", f"MEM={mem}"]
    env = {k: v for k, v in environment(default).items() if not k.startswith(("MAKE", "MFLAGS", "BUILD", "SMP"))}
    done = subprocess.run(line, cwd=qemu.ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr


def test_each_row_of_the_documentations_table_is_tested():
    text = (qemu.ROOT / "docs/testing.md").read_text(encoding="utf-8").partition("## Exit status")[2]
    table = dict(re.findall(r"^\| (.*\S) +\| (.*\S) \|$", text, re.M))
    del table["how it ended"]
    assert {how: {status} for how, status in table.items()} == ROWS
