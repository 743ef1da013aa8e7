# SPDX-License-Identifier: MIT
"""scripts/check-layering on a tree in which something is where it should not be."""
import pathlib
import shutil
import subprocess

import pytest

import qemu

CHECK = pathlib.Path(qemu.ROOT) / "scripts/check-layering"


@pytest.fixture
def tree(tmp_path):
    """A copy of the sources that may be put wrong."""
    for top in ("arch", "kernel", "lib", "drivers", "guests", "include"):
        shutil.copytree(pathlib.Path(qemu.ROOT) / top, tmp_path / top, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def check(tree, *args):
    done = subprocess.run([CHECK, *args], cwd=tree, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_tree_as_it_is_keeps_its_rooms(tree):
    status, said = check(tree)
    assert status == 0, said


def test_a_file_in_the_wrong_room_is_found_by_what_it_includes(tree):
    (tree / "kernel/shell/cmd_vm.c").rename(tree / "kernel/mm/cmd_vm.c")
    status, said = check(tree)
    assert status == 1
    assert "kernel/mm/cmd_vm.c:" in said
    assert "includes kernel/shell/shell.h: kernel/shell is above kernel/mm" in said, said


def test_a_room_that_no_table_has_is_found(tree):
    for name in ("kernel/attic/old.c", "arch/arm64/attic/old.c", "drivers/attic/old.h"):
        (tree / name).parent.mkdir()
        (tree / name).write_text("")
        status, said = check(tree, name)
        assert status == 1
        assert f"{name}: is in no room" in said, said


def test_a_call_by_a_declaration_of_its_own_is_found_by_the_symbol(tree):
    """No include gives it away."""
    for name, text in {
        "kernel/mm/sneak.c": "void shell_leave(void);\nvoid sneak(void);\nvoid sneak(void) { shell_leave(); }\n",
        "kernel/shell/shell.c": "void shell_leave(void);\nvoid shell_leave(void) { }\n",
    }.items():
        (tree / name).write_text(text)
    objects = []
    for name in ("kernel/mm/sneak", "kernel/shell/shell"):
        objects.append(tree / f"out/{name}.o")
        objects[-1].parent.mkdir(parents=True)
        subprocess.run(["gcc", "-c", "-o", objects[-1], tree / f"{name}.c"], check=True)
    linked = tree / "linked"
    linked.write_text(" ".join(map(str, ("nm", tree / "out", *objects))))
    status, said = check(tree, "--linked", linked, "kernel/mm/sneak.c")
    assert status == 1
    assert "kernel/mm/sneak: uses shell_leave of kernel/shell/shell" in said, said


def test_a_way_up_that_nobody_takes_any_more_is_found(tree):
    path = tree / "kernel/sched/sched.c"
    path.write_text(path.read_text().replace('#include "kernel/hvc/pvtime.h"\n', ""))
    status, said = check(tree)
    assert status == 1
    assert "nothing in kernel/sched includes kernel/hvc/pvtime.h any more" in said, said
