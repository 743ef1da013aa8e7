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
    again = quiet("make", f"O={tmp_path}", "SETUP=no", "WERROR=1", cwd=qemu.ROOT, HOME=os.environ.get("HOME", "/"))
    assert re.findall(r"^ *(?:CC|AS) +(.*)", again, re.M) == ["kernel/base/version.c"], again
    assert header.read_text(encoding="ascii") == text
    assert (tmp_path / "Image").read_bytes() == image


# ---- a release ---------------------------------------------------------------------------------------

@pytest.fixture
def released(tree):
    """A commit that can be released as 1.2.3."""
    for name in ("release-check", "plain.py"):
        shutil.copy(qemu.ROOT / "scripts" / name, tree / "scripts")
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-11-28\n\nNew.\n", encoding="ascii")
    git(tree, "init", "-q")
    commit(tree)
    return tree


def check(where):
    done = subprocess.run([where / "scripts/release-check"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def test_a_release_is_checked_before_and_after_its_tag(released):
    assert check(released) == (0, "this commit can be released: git tag -a v1.2.3 -m 'Schism 1.2.3'\n")
    git(released, "tag", "-a", "v1.2.3", "-m", "x")
    assert check(released) == (0, "v1.2.3 is released by this commit\n")
    commit(released, "further")
    status, text = check(released)
    assert status == 1 and "v1.2.3 is another commit" in text, text


@pytest.mark.parametrize("file, old, new, said", (
    ("VERSION", "1.2.3", "1.2.3-dev", "1.2.3-dev is no release"),
    ("VERSION", "1.2.3", "1.2.4", 'headed "[1.2.3] - 2026-11-28", not "[1.2.4] - YYYY-MM-DD"'),
    ("CHANGELOG.md", "2026-11-28", "2026-11-31", "2026-11-31 is no date"),
    ("CHANGELOG.md", " - 2026-11-28", "", 'headed "[1.2.3]"'),
    ("CHANGELOG.md", "## [Unreleased]", "## [Unreleased]\nMore.", "[Unreleased] is not empty"),
    ("CHANGELOG.md", "##", "", 'headed "nothing"')))
def test_what_disagrees_is_named(released, file, old, new, said):
    text = (released / file).read_text(encoding="ascii")
    (released / file).write_text(text.replace(old, new), encoding="ascii")
    git(released, "commit", "-q", "-a", "-m", "wrong")
    status, text = check(released)
    assert status == 1 and said in text, text


def test_a_tree_with_changes_and_a_light_tag_are_no_release(released):
    (released / "more").write_text("changed", encoding="ascii")
    assert check(released) == (1, "error: there is no git checkout here, or it has changes\n")
    git(released, "checkout", "more")
    git(released, "tag", "v1.2.3")
    assert check(released) == (1, "error: v1.2.3 is not an annotated tag: git tag -a\n")


def test_the_tree_names_what_comes_next():
    """Between releases VERSION has -dev, and the changelog its lines below [Unreleased]."""
    headings = re.findall(r"^## (.*)$", (qemu.ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    if VERSION.endswith("-dev"):
        assert re.fullmatch(r"\d+\.\d+\.\d+-dev", VERSION) and headings[0] == "[Unreleased]"
    else:
        assert any(heading.startswith(f"[{VERSION}] - ") for heading in headings[:2])
