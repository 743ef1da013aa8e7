# SPDX-License-Identifier: MIT
"""
Writing newc CPIO archives: the same bytes for the same members, whoever writes them and when. And reading them.

As a program: cpio.py -o ARCHIVE NAME=FILE..., with the members in that order.
"""
import argparse
import pathlib
from typing import NamedTuple

import plain

FILE, DIRECTORY, CHARACTER = 0o100000, 0o040000, 0o020000
HEADER = 110


class Member(NamedTuple):
    name: str
    data: bytes = b""
    mode: int = FILE | 0o644
    device: tuple = (0, 0)      # major and minor number, of a CHARACTER


def newc(members, align=4):
    """
    The archive of Members, or of tuples of their first fields. Headers are aligned to 4 bytes, data to
    align: a name may be followed by more zeros than its terminator.
    """
    archive = bytearray()

    def add(inode, member, links):
        name = member.name.encode() + b"\0"
        if member.data:
            name += bytes(-(len(archive) + HEADER + len(name)) % align)
        fields = (inode, member.mode, 0, 0, links, 0, len(member.data), 0, 0, *member.device, len(name), 0)
        archive.extend(b"070701" + b"".join(b"%08x" % field for field in fields) + name)
        archive.extend(bytes(-len(archive) % 4) + member.data)
        archive.extend(bytes(-len(archive) % 4))

    for inode, member in enumerate(members, 1):
        add(inode, Member(*member), 1)
    add(0, Member("TRAILER!!!", mode=0), 1)
    return bytes(archive)


def files(data):
    """{name: content} of an archive, as lib/cpio.c finds them: the first of a name. ValueError: what is wrong with it."""
    found, at = {}, 0
    while True:
        header = data[at:at + HEADER]
        if len(header) < HEADER or header[:6] != b"070701":
            raise ValueError("an entry is cut or does not begin with 070701")
        try:
            size, length = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError:
            raise ValueError("an entry has a broken header") from None
        name = data[at + HEADER:at + HEADER + length].split(b"\0")[0].decode("utf-8", "replace")
        at = (at + HEADER + length + 3) & ~3
        if name == "TRAILER!!!":
            return found
        if at + size > len(data):
            raise ValueError(f"the file {name} is cut")
        found.setdefault(name, data[at:at + size])
        at = (at + size + 3) & ~3


def main():
    parser = argparse.ArgumentParser(description="Make a newc CPIO archive of files.")
    parser.add_argument("-o", dest="out", required=True, type=pathlib.Path, metavar="ARCHIVE")
    parser.add_argument("members", nargs="+", metavar="NAME=FILE")
    args = parser.parse_args()
    named = (member.split("=", 1) for member in args.members)
    archive = newc([(name, pathlib.Path(path).read_bytes()) for name, path in named])
    with plain.written(args.out, "wb") as file:
        file.write(archive)


if __name__ == "__main__":
    plain.run(main)
