# SPDX-License-Identifier: MIT
"""docs/manifest.md is followed to the letter: its first guest is built and run, its examples pack, its table is whole."""
import re
import shlex
import subprocess

import qemu
from broken import images
from broken.cases import Case, source
from test_broken import files, mkpackage  # pylint: disable=unused-import

TEXT = (qemu.ROOT / "docs/manifest.md").read_text(encoding="utf-8")


def block_after(words):
    """The first code block behind these words, fenced or indented."""
    found = re.compile(r"^```\n(.*?)^```|((?:^    [^\n]*\n)+)", re.M | re.S).search(TEXT, TEXT.index(words))
    return found[1] or re.sub(r"^    ", "", found[2], flags=re.M)


def test_the_first_guest_of_the_documentation_runs(default, tmp_path):
    for name in ("hello.S", "hello.dts"):
        (tmp_path / name).write_text(block_after(f"`{name}`"), encoding="utf-8")
    assert block_after("`hello.dts`").count("\n") <= 10
    commands = block_after("Build it, pack it, and run it:").strip().splitlines()
    assert [command.split()[0] for command in commands] == ["aarch64-linux-gnu-gcc", "make"]
    for command in commands:
        words = [str(tmp_path / word) if word.startswith("hello.") else word for word in shlex.split(command)]
        words = [word.replace("=hello.", f"={tmp_path}/hello.") for word in words]
        if words[0] == "make":
            words += [f"O={default}", "SETUP=no", f"QEMU_ARGS={' '.join(qemu.ICOUNT)}", "CPU=cortex-a57", "SMP=1"]
        else:
            words[0] = qemu.cross("gcc")
        done = subprocess.run(words, cwd=qemu.ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=qemu.TIMEOUT,
                              check=False)
        assert done.returncode == 0, done.stderr.decode()
    text = qemu.plain(done.stdout)
    shown = re.sub(r"^\[ .*?\] ", "", block_after("make run VMS=hello.dts"), flags=re.M).strip().splitlines()
    for line in shown:
        pattern = re.sub(r"\d+", r"\\d+", re.escape(line).replace("0x40400000", r"0x\w+"))
        assert re.search(pattern.replace(r"0x\\d+", r"0x\w+"), text), (line, text)


def test_the_table_has_every_property():
    table = TEXT[TEXT.index("## A VM"):TEXT.index("### Memory")]
    named = set(re.findall(r"`([a-z-]+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", table, re.M))))
    known = set(qemu.scripts_module("manifest.check").PROPERTIES) - {"compatible", "phandle"}
    assert named - {"property"} == known


def test_the_table_has_every_device():
    row = re.search(r"^\| `devices` \| .*", TEXT, re.M)[0]
    assert set(re.findall(r'`"(\w+)"`', row)) == set(qemu.scripts_module("manifest.check").device_names())


def section(title):
    start = TEXT.index(f"### {title}\n")
    return TEXT[start:TEXT.index("\n## ", start)]


def test_the_devices_that_may_be_passed_through_are_those_of_the_code():
    code = (qemu.ROOT / "kernel/vdev/passthrough.c").read_text(encoding="utf-8")
    table = section("Devices passed through").partition("| compatible |")[2].partition("\n\n")[0]
    listed = re.search(r"only_registers\[\] = \{(.*?)\};", code, re.S)[1]
    assert sorted(re.findall(r"`(.*?)`", table)) == sorted(re.findall(r'"(.*?)"', listed))


def verdicts():
    """{path of a device of QEMU's: what Schism says of it, "" if it is passed through}"""
    rows = re.findall(r"^\| (`/.*?) \| (.*?) \|$", section("Devices passed through"), re.M)
    return {path: verdict.strip("`") if "`" in verdict else "" for paths, verdict in rows
            for path in re.findall(r"`(.*?)`", paths)}


def test_of_qemus_devices_those_are_refused_that_the_documentation_says(image, tmp_path):
    said = verdicts()
    guests = [qemu.Guest(f"vm{n}", "rounds=1", kernel="counter_os.elf", props={"passthrough": path})
              for n, path in enumerate(said)]
    text = qemu.run(kernel=image, initrd=qemu.pack_unchecked(tmp_path, *guests)).text
    for n, (path, verdict) in enumerate(said.items()):
        refused = re.search(rf"SCHISM-E017: .*\n.*\bvm-?(?:vm)?{n}\b.*", text)
        assert bool(refused) == bool(verdict), (path, text)
        assert not verdict or verdict in refused[0], (path, refused[0])
        assert verdict or re.search(rf"vm{n}: PASS", text), (path, text)


def test_each_device_of_qemus_tree_has_a_verdict(tmp_path):
    tree = qemu.dump_tree(tmp_path / "virt.dtb", machine="its=off")
    kinds = {tuple(node.strings("compatible")) for node in tree.children
             if {"/" + node.name} & verdicts().keys()}
    rest = [node.name for node in tree.children if tuple(node.strings("compatible")) not in kinds]
    assert set(rest) == {"cpus", "chosen", "memory@40000000", "apb-pclk"}, rest


def test_the_examples_of_shared_windows_pack(files, tmp_path):
    case = Case(0, "", "", root=block_after("A child of the root makes a window"), vm=block_after("A VM sees it through"))
    assert "read-only" in source(case)
    done, _, out = mkpackage(case, files, tmp_path)
    assert done.returncode == 0 and out.exists(), done.stderr


def test_the_example_of_a_further_image_packs(files, tmp_path):
    example = block_after("At most 4 child nodes").replace("vmlinuz", "good.img")
    case = Case(0, "", "", memory="reg = <0x0 0x40000000 0x0 0x4000000>;", vm=example)
    assert "image@42000000" in source(case)
    done, _, out = mkpackage(case, files, tmp_path)
    assert done.returncode == 0 and images.FILES["good.img"] in out.read_bytes(), done.stderr
