# SPDX-License-Identifier: MIT
"""docs/errors.md explains every code that a boot can end with (kernel/base/errcode.h), in the same words."""
import re

import pytest

import qemu


def codes():
    """number: (cause, remedy)"""
    text = (qemu.ROOT / "kernel/base/errcode.h").read_text(encoding="utf-8")
    text = re.sub(r'"\s*\\\n\s*"', "", text)
    rows = re.findall(r'X\(\w+, (\d+), "((?:\\.|[^"])*)",\s*\\\s*"((?:\\.|[^"])*)"\)', text)
    return {int(number): (cause, remedy.replace('\\"', '"')) for number, cause, remedy in rows}


def test_the_codes_are_numbered_without_gaps_and_say_what_to_do():
    assert sorted(codes()) == list(range(1, len(codes()) + 1))
    assert all(cause and remedy for cause, remedy in codes().values())


@pytest.mark.parametrize("number", codes())
def test_code_is_explained_in_the_documentation(number):
    text = (qemu.ROOT / "docs/errors.md").read_text(encoding="utf-8")
    section = re.search(rf"^## SCHISM-E{number:03d}\b.*?(?=^## |\Z)", text, re.M | re.S)
    assert section, f"docs/errors.md has no section on SCHISM-E{number:03d}"
    assert codes()[number][0] in re.sub(r"\s+", " ", section[0]), section[0]


def test_the_documentation_explains_no_code_that_does_not_exist():
    text = (qemu.ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert {int(n) for n in re.findall(r"SCHISM-E(\d+)", text)} <= codes().keys()
