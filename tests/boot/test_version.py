# SPDX-License-Identifier: MIT
"""What a build says of itself, and what a release has to agree on."""
import os
import re
import shutil
import subprocess

import pytest

import qemu

VERSION = (qemu.ROOT / "VERSION").read_text(encoding="ascii").strip()


def quiet(*line, cwd, **env):
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("GIT_")}, "HOME": str(cwd), **env}
    return subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, check=True).stdout.strip()


def git(where, *words):
    return quiet("git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words, cwd=where)


@pytest.fixture
def tree(tmp_path):
    """As much of a source tree as scripts/version looks at."""
    (tmp_path / "tree/scripts").mkdir(parents=True)
    shutil.copy(qemu.ROOT / "scripts/version", tmp_path / "tree/scripts")
    (tmp_path / "tree/VERSION").write_text("1.2.3\n", encoding="ascii")
    return tmp_path / "tree"


def version(where):
    # GIT_CEILING_DIRECTORIES: of no checkout that tests themselves lie in.
    return quiet("scripts/version", cwd=where, GIT_CEILING_DIRECTORIES="/tmp")


def commit(where, name="more"):
    (where / name).write_text(name, encoding="ascii")
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", name)


def test_without_a_checkout_the_version_is_the_files(tree):
    assert version(tree) == "1.2.3"


def test_a_checkout_adds_what_git_says_unless_it_is_the_release(tree):
    git(tree, "init", "-q")
    commit(tree)
    head = git(tree, "rev-parse", "HEAD")
    assert version(tree) == f"1.2.3 ({head[:10]})"
    git(tree, "tag", "v1.2.3")
    git(tree, "tag", "zoo")
    assert version(tree) == "1.2.3"
    commit(tree, "further")
    assert version(tree) == f"1.2.3 (v1.2.3-1-g{git(tree, 'rev-parse', 'HEAD')[:10]})"
    (tree / "more").write_text("changed", encoding="ascii")
    assert version(tree).endswith("-dirty)")
    # Not what somebody else's commit is called who has Schism in a folder.
    git(tree.parent, "init", "-q")
    shutil.rmtree(tree / ".git")
    commit(tree.parent)
    assert version(tree) == "1.2.3"


def test_the_first_line_of_the_log_has_the_version(default, image, short_package):
    built = re.search(r'"(.*)"', (default / "include/generated/version.h").read_text(encoding="ascii"))[1]
    assert built.startswith(VERSION)
    first = qemu.run(kernel=image, initrd=short_package).text.splitlines()[0]
    assert first.endswith(f"] Schism {built} on linux,dummy-virt"), first


def test_another_commit_compiles_one_object_anew(tmp_path):
    qemu.make(f"O={tmp_path}")
    header = tmp_path / "include/generated/version.h"
    image, text = (tmp_path / "Image").read_bytes(), header.read_text(encoding="ascii")
    header.write_text('#define SCHISM_VERSION "0.0.0 (another)"\n', encoding="ascii")
    again = quiet("make", f"O={tmp_path}", "SETUP=no", cwd=qemu.ROOT, HOME=os.environ.get("HOME", "/"))
    assert re.findall(r"^ *(?:CC|AS) +(.*)", again, re.M) == ["kernel/version.c"], again
    assert header.read_text(encoding="ascii") == text
    assert (tmp_path / "Image").read_bytes() == image
