# SPDX-License-Identifier: MIT
"""What make says to a mistake on its command line, and a file that somebody removed."""
import os
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
    "configuration that is not there": (["nosuch_defconfig"], ["no configs/nosuch_defconfig", "qemu_virt_defconfig"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_on_the_command_line_is_refused_in_words(default, mistake):
    arguments, words = MISTAKES[mistake]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["timeout", str(qemu.TIMEOUT), "make", "-s", f"O={default}", "SETUP=no", *arguments], cwd=qemu.ROOT,
                          env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert "No rule to make target" not in done.stderr


def test_a_configuration_that_was_removed_is_made_anew(tmp_path):
    for _ in range(2):
        qemu.make(f"O={tmp_path}", f"{tmp_path}/auto.conf")
        assert (tmp_path / ".config").exists()
        (tmp_path / ".config").unlink()
