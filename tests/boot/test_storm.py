# SPDX-License-Identifier: MIT
"""
Requests in bursts, again and again (make storm N=...): each run boots one of dts/vms on 2 to 8 CPUs, by the host's
time, beside a VM of eight vCPUs that wake each other without end. The shell pauses, resumes, stops, starts, resets
and destroys the other VMs as a seed of the run's number says; then Schism checks its invariants, run queues among
them, and is switched off.

What hangs is told from a host that has no time: while QEMU's threads wait for a core of it, patience does not run
out. When it is used up, the registers of all CPUs are kept beside the console, in BUILD/test/storm.
"""
import contextlib
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import time

import pexpect
import pytest

import qemu

RUNS = int(os.environ.get("SCHISM_STORM", "0"))
FIRST = int(os.environ.get("SCHISM_STORM_FIRST", "0"))
MANIFESTS = ("two", "small8", "shared", "restart", "crash")
CPUS = ("cortex-a57", "max", "cortex-a72", "neoverse-n1")
REQUESTS = ("pause", "pause", "resume", "resume", "stop", "start", "start", "reset", "destroy")
BURST = 40
# Seconds without a sign of life from the console, less those that QEMU's threads waited for a core.
PATIENCE = 60

PINGS = """
/ {
	vm-pings {
		vm-name = "pings";
		compatible = "schism,vm";
		vcpus = <8>;
		protocol = "elf";
		kernel = "pings.elf";
		bootargs = "ms=0";
		devices = "uart";
		mailbox = <0x0 GUEST_MAILBOX_IPA>;
		memory@40000000 {
			reg = <0x0 GUEST_RAM_IPA 0x0 GUEST_RAM_SIZE>;
		};
	};
};
"""


def pack(directory, manifest):
    source = directory / "storm.dts"
    source.write_text(f'#include "dts/vms/{manifest}.dts"\n{PINGS}', encoding="utf-8")
    out = directory / "storm.cpio"
    build = qemu.default_build()
    cpp = (f"{qemu.cross('gcc')} -E -x assembler-with-cpp -nostdinc -I. -Iinclude -I{build}/include "
           f"-include {build}/include/generated/config.h -D__DTS__")
    subprocess.run([qemu.PYTHON, qemu.ROOT / "scripts/mkpackage", "--config", build / "auto.conf", "--cpp", cpp,
                    "--search", build / "guests", "-o", out, source], check=True, cwd=qemu.ROOT)
    return out


def waited(pid):
    """Seconds that the threads of QEMU, the child of timeout(1), have waited for a core so far, in all."""
    total = 0
    # QEMU, or one of its threads, may end meanwhile.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            for thread in pathlib.Path(f"/proc/{child}/task").iterdir():
                total += int((thread / "schedstat").read_text(encoding="ascii").split()[1])
    return total / 1e9


def registers(path):
    """All CPUs' registers, by QEMU's monitor."""
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.settimeout(10)
        qmp.connect(str(path))
        lines = qmp.makefile("rw")
        for command in ({"execute": "qmp_capabilities"},
                        {"execute": "human-monitor-command", "arguments": {"command-line": "info registers -a"}}):
            lines.write(json.dumps(command) + "\n")
            lines.flush()
            while "return" not in (answer := json.loads(lines.readline())):
                pass
    return answer["return"]


class Storm:
    def __init__(self, console, name, monitor):
        self.console, self.name, self.monitor = console, name, monitor

    def expect(self, pattern):
        """Read on until the pattern has come, or the patience is used up."""
        child = self.console.child
        start, waited_before = time.monotonic(), waited(child.pid)
        raw = re.compile(qemu.whole(pattern).encode())
        while True:
            try:
                child.expect(raw, timeout=5)
                break
            except pexpect.EOF:
                self.fail(f"QEMU ended, and no {pattern!r}")
            except pexpect.TIMEOUT:
                if time.monotonic() - start - (waited(child.pid) - waited_before) > PATIENCE:
                    self.hang(pattern)
        got = child.before + child.after
        self.console.log += got
        return qemu.plain(got)

    def keep(self):
        path = qemu.OUT / "storm" / f"{self.name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(qemu.plain(self.console.log), encoding="utf-8")
        return path

    def fail(self, why):
        self.console.log += self.console.child.before or b""
        raise AssertionError(f"{why}; the console is in {self.keep()}")

    def hang(self, pattern):
        self.console.log += self.console.child.before or b""
        path = self.keep()
        path.with_suffix(".registers").write_text(registers(self.monitor), encoding="utf-8")
        raise AssertionError(f"{PATIENCE} s of QEMU's, and no {pattern!r}; console and registers are in {path}")

    def command(self, line):
        """Log lines come at any time, and the prompt anew behind each: what is certain is the echo."""
        self.console.send(line + "\r")
        self.expect(re.escape(line))

    def states(self):
        """What the shell says of each VM; the last one is pings."""
        self.command("vm list")
        text = self.expect(r"\d+ +pings +\w+ ")
        return dict(re.findall(r"\b\d+ +(\S+) +(\w+) ", text))


def burst(storm, dice):
    names = sorted(storm.states().keys() - {"pings"})
    assert names, "the shell lists no VM"
    for _ in range(BURST):
        storm.command(f"vm {dice.choice(REQUESTS)} {dice.choice(names)}")
        if dice.random() < 0.1:
            time.sleep(dice.random() / 5)


@pytest.mark.parametrize("number", range(FIRST, FIRST + RUNS))
def test_requests_in_bursts_leave_nothing_hanging_and_nothing_counted_wrong(tmp_path, number):
    dice = random.Random(number)
    manifest, smp = MANIFESTS[number % len(MANIFESTS)], 2 + number % 7
    cpu = CPUS[number // len(MANIFESTS) % len(CPUS)]
    monitor = tmp_path / "qmp"
    with qemu.Console("-qmp", f"unix:{monitor},server=on,wait=off", kernel=qemu.default_build() / "Image",
                      initrd=pack(tmp_path, manifest), cpu=cpu, smp=smp, mem="1G", icount=False,
                      append="focus=none", timeout=3600) as console:
        storm = Storm(console, f"{number:03}-{manifest}-{cpu}-{smp}cpu", monitor)
        storm.expect(r"first guest instruction")
        console.send("\x1ds")
        storm.expect("schism> ")
        burst(storm, dice)
        # Whatever is under way comes to its end, with pings going on all the while.
        storm.command("check")
        if "invariants: clean" not in storm.expect(r"invariants: [^\n]*\n"):
            storm.fail("invariants")
        states = storm.states()
        if states["pings"] != "running":
            storm.fail(f"pings is {states['pings']}")
        console.send("poweroff\r")
        storm.expect("powering off")
        if re.search(rb"SCHISM-E\d+|panic|ASSERT", console.log):
            storm.fail("an error of Schism's own")


def wake_ups(directory, smp):
    package = qemu.pack(directory, qemu.Guest("pings", "ms=5000", props={"vcpus": [8]}))
    text = qemu.run(kernel=qemu.default_build() / "Image", initrd=package, smp=smp, icount=False).text
    return int(re.search(r"pings: (\d+) wake-ups", text).group(1))


@pytest.mark.skipif(not RUNS, reason="takes long: make storm")
def test_more_cpus_than_the_host_has_cores_do_not_convoy(tmp_path):
    """Eight vCPUs that wake each other: on four CPUs nearly as often as on one, whatever sleeps on the host."""
    ratios = [wake_ups(tmp_path, 4) / wake_ups(tmp_path, 1) for _ in range(3)]
    print("wake-ups with four CPUs to those with one:", " ".join(f"{ratio:.2f}" for ratio in ratios))
    # With a ticket lock for each VM it was 0.01.
    assert max(ratios) > 0.25, ratios
