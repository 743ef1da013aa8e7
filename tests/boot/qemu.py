# SPDX-License-Identifier: MIT
"""
Building Schism, packing guests, and running both under QEMU.

run() is a machine that ends by itself; Console one that is talked to. Unless told otherwise, time is
counted in instructions (-icount), so that a run repeats exactly; every QEMU is under timeout(1), so that
none survives, whatever becomes of the test.
"""
import contextlib
import fcntl
import functools
import importlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing

import pexpect

import devicetree
import seed as seeds

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SCHISM_BUILD", "build")
OUT = BUILD / "test"
TIMEOUT = int(os.environ.get("SCHISM_BOOT_TIMEOUT", "120"))
QEMU = os.environ.get("QEMU", "qemu-system-aarch64")
PYTHON = os.environ.get("PYTHON", "/usr/bin/python3")
INSTRUCTION_NS = 16
ICOUNT = ("-icount", "shift=4,sleep=off")

# For tests that follow the learning guests: their progress becomes rare otherwise.
EACH_REPORT = "reports=all"

# Where place_by_loader() puts things unless told otherwise.
IMAGE_AT, INITRD_AT = 0x40400000, 0x44000000


# ---- building ----------------------------------------------------------------------------------------

def try_make(*args, **variables):
    """Run make, whatever comes of it, with these environment variables; stdout has what it said, too."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    env.setdefault("SCHISM_CACHE", str(BUILD / "cache"))
    env.update(SETUP="no", WERROR=os.environ.get("WERROR") or "1", **variables)
    return subprocess.run(["timeout", str(TIMEOUT), "make", "-s", *map(str, args)], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def make(*args):
    result = try_make(*args)
    assert result.returncode == 0, result.stdout


def configure(out, fragments, *how):
    """qemu_virt_defconfig and these fragments, as far as the headers; how: more words for make."""
    make(f"O={out}", f"FRAGMENTS={' '.join(f'configs/frag/{f}.config' for f in fragments)}", *how, "qemu_virt_defconfig")
    make(f"O={out}", *how, f"{out}/include/generated/config.h")


def configure_and_make(out, fragments, *how, seed=None):
    """seed: a build from which objects are taken that would be the same."""
    configure(out, fragments, *how)
    if seed:
        seeds.plant(seed, out)
    make(f"O={out}", *how, "all", *(() if fragments else ("guests",)))


@functools.cache
def build(name, *fragments, how=()):
    """Build qemu_virt_defconfig with these fragments, once for all who share the name; its directory."""
    out = OUT / name
    seed = build("default") if fragments and not how else None
    out.mkdir(parents=True, exist_ok=True)
    with open(OUT / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        configure_and_make(out, fragments, *how, seed=seed)
    return out


def default_build():
    """The build without fragments, which has every guest as well."""
    return build("default")


@functools.cache
def fetched(goal):
    """Guests that are not built here: their directory in the default build, made by "make GOAL" once."""
    out = default_build()
    with open(OUT / "default.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make(f"O={out}", goal)
    return out / goal


# ---- packages ----------------------------------------------------------------------------------------

class Guest(typing.NamedTuple):
    """A VM of a package; the properties are those of dts/vms/vms.h, and props, where None takes one away."""
    name: str
    args: str = ""
    kernel: str = ""
    ram_size: int = 0x800000
    props: dict = {}
    more_memory: tuple = ()     # (address, size) of further regions
    images: tuple = ()          # (address, file) beside the kernel


def counter(rounds, *args, **fields):
    return Guest("counter_os", " ".join((f"rounds={rounds}", *args)), **fields)


def memwalk(passes, *args, **fields):
    return Guest("memwalk_os", " ".join((f"passes={passes}", *args)), **fields)


def crash(mode="novector", **fields):
    return Guest("crash_os", f"mode={mode}", **fields)


def both(rounds):
    return counter(rounds), memwalk(rounds)


def manifest(*guests):
    root = devicetree.Node("", {"compatible": "schism,manifest-v1", "#address-cells": [2], "#size-cells": [2]})
    layout = (ROOT / "include/schism/abi/guest_layout.h").read_text(encoding="utf-8")
    layout = {name: int(value, 16) for name, value in re.findall(r"#define (GUEST_\w+)\s+(0x\w+)", layout)}
    for guest in guests:
        props = {
            "vm-name": guest.name, "compatible": "schism,vm", "vcpus": [1], "protocol": "elf",
            "kernel": guest.kernel or f"{guest.name}.elf", "bootargs": guest.args, "devices": "uart",
            "mailbox": devicetree.cells64(layout["GUEST_MAILBOX_IPA"]), **guest.props}
        if props["protocol"] == "elf":
            props.setdefault("dtb-address", devicetree.cells64(layout["GUEST_DTB_IPA"]))
        vm = root.add(f"vm-{guest.name}", {name: value for name, value in props.items() if value is not None})
        for base, size in ((layout["GUEST_RAM_IPA"], guest.ram_size), *guest.more_memory):
            vm.add(f"memory@{base:x}", {"reg": devicetree.cells64(base, size)})
        for address, file in guest.images:
            vm.add(f"image@{address:x}", {"file": file, "load-address": devicetree.cells64(address)})
    return root


def guests_dir():
    return default_build() / "guests"


def pack(directory, *guests, search=(), check=True):
    """A package as scripts/mkpackage makes it, of images built here and in search; returns its path."""
    blob, out = directory / "manifest.dtb", directory / "package.cpio"
    source = directory / "manifest.dts"
    blob.write_bytes(devicetree.flatten(manifest(*guests)))
    subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", "-o", source, blob], check=True)
    where = [word for place in (*search, guests_dir()) for word in ("--search", place)]
    how = () if check else ("--no-check",)
    subprocess.run([PYTHON, ROOT / "scripts/mkpackage", *how, *where, "-o", out, source], check=True)
    return out


def scripts_module(name):
    """A module of scripts/."""
    if str(ROOT / "scripts") not in sys.path:
        sys.path.append(str(ROOT / "scripts"))
    return importlib.import_module(name)


def cross(tool):
    """The path of a tool of the cross compiler that make takes."""
    return shutil.which(f"aarch64-none-elf-{tool}") or f"aarch64-linux-gnu-{tool}"


def newc():
    """The function of scripts/cpio.py that makes archives."""
    return scripts_module("cpio").newc


def pack_unchecked(directory, *guests, root=None, files=None):
    """A package that scripts/mkpackage might refuse: this manifest, and these files or else the guests'."""
    if files is None:
        files = [(path.name, path.read_bytes()) for path in sorted(guests_dir().glob("*.elf"))]
    out = directory / "package.cpio"
    blob = root if isinstance(root, bytes) else devicetree.flatten(root or manifest(*guests))
    out.write_bytes(newc()([("manifest.dtb", blob), *files]))
    return out


# ---- running -----------------------------------------------------------------------------------------

def command(*args, kernel=None, initrd=None, append=None, dtb=None, cpu="cortex-a57", smp=1, mem="512M", machine="",
            icount=True):
    """QEMU's command line. machine: further properties of -M, which override those set here."""
    line = [QEMU, "-M", ",".join(filter(None, ("virt,virtualization=on,gic-version=3,dtb-randomness=off", machine))),
            "-cpu", cpu, "-smp", str(smp), "-m", mem, "-nographic", "-nic", "none", *(ICOUNT if icount else ())]
    for option, value in (("-kernel", kernel), ("-initrd", initrd), ("-append", append), ("-dtb", dtb)):
        if value is not None:
            line += [option, str(value)]
    return [*line, *map(str, args)]


class Result(typing.NamedTuple):
    """How a machine ended: the status that scripts/run-qemu would have, and the console."""
    status: int
    text: str


def plain(raw):
    """Console output without colours and carriage returns."""
    return re.sub(r"\x1b\[[0-9;]*m|\r+(?=\n)", "", raw.decode("utf-8", "replace"))


def run(*args, timeout=TIMEOUT, **options):
    """Run a machine that ends by itself."""
    watch = watch_end(command(*args, **options))
    with subprocess.Popen(["timeout", "-k", "5", str(timeout), *watch.line], cwd=ROOT, pass_fds=[watch.fd],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        watch.started()
        out, err = process.communicate()
    # QEMU may or may not notice that WFI without a timer is for ever; what else it says belongs into the log.
    noise = r".*warning: icount sleep disabled and no active timers\n"
    text = plain(out) + re.sub(noise, "", plain(err))
    assert process.returncode != 124, f"QEMU still runs after {timeout} s:\n{text}"
    return Result(watch.status(process.returncode), text)


def watch_end(line):
    """A watch over the QEMU that is to be started by this line: as "make run" learns how the machine ended."""
    return scripts_module("qemu_end").Watch(line)


class Spawn(pexpect.spawn):
    """A child at a terminal of its own, which inherits fds."""

    def __init__(self, line, fds=(), **how):
        self.fds = fds
        for fd in fds:
            os.set_inheritable(fd, True)
        super().__init__(line[0], line[1:], **how)

    def _spawnpty(self, args, **kwargs):
        return super()._spawnpty(args, pass_fds=self.fds, **kwargs)


def whole(pattern):
    """
    A pattern that ends in any number of something, or at the end of a word, not satisfied with the beginning
    of a word whose rest has yet to be read: a character that does not belong to it must have come.
    """
    return rf"(?>{pattern})(?=[\s\S])" if re.search(r"\\b$|(?<!\\)[+*]\)*$", pattern) else pattern


class Console(contextlib.AbstractContextManager):
    """A running machine and its console; QEMU is gone when the block ends. line: what to start, not QEMU itself."""

    def __init__(self, *args, line=None, timeout=TIMEOUT, env=None, **options):
        self.watch = None if line else watch_end(command(*args, **options))
        line = ["timeout", "--foreground", "-k", "5", str(timeout), *(line or self.watch.line)]
        self.child = Spawn(line, [self.watch.fd] if self.watch else [], cwd=ROOT, env=env, timeout=timeout, echo=False)
        if self.watch:
            self.watch.started()
        self.log = b""

    def __exit__(self, *_):
        self.child.close(force=True)

    def expect(self, pattern):
        """Read on until the pattern has come (an end of line in it is \\n); the text up to its end."""
        raw = pattern if pattern is pexpect.EOF else re.compile(whole(pattern).replace(r"\n", r"\r*\n").encode())
        try:
            self.child.expect(raw)
        except (pexpect.EOF, pexpect.TIMEOUT):
            self.log += self.child.before or b""
            text = plain(self.log)
            raise AssertionError(f"no {pattern!r} in:\n{text[:4000]}\n...\n{text[-4000:]}") from None
        got = self.child.before + (b"" if pattern is pexpect.EOF else self.child.after)
        self.log += got
        return plain(got)

    def send(self, keys):
        self.child.send(keys)

    def end(self):
        """Wait for the machine to end by itself; everything that was printed."""
        self.expect(pexpect.EOF)
        self.child.close()
        status = self.child.exitstatus
        return Result(self.watch.status(status) if self.watch else status, plain(self.log))


def dump_tree(path, *args, machine="", **options):
    """The device tree that QEMU would pass, parsed."""
    line = command(*args, machine=",".join(filter(None, (machine, f"dumpdtb={path}"))), **options)
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return devicetree.parse(path.read_bytes())


def place_by_loader(directory, image, tree, initrd=None, *, image_at=IMAGE_AT, initrd_at=INITRD_AT, reservations=()):
    """
    Arguments that put image, tree (parsed or raw) and initrd into RAM and start the image with x0 = 0, so
    that it looks for the tree 2 MiB below itself. QEMU has no hand in the tree then, as it has with -dtb.
    """
    args = ["-device", f"loader,file={image},addr={image_at:#x},force-raw=on",
            "-device", f"loader,addr={image_at:#x},cpu-num=0"]
    if initrd is not None:
        args += ["-device", f"loader,file={initrd},addr={initrd_at:#x},force-raw=on"]
        if isinstance(tree, devicetree.Node):
            tree["chosen"].set("linux,initrd-start", devicetree.cells64(initrd_at))
            tree["chosen"].set("linux,initrd-end", devicetree.cells64(initrd_at + initrd.stat().st_size))
    blob = directory / "placed.dtb"
    blob.write_bytes(tree if isinstance(tree, bytes) else devicetree.flatten(tree, reservations))
    return [*args, "-device", f"loader,file={blob},addr={image_at - 0x200000:#x},force-raw=on"]


def instructions(ticks, text):
    """How many instructions ICOUNT counts in that many ticks of the counter, whose frequency is in the log."""
    return ticks * 1_000_000_000 // int(re.search(r"timer (\d+) Hz", text)[1]) >> 4


@functools.cache
def counter_hz(cpu):
    """What CNTFRQ_EL0 of QEMU's board is; newer ones give CPUs of Armv8.6 and later another frequency."""
    with Console(kernel=default_build() / "Image", cpu=cpu) as console:
        return int(re.search(r"(\d+) Hz", console.expect(r"timer \d+ Hz\n"))[1])


@functools.cache
def version():
    """QEMU's, such as (7, 2, 22)."""
    text = subprocess.run([QEMU, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, re.search(r"version (\d+)\.(\d+)\.(\d+)", text).groups()))


# ---- what a log says ---------------------------------------------------------------------------------

GUESTS = ("counter_os", "memwalk_os", "crash_os", "bench_os")


def passed(text):
    """The VMs whose PASS report is in the log."""
    return {name for name in GUESTS if re.search(rf"\b{name}\b.*\bPASS\b", text)}


def reporters(text):
    """The VMs of the progress reports, in their order."""
    return re.findall(r"\] (\w+): report \d+:", text)


def turns(text):
    """How often the reports change over from one VM to another."""
    order = reporters(text)
    return sum(a != b for a, b in zip(order, order[1:]))


def instructions_to_first_guest(text):
    """Since reset, to a microsecond's worth of them (62.5), where time is counted in instructions."""
    return float(re.search(r"first guest instruction after (\d+\.\d+) ms", text)[1]) * 1e6 / INSTRUCTION_NS


def mailbox(text, name):
    """The values of a VM's mailbox as last dumped, by slot."""
    found = re.findall(rf"{name}: mailbox\n((?:\[.*\]   \S+ +0x\w+ .*\n)*)", text)
    assert found, text
    return {slot: int(value, 16) for slot, value in re.findall(r"\]   (\S+) +(0x\w+)", found[-1])}


def switches(text):
    """Context switches of each VM, from the final lines."""
    return {name: int(count) for name, count in re.findall(r"\] (\w+): \w+, (\d+) switches, \d+ us on CPU", text)}


def assert_good(result, guests=("counter_os", "memwalk_os")):
    """The machine ended by itself in success, and all of these guests passed."""
    assert result.status == 0, result.text
    assert passed(result.text) == set(guests), result.text
    assert "all VMs are off: powering off, success" in result.text, result.text
    assert not re.search(r"\bFAIL\b|panic|SCHISM-E\d+|error:", result.text, re.I), result.text


def assert_failed(result, why="all VMs are off"):
    """The machine ended by itself in failure, for this reason."""
    assert result.status == 1, (result.status, result.text)
    assert re.search(rf"\] {why}: failure\n.*error: resetting the machine \(CONFIG_FAILURE_RESET\)\n\Z", result.text), result.text
