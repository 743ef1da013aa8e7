# SPDX-License-Identifier: MIT
"""
What a guest finds at the fixed addresses of QEMU's board is what docs/protocols.md says, place by place, and the
document leaves out none that the board has.
"""
import re
import subprocess

import qemu

TEXT = (qemu.ROOT / "docs/protocols.md").read_text(encoding="utf-8")


def number(text):
    return int(text.replace("_", ""), 16)


def rows():
    """{address: (what a VM has, what a word there reads)}"""
    table = TEXT[TEXT.index("## What a guest finds"):TEXT.index("## elf")]
    found = re.findall(r"^\| (0x[0-9a-f_]+) \| .* \| (.*) \| (.*?) ?\|$", table, re.M)
    return {number(address): (has, reads) for address, has, reads in found}


def look(kernel, directory, addresses, **props):
    """{address: what answers}, in a VM with these devices."""
    addresses = list(addresses)
    # As many for each guest as a mailbox has room for.
    parts = [addresses[n:n + 10] for n in range(0, len(addresses), 10)]
    guests = [qemu.Guest(f"look{n}", " ".join(f"at{i}={address:#x}" for i, address in enumerate(part)),
                         kernel="look.elf", props=props) for n, part in enumerate(parts)]
    result = qemu.run(kernel=kernel, initrd=qemu.pack(directory, *guests))
    assert result.status == 0, result.text
    return {int(at, 16): answer for at, answer in re.findall(r"LOOK (0x\w+) (.*)", result.text)}


def test_each_place_of_the_board_answers_as_the_documentation_says(image, tmp_path):
    wanted = {address: reads for address, (_, reads) in rows().items() if reads}
    assert len(wanted) > 15
    found = look(image, tmp_path, wanted, devices=b"uart\0rtc\0flash\0watchdog\0")
    assert found == wanted


def test_what_a_manifest_does_not_list_does_not_answer(image, tmp_path):
    listed = [address for address, (has, _) in rows().items() if "`devices = " in has and '"uart"' not in has]
    assert len(listed) == 3
    found = look(image, tmp_path, listed, devices=b"uart\0")
    assert set(found.values()) == {"abort"}, found


def test_without_the_option_the_transports_are_an_abort(tmp_path):
    kernel = qemu.build("no_virtio_mmio", "no_virtio_mmio") / "Image"
    assert look(kernel, tmp_path, [0x0a000000]) == {0x0a000000: "abort"}


def test_the_documentation_lists_each_place_that_the_board_has(tmp_path):
    """By QEMU's own map, in pages of 64 KiB where devices are small."""
    line = qemu.command("-monitor", "stdio", "-display", "none", icount=False, machine="virtualization=off")
    line.remove("-nographic")
    said = subprocess.run(["timeout", "60", *line, "-S"], input="info mtree -f\nquit\n", check=True, capture_output=True,
                          text=True).stdout
    memory = said[said.index('AS "memory"'):].partition("FlatView")[0]
    starts = [int(start, 16) for start in re.findall(r"^ +([0-9a-f]{16})-[0-9a-f]{16} \(", memory, re.M)]
    assert len(starts) > 40, said
    known = {address & ~0xffff for address in rows()}
    # Second halves: the translation service's registers, and PCI's I/O.
    assert {start & ~0xffff for start in starts} - {0x08090000, 0x3eff0000} <= known
