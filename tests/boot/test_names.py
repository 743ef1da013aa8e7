# SPDX-License-Identifier: MIT
"""Files that documents and comments name are there."""
import pathlib
import re

import pytest

import qemu

ROOT = pathlib.Path(qemu.ROOT)
TOPS = ("arch", "kernel", "lib", "drivers", "guests", "include", "tests", "scripts", "dts", "configs", "docs")
# Files of others, files of the build, and those that examples make.
ELSEWHERE = {"cmocka.h", "config.h", "generated/asm-offsets.h", "libfdt.h", "stdlib.h", "qemu-plugin.h",
             "arch-arm/64/mmu.c", "elfloader-tool/src/common.c", "guests/hello_os.c", "hello.S"}
NAME = re.compile(r"(?<![\w./*$<-])((?:[\w-]+/)*[\w-]+\.(?:c|h|S))(?![\w(])")


def files():
    return [path for top in TOPS for path in (ROOT / top).rglob("*") if path.is_file() and "__pycache__" not in path.parts]


HERE = files()
PATHS = {str(path.relative_to(ROOT)) for path in HERE}


def is_there(name):
    """A path from the top, from include/ or arch/arm64/include/, or the end of one: "vgic/vgic.c"."""
    return name in PATHS or any(path.endswith("/" + name) for path in PATHS)


def prose():
    """Documents whole, of sources their comments."""
    for path in [*HERE, *ROOT.glob("*.md")]:
        if path.suffix == ".md":
            yield path, path.read_text(encoding="utf-8")
        elif path.suffix in (".c", ".h", ".S", ".dts"):
            text = path.read_text(encoding="utf-8")
            yield path, "\n".join(re.findall(r"/\*.*?\*/|//[^\n]*", text, re.S))


def test_files_that_are_named_exist():
    missing = {f"{path.relative_to(ROOT)}: {name}" for path, text in prose() for name in NAME.findall(text)
               if name not in ELSEWHERE and "NAME" not in name and not is_there(name)}
    assert not missing, "\n" + "\n".join(sorted(missing))


@pytest.mark.parametrize("text, names", [
    ("see kernel/vm/vm.h.", ["kernel/vm/vm.h"]), ("`vm.c`, `lifecycle.c`", ["vm.c", "lifecycle.c"]),
    ("(end.c)", ["end.c"]), ("libfdt_env.h;", ["libfdt_env.h"]), ("test_*.c", []), ("a.cpp", []), ("vcpu.h's", ["vcpu.h"]),
])
def test_names_are_found_in_prose(text, names):
    assert NAME.findall(text) == names
