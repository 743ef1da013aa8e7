# SPDX-License-Identifier: MIT
"""A full disk, and files that are not there: scripts say it in a line, and leave nothing half written behind."""
import re
import resource
import signal
import subprocess

import pytest

import qemu

SCRIPTS = qemu.ROOT / "scripts"
MANIFEST = """/dts-v1/;
/ {	compatible = "schism,manifest-v1"; #address-cells = <2>; #size-cells = <2>;
	vm-a {	compatible = "schism,vm"; vm-name = "a"; vcpus = <1>; protocol = "raw"; kernel = "words";
		memory@40000000 { reg = <0x0 0x40000000 0x0 0x400000>; }; }; };
"""


def say(*command, full=False):
    """Run a script, on a disk with room for a word if it is full."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4, 4))

    first = SCRIPTS / command[0]
    language = ["bash"] if first.read_bytes().startswith(b"#!/bin/bash") else [qemu.PYTHON]
    return subprocess.run([*language, first, *map(str, command[1:])], cwd=qemu.ROOT, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, preexec_fn=limit if full else None, restore_signals=False)


# What each is to write, {out} in a directory that has {words}, {dts} and {config}.
WRITERS = {
    "mkpackage": "-o {out} {dts}",
    "mkpackage with dependencies": "-o {out}.cpio --depfile {out} {dts}",
    "cpio.py": "-o {out} a={words}",
    "mkinitramfs": "-o {out} --busybox {words} --init {words}",
    "symtab.py": "--empty -o {out}",
    "compile-commands": "{words} {words} {out}",
    "asm-offsets": "{words} {out}",
    "kconfig.py savedefconfig": "--out {config} savedefconfig {out}",
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_said_in_words_and_nothing_is_left(tmp_path, name):
    places = {"out": tmp_path / "out/file", "words": tmp_path / "words", "dts": tmp_path / "a.dts", "config": tmp_path / "build"}
    places["out"].parent.mkdir()
    places["words"].write_text('  .ascii "->NAME 1"\n a.c|a.o|hv\n', encoding="utf-8")
    places["dts"].write_text(MANIFEST, encoding="utf-8")
    command = [name.split()[0], *WRITERS[name].format(**places).split()]
    if "savedefconfig" in name:
        qemu.make(f"O={places['config']}", "qemu_virt_defconfig")
    done = say(*command, full=True)
    assert done.returncode == 1 and "File too large" in done.stderr, done.stderr
    if name != "asm-offsets":
        assert done.stderr == f"error: {places['out']}: File too large\n"
    assert not list(places["out"].parent.iterdir())
    # With room they write it.
    assert say(*command).returncode == 0 and places["out"].exists()


@pytest.mark.parametrize("command", (
    "cpio.py -o {out} a={file}", "mkinitramfs -o {out} --busybox {file} --init {file}", "symtab.py -o {out} {file}",
    "compile-commands {file} {file} {out}", "check-format {file}", "check-layering {file}", "check-headers {file}",
    "size.py {file}", "kconfig.py --out {out} defconfig {file}", "mkpackage --config {file} -o {out} {dts}"))
def test_a_file_that_cannot_be_read_is_said_in_words(tmp_path, command):
    (tmp_path / "a.dts").write_text(MANIFEST, encoding="utf-8")
    (tmp_path / "words").write_text("words", encoding="utf-8")
    (tmp_path / "latin.c").write_bytes(b"gr\xfc\xdfe")
    binary = command.startswith(("cpio", "mkinit", "size"))
    for file, why in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory"),
                      *(() if binary else ((tmp_path / "latin.c", "line 1 is not text in UTF-8"),))):
        done = say(*command.format(out=tmp_path / "out", file=file, dts=tmp_path / "a.dts").split())
        assert done.returncode == 1 and re.fullmatch(rf"error: {file}: {why}\n", done.stderr), done.stderr


def test_all_scripts_end_in_the_same_way():
    for path in sorted(SCRIPTS.rglob("*")):
        text = path.read_text(encoding="utf-8") if path.is_file() and path.suffix != ".pyc" else ""
        if "python" not in text.split("\n", 1)[0] and path.suffix != ".py" or path.name == "plain.py":
            continue
        assert ("__main__" in text) == ("plain.run(main)" in text), path
        assert not re.search(r"write_(text|bytes)\(|os\.replace\(", text), path
