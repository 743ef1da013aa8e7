# SPDX-License-Identifier: MIT
"""
Linux again and again (make soak N=...): each run another number of CPUs, another CPU model, instructions counted
or the host's time. In all of them Linux is a guest with four vCPUs beside the two learning guests, does the work
of linux.CHECKS, reboots, does it again, and goes off; in some there are two of it.

A run's console is kept in BUILD/test/soak, and a failure names the file. The host's time is that of a host which
may have other work: what a run without -icount proves is that nothing gets lost, not how fast it is.
"""
import os
import pathlib
import re
import typing

import pytest

import linux
import qemu

ESCAPE = "\x1d"		# CONFIG_CONSOLE_ESCAPE_KEY
RUNS = int(os.environ.get("SCHISM_SOAK", "0"))
# CPUs of the machine, Linux VMs on it. Lengths without a common divisor: a run later, each goes on by one.
LAYOUTS = ((1, 1), (2, 1), (4, 1), (8, 1), (4, 2))
# Seconds of the host until a run counts as hung.
PATIENCE = int(os.environ.get("SCHISM_SOAK_TIMEOUT", "1200"))
CYCLES = 100


class Run(typing.NamedTuple):
    number: int
    cpu: str
    smp: int
    linuxes: int
    icount: bool

    def __str__(self):
        return (f"{self.number:03}-{self.cpu}-{self.smp}cpu{'-two' if self.linuxes == 2 else ''}-"
                f"{'icount' if self.icount else 'hosttime'}")


def rotation(number):
    """Each layout meets each CPU model within 30 runs, both ways of counting time within 60."""
    layouts, cpus = len(LAYOUTS), len(linux.CPUS)
    counted = (number // layouts + number // (layouts * cpus)) % 2 == 0
    return Run(number, linux.CPUS[number % cpus], *LAYOUTS[number % layouts], counted)


class Soak:
    """One machine, from its start to the last Linux gone off."""

    def __init__(self, console, names):
        self.console, self.names = console, names

    def wait(self, form, times=1):
        """Until the line has come that often, with each Linux's name for NAME."""
        lines = [form.replace("NAME", name) for name in self.names]
        while any(len(re.findall(line.encode(), self.console.log)) < times for line in lines):
            self.expect("|".join(lines))

    def expect(self, pattern):
        """Read on; what ends the run as a failure need not be waited for."""
        got = self.console.expect(rf"{pattern}|(?P<end>schism-linux: done, status|\b(FAIL|crash) .*\n)")
        assert not self.console.child.match["end"], got[-4000:]

    def order(self, words):
        """Give each Linux's terminal the focus for a line of input, then take it away."""
        for index in range(len(self.names)):
            self.console.send(f"{ESCAPE}{index + 1}{words}\r{ESCAPE}0")

    def small_guests_report(self):
        for guest in ("counter_os", "memwalk_os"):
            self.expect(rf"{guest}: report")

    def work(self, times):
        self.wait(r"\[NAME\] schism-linux: up, 4 CPUs", times)
        self.wait(r"\[NAME\] schism-linux: load begins", times)
        self.small_guests_report()
        self.wait(r"\[NAME\] schism-linux: checks passed", times)

    def run(self):
        self.work(1)
        self.order("reboot -f")
        self.wait(r"NAME: reset \(1 so far\)")
        self.work(2)
        self.order("poweroff -f")
        self.wait("NAME: off")
        self.small_guests_report()


def host_share(child):
    """What QEMU's threads got of the host so far: little running and much waiting explains a guest's stall."""
    ran = waited = 0
    for pid in pathlib.Path(f"/proc/{child}/task/{child}/children").read_text(encoding="ascii").split():
        for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
            run, wait, _ = (thread / "schedstat").read_text(encoding="ascii").split()
            ran, waited = ran + int(run), waited + int(wait)
    return f"QEMU's threads ran for {ran / 1e9:.0f} s, and waited for a CPU of the host for {waited / 1e9:.0f} s"


def soak(directory, run, cycles=3):
    names = ["linux-a", "linux-b"][:run.linuxes] if run.linuxes > 1 else ["linux"]
    package = linux.pack(directory, *(linux.guest(name) for name in names), qemu.counter(0, "every=20"),
                         qemu.memwalk(0, "every=20"), run=linux.checks(cycles=cycles) + linux.OBEY)
    path = qemu.OUT / "soak" / f"{run}.log"
    path.parent.mkdir(exist_ok=True)
    with qemu.Console(*(linux.CLOCK if run.icount else ()), kernel=linux.image(), initrd=package, cpu=run.cpu,
                      smp=run.smp, mem="1G", append=linux.NO_FOCUS, icount=run.icount, timeout=PATIENCE) as console:
        try:
            Soak(console, names).run()
            linux.assert_healthy(console.log)
        except AssertionError as error:
            share = host_share(console.child.pid) if console.child.isalive() else "QEMU has ended"
            raise AssertionError(f"{error}\n{share}; the console is in {path}") from None
        finally:
            path.write_text(qemu.plain(console.log), encoding="utf-8")


@pytest.mark.parametrize("number", range(RUNS), ids=[str(rotation(number)) for number in range(RUNS)])
def test_linux_works_reboots_and_goes_off(tmp_path, number):
    soak(tmp_path, rotation(number))


@pytest.mark.skipif(not RUNS, reason="takes long: make soak")
def test_a_cpu_goes_off_and_on_a_hundred_times(tmp_path):
    soak(tmp_path, Run(RUNS, "cortex-a72", 4, 1, True), CYCLES)
