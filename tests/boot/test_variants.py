# SPDX-License-Identifier: MIT
"""
Each fragment in configs/frag builds and boots, with gcc, and some of them with clang. The guests run a
few rounds (configs/frag/rounds.config on top), report PASS, and the machine switches itself off.
"""
import os
import re
import subprocess

import pytest

import qemu
import seed
from qemu import ROOT, TIMEOUT, make, passed, plain

OUT = ROOT / os.environ.get("SCHISM_BUILD", "build") / "variants"
FRAGMENTS = sorted(path.stem for path in (ROOT / "configs/frag").glob("*.config"))
WITH_CLANG = ("default", "hardening_on", "hardening_off", "debug_o0", "nr_lrs_1")

BOTH = {"counter_os", "memwalk_os"}
# The VMs that report PASS, where they are not the default's.
GUESTS = {"counter_only": {"counter_os"}, "memwalk_only": {"memwalk_os"}, "bench": {"bench_os"}}


def suffix(args):
    return "".join(arg.replace("LLVM=1", "-clang") for arg in args)


def common(args):
    """The build whose objects variants share, as far as they would be the same."""
    return qemu.build("rounds" + suffix(args), "rounds", how=args)


def build(name, *args):
    """Build a variant; returns its output directory."""
    out = OUT / (name + suffix(args))
    fragments = [] if name in ("default", "rounds") else [name]
    qemu.configure_and_make(out, [*fragments, "rounds"], *args, seed=common(args))
    return out


def boot(out, **variables):
    """Run until the machine ends by itself; returns the status and the console."""
    env = dict(os.environ, BUILD=str(out), CPU="max", SMP="2", MEM="512M", PACKAGE="", APPEND="", QEMU_ARGS="")
    env.update(variables)
    log = out / "boot.log"
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


def assert_rooms_are_kept(out):
    """What is linked depends on the configuration, and with it who calls whom."""
    done = subprocess.run(["scripts/check-layering", "--linked", f"{out}/.track/linked"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["default", *(f for f in FRAGMENTS if f not in ("crash", "no_package"))])
def test_variant_boots_and_its_guests_pass(name):
    out = build(name)
    assert_rooms_are_kept(out)
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


# ---- what they have in common ------------------------------------------------------------------------

DIFFERENT = ("nr_lrs_1", "guard_16", "slice_1ms", "counter_only")


@pytest.mark.parametrize("args", ((), ("LLVM=1",)))
def test_a_build_that_shares_objects_is_the_same_to_the_byte(tmp_path, args):
    shared, alone = tmp_path / "shared", tmp_path / "alone"
    qemu.configure_and_make(alone, DIFFERENT, *args)
    qemu.configure(shared, DIFFERENT, *args)
    planted = seed.plant(common(args), shared)
    qemu.make(f"O={shared}", *args)
    assert planted > 50
    for name in ("Image", "kernel/load/package.cpio"):
        assert (shared / name).read_bytes() == (alone / name).read_bytes()


def test_an_object_is_not_shared_if_its_text_its_command_or_an_option_differs(tmp_path):
    """seed.plant() by itself: two builds as make leaves them, of one source of its own."""
    source = tmp_path / "source.h"
    source.write_text("int x = CONFIG_A;", encoding="ascii")

    def tree(name, a=1, b=1, command="cc -O2"):
        out = tmp_path / name
        for directory in ("include/generated", ".track", "kernel"):
            (out / directory).mkdir(parents=True)
        (out / "include/generated/config.h").write_text(f"#define CONFIG_A {a}\n#define CONFIG_B {b}\n", encoding="ascii")
        for kind in ("hv", "guest"):
            (out / ".track" / kind).write_text(f"{command} -I{out}/include", encoding="ascii")
        return out

    base = tree("base")
    (base / "kernel/main.o").write_text("object", encoding="ascii")
    (base / "kernel/main.d").write_text(f"{base}/kernel/main.o: {source} \\\n {base}/include/generated/config.h\n\n"
                                        f"{source}:\n", encoding="ascii")
    assert seed.plant(base, tree("same")) == 1
    assert f"{tmp_path}/same/kernel/main.o: {source}" in (tmp_path / "same/kernel/main.d").read_text(encoding="ascii")
    assert seed.plant(base, tmp_path / "same") == 0, "it has that object already"
    assert seed.plant(base, tree("other-option", b=2)) == 1, "CONFIG_B is not in its text"
    assert seed.plant(base, tree("option", a=2)) == 0
    assert seed.plant(base, tree("command", command="cc -O0")) == 0
    now = (base / "kernel/main.o").stat().st_mtime + 10
    os.utime(source, (now, now))
    assert seed.plant(base, tree("newer-text")) == 0
