#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Make the seeds of the fuzzers: seeds.py DIRECTORY writes DIRECTORY/NAME/* and DIRECTORY/NAME.dict. They are the
good and the broken manifests and images of tests/boot/broken, each of which reaches a check of its own.
"""
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/boot")]
from broken import images  # noqa: E402
from broken.cases import CASES, GOOD, Case, source  # noqa: E402
from cpio import newc  # noqa: E402
from manifest import check, tree  # noqa: E402

MOST = 16 << 10		# bytes of an image that a seed may hold

FULL = Case(0, "", "", props={
    "vcpus": "<2>", "cpus": "<0 1>", "pinned": "", "passthrough": '"/pl061@9030000"', "entry": "<0x0 0x40100000>",
    "mailbox": "<0x0 0x40000000>", "dtb-address": "<0x0 0x40300000>", "bootargs": '"x"', "on-crash": '"restart"', "memory-limit": "<0x0 0x10000000>"},
    vm='image@40200000 { file = "good.bin"; load-address = <0x0 0x40200000>; };'
       'memory@50000000 { reg = <0x0 0x50000000 0x0 0x1000>; phys = <0x0 0x60000000>; };'
       'shared@60000000 { window = "w"; reg = <0x0 0x60000000 0x0 0x1000>; read-only; };',
    root='w { compatible = "schism,shared-memory"; window-name = "w"; size = <0x0 0x1000>; };')
GOOD_ONES = {
    "plain": Case(0, "", ""),
    "full": FULL,
    "linux": Case(0, "", "", props={"protocol": '"linux"', "kernel": '"good.img"', "ramdisk": '"text"', "dtb": '"good.dtb"'}),
    "raw": Case(0, "", "", props={"protocol": '"raw"', "kernel": '"good.bin"', "load-address": "<0x0 0x40200404>",
                                     "ramdisk": '"text"'}),
    "sel4": Case(0, "", "", props={"protocol": '"sel4"', "kernel": '"good.cpio"'}),
}


OVERLAYS = {
    "node": '&{/} { hello { greeting = "hi"; }; };',
    "symbol": "&gic { x = <1>; };",
    "references": "&{/cpus} { a: a { x = <&b>; }; b: b { y = <&a &b>; }; };",
    "two": '&{/chosen} { bootargs = "x"; }; &{/psci} { status = "disabled"; };',
    "no target": "/ { fragment@0 { __overlay__ { }; }; };",
}


def files():
    return {name: content for name, content in images.FILES.items() if len(content) <= MOST}


def package(blob, data):
    """The manifest, and those files that it names."""
    names = [node.string(prop) for node, prop in check.named_files(tree.parse(blob))]
    return newc([("manifest.dtb", blob), *((name, data[name]) for name in dict.fromkeys(names) if name in data)])


def compile_dts(text):
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.encode(), check=True,
                          stdout=subprocess.PIPE).stdout


def seeds():
    """{fuzzer: {name: content}}"""
    data, made = files(), {"manifest": {}, "package": {}, "cpio": {}, "elf": {}, "image": {}, "overlay": {}}
    for name, case in {**GOOD_ONES, **CASES}.items():
        blob = compile_dts(source(case))
        made["manifest"][name] = blob
        made["package"][name] = package(blob, data)
    # Version 3: names are paths.
    made["manifest"]["old version"] = blob[:20] + bytes((0, 0, 0, 3, 0, 0, 0, 1)) + blob[28:]
    for name, text in OVERLAYS.items():
        made["overlay"][name] = compile_dts(f"/dts-v1/; /plugin/; {text}")
    made["overlay"].update({name: data[name] for name in ("good.dtb", "good.dtbo", "text")})
    made["cpio"] = {name: made["package"][name] for name in GOOD_ONES}
    for name, content in data.items():
        for kind, endings in (("elf", ("elf", "elf32", ".o")), ("image", (".img", ".gz", "text", "empty"))):
            if name.endswith(endings):
                made[kind][name] = content
    return made


def dictionary(words):
    return "".join('"{}"\n'.format(word.replace('"', "")) for word in words)


def main():
    out = pathlib.Path(sys.argv[1])
    for fuzzer, contents in seeds().items():
        (out / fuzzer).mkdir(parents=True, exist_ok=True)
        for old in (out / fuzzer).iterdir():
            old.unlink()
        for name, content in contents.items():
            (out / fuzzer / name.replace(" ", "-").replace("/", "-")).write_bytes(content)
    words = [*check.PROPERTIES, "reg", "phys", "window", "window-name", "size", "read-only", "memory", "shared", "image", "file",
             "schism,vm", "schism,shared-memory", *check.PLACERS, *check.ACTIONS, *GOOD.values()]
    for fuzzer in ("manifest", "package"):
        (out / f"{fuzzer}.dict").write_text(dictionary(words), encoding="utf-8")
    words = ["fragment@0", "__overlay__", "target-path", "target", "__symbols__", "__fixups__", "__local_fixups__", "phandle",
             "/cpus", "/fragment@0:target:0"]
    (out / "overlay.dict").write_text(dictionary(words), encoding="utf-8")
    (out / "cpio.dict").write_text(dictionary(["070701", "TRAILER!!!", "manifest.dtb"]), encoding="utf-8")


if __name__ == "__main__":
    main()
