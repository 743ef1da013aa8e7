# SPDX-License-Identifier: MIT
"""The ELF's segments: what EL2's map relies on."""
import os
import re
import subprocess

import pytest

import qemu

SECTIONS = {".text": "R E", ".rodata": "R", ".data": "RW", ".bss": "RW"}


def readelf(path):
    return subprocess.run(["readelf", "-lW", path], env=dict(os.environ, LC_ALL="C"), check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def load_segments(path):
    """[(flags, start, end, [section])] of the PT_LOADs, as readelf prints them."""
    text = readelf(path)
    headers = re.findall(r"^  ([A-Z_]+) +0x\w+ (0x\w+) 0x\w+ 0x\w+ (0x\w+) ([R ][W ][E ]) ", text, re.M)
    sections = re.findall(r"^   \d\d +(.*)$", text, re.M)
    assert headers and len(headers) == len(sections), text
    return [(flags, int(start, 16), int(start, 16) + int(size, 16), names.split())
            for (kind, start, size, flags), names in zip(headers, sections) if kind == "LOAD"]


@pytest.fixture(scope="module")
def segments(default):
    return load_segments(default / "schism.elf")


def test_no_segment_is_writable_and_executable(default):
    text = readelf(default / "schism.elf")
    assert "R E" in text, text
    assert not re.search(r"\b(RWE|WE|W E)\b", text), text


def test_each_section_has_a_segment_of_its_own_with_just_its_rights(segments):
    where = {name: (flags.strip(), names) for flags, _, _, names in segments for name in names}
    for name, flags in SECTIONS.items():
        assert where[name] == (flags, [name])


@pytest.mark.parametrize("name, gap", (("default", 1), ("other", 16)))
def test_guard_pages_lie_between_the_segments(request, name, gap):
    segments = sorted(load_segments(request.getfixturevalue(name) / "schism.elf"), key=lambda segment: segment[1])
    for (_, _, end, _), (_, start, _, _) in zip(segments, segments[1:]):
        assert start % 4096 == 0
        assert start - (end + 4095) // 4096 * 4096 >= gap * 4096, [[hex(n) for n in s[1:3]] for s in segments]


def test_no_segment_reaches_where_ram_or_guests_are(segments):
    assert all(start >> 40 and end < 1 << 48 for _, start, end, _ in segments)


def test_image_begins_with_the_header_of_the_linux_boot_protocol(default):
    header = (default / "Image").read_bytes()[:64]
    elf = load_segments(default / "schism.elf")
    assert header[56:60] == b"ARM\x64"
    assert int.from_bytes(header[8:16], "little") % 0x200000 == 0, "text_offset"
    assert int.from_bytes(header[16:24], "little") >= elf[-1][2] - elf[0][1], "image_size must cover .bss"
