# SPDX-License-Identifier: MIT
"""What machines and checkouts differ in: compilers that warn, paths with spaces, read-only sources, CPU models."""
import os
import pathlib
import shutil
import subprocess

import pytest

import qemu

CACHE = pathlib.Path(os.environ.get("SCHISM_CACHE") or qemu.BUILD / "cache").absolute()
WARNING = "static int nobody_uses_it;\n"


def make(*args, cwd=qemu.ROOT, **env):
    """As somebody types it: with nothing of the suite's own settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "SCHISM_", "WERROR"))}
    return subprocess.run(["timeout", str(5 * qemu.TIMEOUT), "make", "-s", "SETUP=no", *args], cwd=cwd, env={**clean, **env},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@pytest.fixture
def warning_compiler(tmp_path):
    """A CROSS= whose compiler finds something in every file."""
    (tmp_path / "warn.h").write_text(WARNING)
    for tool in ("gcc", "ld", "nm", "objcopy", "ar"):
        path = tmp_path / f"x-{tool}"
        more = f"-include {tmp_path}/warn.h" if tool == "gcc" else ""
        path.write_text(f'#!/bin/sh\nexec {shutil.which(qemu.cross(tool))} {more} "$@"\n')
        path.chmod(0o755)
    return f"{tmp_path}/x-"


def test_a_compiler_that_warns_of_more_still_builds(tmp_path, warning_compiler):
    done = make(f"O={tmp_path}/out", f"CROSS={warning_compiler}", f"{tmp_path}/out/lib/string.o", SCHISM_CACHE=str(CACHE))
    assert done.returncode == 0 and "nobody_uses_it" in done.stdout, done.stdout


def test_the_builds_of_the_suite_have_no_warnings(tmp_path, warning_compiler):
    with pytest.raises(AssertionError, match="nobody_uses_it.*-Werror"):
        qemu.make(f"O={tmp_path}/out", f"CROSS={warning_compiler}", f"{tmp_path}/out/lib/string.o")


def test_the_suite_can_be_built_with_a_compiler_that_warns(tmp_path, warning_compiler, monkeypatch):
    monkeypatch.setenv("WERROR", "0")
    qemu.make(f"O={tmp_path}/out", f"CROSS={warning_compiler}", f"{tmp_path}/out/lib/string.o")


# ---- where Schism lies -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the sources, as a clone has them."""
    copy = tmp_path_factory.mktemp("sources") / "with space"
    shutil.copytree(qemu.ROOT, copy, symlinks=True,
                    ignore=lambda at, names: {"build", ".git", "__pycache__"} & set(names) if at == str(qemu.ROOT) else ["__pycache__"])
    return copy


@pytest.mark.parametrize("goal", ["all", "run", "test", "clean"])
def test_a_path_with_a_space_is_refused_in_one_sentence(sources, goal):
    done = make(goal, cwd=sources)
    assert done.returncode == 2
    assert done.stdout.count("\n") == 1 and f'cannot handle the space in "{sources}"' in done.stdout, done.stdout


@pytest.mark.parametrize("name", ["O", "SCHISM_CACHE", "LIBFDT_SRC"])
def test_a_space_in_a_variable_is_refused_by_its_name(tmp_path, name):
    done = make("all", f"O={tmp_path}", f"{name}={tmp_path}/a b")
    assert done.returncode == 2
    assert done.stdout.count("\n") == 1 and f'cannot handle the space in "{tmp_path}/a b", given as {name}' in done.stdout
    assert not any(tmp_path.iterdir())


def everything_below(directory):
    return {str(path): path.lstat().st_mtime_ns for path in directory.rglob("*")}


def test_nothing_is_written_into_the_sources(sources, tmp_path):
    """They may be read-only; downloads lie in O, too."""
    copy, out = tmp_path / "copy", tmp_path / "out"
    shutil.copytree(sources, copy, symlinks=True)
    before = everything_below(copy)
    (out / "cache").mkdir(parents=True)
    shutil.copytree(CACHE / "libfdt", out / "cache/libfdt")
    done = make(f"O={out}", "all", "package", "VMS=dts/vms/two.dts", f"{out}/tests/unit/seeds_cpio", cwd=copy)
    assert done.returncode == 0, done.stdout
    assert (out / "Image").exists() and (out / "two.cpio").exists()
    assert everything_below(copy) == before


def test_downloads_of_all_builds_are_shared_where_they_are_shared_already(sources, tmp_path):
    copy, out = tmp_path / "copy", tmp_path / "out"
    shutil.copytree(sources, copy, symlinks=True)
    (copy / "build/cache").mkdir(parents=True)
    shutil.copytree(CACHE / "libfdt", copy / "build/cache/libfdt")
    done = make(f"O={out}", f"{out}/kernel/platform/machine.o", cwd=copy)
    assert done.returncode == 0, done.stdout
    assert not (out / "cache").exists()


# ---- CPU models --------------------------------------------------------------------------------------


def run_qemu(cpu, build="nowhere"):
    return subprocess.run(["timeout", str(qemu.TIMEOUT), "scripts/run-qemu"], cwd=qemu.ROOT, stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, "CPU": cpu, "BUILD": str(build)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("cpu", ["cortex-a15", "cortex-a7,pmu=off"])
def test_a_cpu_of_32_bits_is_refused_before_anything_starts(cpu):
    done = run_qemu(cpu)
    assert done.returncode == 1
    assert f"CPU={cpu.split(',')[0]} is a 32-bit CPU" in done.stdout and done.stdout.count("\n") == 1, done.stdout


def test_a_cpu_that_qemu_does_not_know_is_refused_by_qemu(default):
    done = run_qemu("cortex-a1000", default)
    assert done.returncode == 1 and "unable to find CPU model 'cortex-a1000'" in done.stdout, done.stdout


def test_a_cpu_without_el2_is_refused_at_boot(image):
    result = qemu.run(kernel=image, cpu="cortex-a72,has_el2=off")
    assert result.status == 1 and "SCHISM-E001: not started at EL2" in result.text, result.text
