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
    return subprocess.run(["timeout", str(qemu.TIMEOUT), "make", "-s", "SETUP=no", *args], cwd=cwd, env={**clean, **env},
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
