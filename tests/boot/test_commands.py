# SPDX-License-Identifier: MIT
"""What make says to a mistake on its command line, and a file that somebody removed."""
import json
import os
import re
import shutil
import subprocess

import pytest

import qemu

MISTAKES = {
    "manifest that is not there": (["run", "VMS=nosuch.dts"], ["VMS=nosuch.dts", "no such manifest", "dts/vms/two.dts"]),
    "name without a path": (["package", "VMS=two"], ["VMS=two", "dts/vms/two.dts"]),
    "directory": (["run", "VMS=dts/vms"], ["VMS=dts/vms:"]),
    "something else than a manifest": (["run", "VMS=README.md"], ["VMS=README.md", "no such manifest"]),
    "package that is not there": (["run", "PACKAGE=nosuch.cpio"], ["PACKAGE=nosuch.cpio: no such file", "make package"]),
    "no manifest to pack": (["package"], ["make package VMS="]),
    "two manifests to run": (["run", "VMS=dts/vms/two.dts dts/vms/small8.dts"], ["one manifest at a time"]),
    "package that is a directory": (["run", "PACKAGE=docs"], ["PACKAGE=docs: is no regular file"]),
    "package that is something else": (["run", "PACKAGE=README.md"], ["PACKAGE=README.md: is no boot package", "070701"]),
    "package and manifest": (["run", "PACKAGE=a.cpio", "VMS=dts/vms/two.dts"], ["either", "PACKAGE=a.cpio", "VMS=dts/vms/two.dts"]),
    "manifest where there is one": (["run-linux", "VMS=dts/vms/two.dts"], ["make run VMS=\"dts/vms/two.dts\""]),
    "goal with a letter too many": (["bootttest"], ["no goal bootttest; is it boot-test"]),
    "goal like nothing": (["qqq"], ["no goal qqq; make help lists them"]),
    "cleaning while building": (["clean", "all"], ["make clean stands alone"]),
    "no checkout of dtc": (["all", "LIBFDT_SRC=docs"], ["LIBFDT_SRC=docs: is no checkout of dtc"]),
    "fuzzer that is not there": (["fuzz", "FUZZ=elff"], ["FUZZ=elff: no such fuzzer", "cpio elf"]),
    "menus without a terminal": (["menuconfig"], ["menuconfig needs a terminal", "FRAGMENTS=FILE"]),
    "configuration that is not there": (["nosuch_defconfig"], ["no configs/nosuch_defconfig", "qemu_virt_defconfig"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_on_the_command_line_is_refused_in_words(default, mistake):
    arguments, words = MISTAKES[mistake]
    done = qemu.try_make(f"O={default}", *arguments)
    assert done.returncode == 2, done.stdout
    for word in words:
        assert word in done.stdout, done.stdout
    assert not re.search("No rule to make target|Traceback", done.stdout), done.stdout


@pytest.mark.parametrize("given, said", (
    ("SMPP=2", "variable SMPP; is it SMP?"), ("smp=2", "variable smp; is it SMP?"), ("XYZZY=1", "variable XYZZY; make help"),
    ("CONFIG_MAX_VMS=3", "variable CONFIG_MAX_VMS; make help lists them, make menuconfig shows CONFIG_")))
def test_a_variable_that_make_does_not_have_is_warned_about(given, said):
    done = qemu.try_make("help", given)
    assert done.returncode == 0 and done.stdout.count("warning: make does not know the " + said) == 1, done.stdout


def test_variables_that_make_has_are_not_warned_about():
    """Those of make help, and the tools."""
    named = re.findall(r"\b([A-Z][A-Z_]+)=", (qemu.ROOT / "scripts/help.txt").read_text(encoding="utf-8"))
    done = qemu.try_make("help", *(f"{name}=" for name in {*named, "CC", "HOSTCC", "PYTHON"} - {"PREFIX"}))
    assert len(named) > 20 and "warning:" not in done.stdout, done.stdout


@pytest.mark.parametrize("term", ("", "dumb", "nosuch"))
def test_menus_on_a_terminal_without_a_cursor_are_refused_in_words(default, term):
    with qemu.Console(line=["make", "-s", f"O={default}", "SETUP=no", "menuconfig"], env={**os.environ, "TERM": term}) as console:
        result = console.end()
    assert result.status == 2 and f"error: menuconfig: TERM={term}: this terminal can't show menus" in result.text, result.text
    assert "Traceback" not in result.text


TEST_GOALS = re.search(r"^test-goals +:= (.*)", (qemu.ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1].split()


@pytest.mark.parametrize("goal", (*TEST_GOALS, "build/tests/unit/test_fmt"))
def test_every_goal_for_tests_first_looks_for_what_tests_need(tmp_path, goal):
    """On a machine without the host's compiler."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for directory in reversed(os.environ["PATH"].split(":")):
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            (tools / name).unlink(missing_ok=True)
            (tools / name).symlink_to(os.path.join(directory, name))
    (tools / "gcc").unlink()
    done = qemu.try_make(f"O={tmp_path}/build", goal.replace("build/", f"{tmp_path}/build/"), PATH=str(tools))
    assert done.returncode == 2 and re.search(r"^  gcc +compiles the unit tests$", done.stdout, re.M), done.stdout
    assert "something that the build needs is missing" in done.stdout


def test_two_manifests_of_one_name_are_two_packages(default, tmp_path):
    packages = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = (qemu.ROOT / "dts/vms/stray.dts").read_text(encoding="utf-8")
        (tmp_path / name / "x.dts").write_text(text.replace('"memwalk_os"', f'"stray_{name}"'), encoding="utf-8")
        # The second one is older than the first package.
        os.utime(tmp_path / name / "x.dts", (0, 0))
        qemu.make(f"O={default}", "package", f"VMS={tmp_path}/{name}/x.dts")
        packages.append(default / f"packages{tmp_path}/{name}/x.cpio")
    assert all(package.exists() for package in packages) and not (default / "x.cpio").exists()
    texts = [package.read_bytes() for package in packages]
    assert b"stray_a" in texts[0] and b"stray_b" in texts[1] and b"stray_b" not in texts[0]


def test_one_manifest_named_in_two_ways_is_one_package(default):
    names = ("dts/vms/two.dts", "./dts/vms/../vms/two.dts", qemu.ROOT / "dts/vms/two.dts")
    done = qemu.try_make(f"O={default}", "package", f"VMS={' '.join(map(str, names))}")
    assert done.returncode == 0 and "warning" not in done.stdout, done.stdout
    assert (default / "two.cpio").exists()


def test_a_package_to_embed_without_guests_names_the_options(tmp_path):
    (tmp_path / "none.config").write_text("CONFIG_GUEST_COUNTER_OS=n\nCONFIG_GUEST_MEMWALK_OS=n\n", encoding="utf-8")
    out = tmp_path / "build"
    done = qemu.try_make(f"O={out}", f"FRAGMENTS={tmp_path}/none.config", f"{out}/kernel/load/package.cpio")
    assert done.returncode == 2 and "describes no VM" not in done.stdout, done.stdout
    for option in ("EMBED_PACKAGE", "GUEST_COUNTER_OS", "GUEST_MEMWALK_OS", "GUEST_CRASH_OS", "GUEST_BENCH_OS"):
        assert f"CONFIG_{option}" in done.stdout, done.stdout


def test_a_configuration_that_was_removed_is_made_anew(tmp_path):
    for _ in range(2):
        qemu.make(f"O={tmp_path}", f"{tmp_path}/auto.conf")
        assert (tmp_path / ".config").exists()
        (tmp_path / ".config").unlink()


# ---- what is there to be typed -----------------------------------------------------------------------

def makefile(pattern):
    text = "\n".join((qemu.ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "guests/build.mk"))
    return {word for found in re.findall(pattern, text, re.M) for word in found.split()}


def test_help_names_every_target_and_every_variable():
    text = subprocess.run(["make", "-s", "help"], cwd=qemu.ROOT, capture_output=True, text=True, check=True).stdout
    targets = makefile(r"^(?:plain|config|image|run|test|debian)-goals +:= (.*)$") - {"%_defconfig"}
    variables = makefile(r"^(\w+) *\?=")
    assert len(targets) > 25 and len(variables) > 25
    missing = {name for name in targets if not re.search(rf"(?<![\w-]){name}(?![\w-])", text)}
    missing |= {name for name in variables if not re.search(rf"(?<!\w){name}=", text)}
    assert not missing


@pytest.mark.parametrize("source", ("kernel/vm/lifecycle.c", "arch/arm64/trap/traps.c", "guests/counter_os.c",
                                    "tests/unit/test_vgic.c"))
def test_clang_understands_the_compilation_database(default, source):
    """As clangd reads it, with what .clangd takes away and adds."""
    entries = json.loads((default / "compile_commands.json").read_text(encoding="utf-8"))
    entry = next(entry for entry in entries if entry["file"] == source)
    settings = (qemu.ROOT / ".clangd").read_text(encoding="utf-8")
    remove, add = (re.search(rf"{what}: \[(.*)\]", settings)[1].split(", ") for what in ("Remove", "Add"))
    compiler, *words = (word for word in entry["command"].split() if word not in remove)
    clang = shutil.which("clang") or shutil.which("clang-14")
    target = ["--target=aarch64-linux-gnu"] if "aarch64" in compiler else []
    done = subprocess.run([clang, *target, *words, *add, "-fsyntax-only"], cwd=entry["directory"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr


def what_make_would_do(*arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["timeout", str(qemu.TIMEOUT), "make", "-n", "SETUP=no", *arguments], cwd=qemu.ROOT, env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("original, image", [("linux", "boot/vmlinuz"), ("uboot", "u-boot.bin"), ("two", None)])
def test_a_manifest_of_ones_own_gets_the_images_that_it_names(tmp_path, original, image):
    (tmp_path / "mine.dts").write_bytes((qemu.ROOT / f"dts/vms/{original}.dts").read_bytes())
    plan = what_make_would_do("run", f"O={tmp_path}/out", f"VMS={tmp_path}/mine.dts")
    assert f"{tmp_path}/mine.cpio" in plan
    for name in ("boot/vmlinuz", "u-boot.bin"):
        assert (name in plan) == (name == image), plan


UBOOT = """/dts-v1/; / { compatible = "schism,manifest-v1"; #address-cells = <2>; #size-cells = <2>;
	vm-a { vm-name = "a"; compatible = "schism,vm"; vcpus = <1>; protocol = "raw"; kernel = "u-boot.bin";
		load-address = <0 0x40200000>; memory@40000000 { reg = <0 0x40000000 0 0x8000000>; }; }; };"""


def test_a_package_without_a_fetched_image_tells_how_to_get_it(tmp_path):
    (tmp_path / "mine.dts").write_text(UBOOT, encoding="utf-8")
    done = subprocess.run([qemu.PYTHON, "scripts/mkpackage", "-o", tmp_path / "a.cpio", tmp_path / "mine.dts"],
                          cwd=qemu.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode and '"u-boot.bin", which is in none of' in done.stderr, done.stderr
    assert '"make uboot" fetches it' in done.stderr, done.stderr
