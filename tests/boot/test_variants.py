# SPDX-License-Identifier: MIT
"""
Each fragment in configs/frag builds and boots, with gcc, and some of them with clang. The guests run a
few rounds (configs/frag/rounds.config on top), report PASS, and the machine switches itself off.
"""
import os
import pathlib
import re
import subprocess

import pytest

from qemu import ROOT, TIMEOUT, make, passed, plain

OUT = pathlib.Path(os.environ.get("SCHISM_BUILD", "build")) / "variants"
FRAGMENTS = sorted(path.stem for path in (ROOT / "configs/frag").glob("*.config"))
WITH_CLANG = ("default", "hardening_on", "hardening_off", "debug_o0", "nr_lrs_1")

BOTH = {"counter_os", "memwalk_os"}
# The VMs that report PASS, where they are not the default's.
GUESTS = {"counter_only": {"counter_os"}, "memwalk_only": {"memwalk_os"}, "bench": {"bench_os"}}


def build(name, *args):
    """Build a variant; returns its output directory."""
    variant = name + "".join(arg.replace("LLVM=1", "-clang") for arg in args)
    out = OUT / variant
    fragments = [] if name in ("default", "rounds") else [f"configs/frag/{name}.config"]
    fragments.append("configs/frag/rounds.config")
    make(f"O={out}", f"FRAGMENTS={' '.join(fragments)}", *args, "qemu_virt_defconfig")
    make(f"O={out}", *args)
    return out


def boot(out, **variables):
    """Run until the machine ends by itself; returns the status and the console."""
    env = dict(os.environ, BUILD=str(out), CPU="max", SMP="2", MEM="512M", PACKAGE="", APPEND="", QEMU_ARGS="")
    env.update(variables)
    log = ROOT / out / "boot.log"
    try:
        with open(log, "wb") as console:
            status = subprocess.run(["scripts/run-qemu"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=console,
                                    stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False).returncode
    except subprocess.TimeoutExpired:
        status = None
    text = plain(log.read_bytes()).partition("leave QEMU")[2]
    assert status is not None, f"QEMU still runs after {TIMEOUT} s:\n{text}"
    return status, text


def assert_good(status, text, guests):
    assert status == 0, text
    assert passed(text) == guests, text
    assert not re.search(r"\bFAIL\b|\bpanic\b|EL2 FAULT|SCHISM-E\d+", text, re.I), text


@pytest.mark.parametrize("name", ["default", *(f for f in FRAGMENTS if f not in ("crash", "no_package"))])
def test_variant_boots_and_its_guests_pass(name):
    out = build(name)
    assert_good(*boot(out), GUESTS.get(name, BOTH))


@pytest.mark.parametrize("name", WITH_CLANG)
def test_variant_built_with_clang_boots_and_its_guests_pass(name):
    out = build(name, "LLVM=1")
    assert_good(*boot(out), GUESTS.get(name, BOTH))


def test_a_guest_that_crashes_leaves_the_others_alone():
    out = build("crash")
    status, text = boot(out)
    assert status == 1, text
    assert passed(text) == BOTH, text
    assert re.search(r"crash", text.replace("crash_os", "")), text


def test_an_image_without_a_package_takes_one_from_the_boot_loader():
    out = build("no_package")
    make(f"O={out}", "package", "VMS=dts/vms/stray.dts")
    assert_good(*boot(out, PACKAGE=str(out / "stray.cpio")), BOTH)


def test_bench_guest_prints_its_figures():
    _, text = boot(build("bench"), QEMU_ARGS="-icount shift=4,sleep=off")
    assert len(re.findall(r"\bBENCH \w+ \d", text)) >= 2, text
