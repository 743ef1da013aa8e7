# SPDX-License-Identifier: MIT
"""make O=DIR builds into and removes what it created, and nothing else."""
import os
import shutil
import subprocess

import pytest

import qemu


def files_in(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


@pytest.fixture
def theirs(tmp_path):
    """A directory of somebody's."""
    directory = tmp_path / "theirs"
    (directory / ".git").mkdir(parents=True)
    (directory / "thesis.tex").write_text("years", encoding="utf-8")
    return directory


@pytest.mark.parametrize("goal", ("clean", "distclean", "qemu_virt_defconfig", "all", "menuconfig"))
def test_a_directory_of_somebody_elses_is_left_alone(theirs, goal):
    before = files_in(theirs)
    for name in (theirs, f"{theirs}/", link_to(theirs)):
        done = qemu.try_make(f"O={name}", goal)
        assert done.returncode == 2 and "make did not create it" in done.stdout, done.stdout
        assert files_in(theirs) == before


def link_to(directory):
    link = directory.parent / "link"
    link.symlink_to(directory)
    return link


@pytest.mark.parametrize("goal", ("clean", "distclean", "qemu_virt_defconfig"))
@pytest.mark.parametrize("name", ("/", ".", "..", "~", "HOME", "kernel/..", "kernel", "a b", "$$HOME", "`true`", "x;y", "README.md"))
def test_no_name_leads_make_astray(tmp_path, name, goal):
    """Tried in a copy, by somebody whose home is temporary, too."""
    root, home = tmp_path / "src", tmp_path / "home"
    for part in ("scripts", "configs", "kernel/Kconfig", "README.md", "Makefile"):
        (root / part).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (qemu.ROOT / part).is_dir() else shutil.copy)(qemu.ROOT / part, root / part)
    home.mkdir()
    (home / "thesis.tex").write_text("years", encoding="utf-8")
    before = files_in(tmp_path)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-s", f"O={home if name == 'HOME' else name}", goal], cwd=root,
                          env={**env, "HOME": str(home), "SETUP": "no"}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "O=" in done.stderr, done.stdout + done.stderr
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("exists", (False, True))
def test_a_directory_of_its_own_is_created_cleaned_and_removed(tmp_path, exists):
    out = tmp_path / "deep/out"
    if exists:
        (out / "cache").mkdir(parents=True)
        (out / "cache/kept.deb").touch()
    qemu.make(f"O={out}", f"{out}/auto.conf")
    assert (out / ".schism-build").exists()
    config = (out / ".config").read_bytes()
    qemu.make(f"O={out}", "clean")
    assert (out / ".config").read_bytes() == config and not (out / "auto.conf").exists()
    assert (out / "cache/kept.deb").exists() == exists
    qemu.make(f"O={out}", f"{out}/auto.conf")
    qemu.make(f"O={out}", "distclean")
    assert not out.exists()
    qemu.make(f"O={out}", "distclean")


def test_what_a_link_leads_to_is_emptied_and_the_link_stays(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    link = link_to(disk)
    qemu.make(f"O={link}", f"{link}/auto.conf")
    assert (disk / "auto.conf").exists()
    qemu.make(f"O={link}", "distclean")
    assert link.is_symlink() and not list(disk.iterdir())


def test_a_build_from_before_there_were_stamps_goes_on_and_is_not_removed(tmp_path):
    qemu.make(f"O={tmp_path}", f"{tmp_path}/auto.conf")
    (tmp_path / ".schism-build").unlink()
    qemu.make(f"O={tmp_path}", f"{tmp_path}/auto.conf")
    done = qemu.try_make(f"O={tmp_path}", "distclean")
    assert done.returncode == 2 and "make did not create it" in done.stdout, done.stdout
    assert (tmp_path / ".config").exists()
