# SPDX-License-Identifier: MIT
"""Images that a VM can, or cannot, be made of: small ones, built here."""
import gzip
import lzma
import struct

import devicetree
import qemu

RAM = 0x40000000
LOOP = struct.pack("<I", 0x14000000)		# b .


def elf(paddr=RAM + 0x100000, memsz=0x1000, entry=None, machine=183, kind=2, bits=2, code=LOOP, segments=1, offset=0):
    """An ELF executable whose segments lie one after the other; virtual addresses are offset higher."""
    entry = paddr + offset if entry is None else entry
    header = struct.pack("<4sBBBB8xHHIQQQIHHHHHH", b"\x7fELF", bits, 1, 1, 0, kind, machine, 1, entry, 64, 0, 0, 64, 56,
                         segments, 0, 0, 0)
    data = 64 + 56 * segments
    for i in range(segments):
        at = paddr + i * memsz
        header += struct.pack("<IIQQQQQQ", 1, 5, data, at + offset, at, len(code), memsz, 4096)
    return header + code


def linux(size=0x10000, text_offset=0, flags=10, magic=b"ARM\x64"):
    """An arm64 Image."""
    return LOOP + bytes(4) + struct.pack("<QQQ", text_offset, size, flags) + bytes(24) + magic + bytes(4) + LOOP


def sel4_kernel(memsz=0x1000, offset=0xffffffff80000000, **fields):
    return elf(paddr=RAM, memsz=memsz, offset=offset, **fields)


def sel4(**files):
    newc = qemu.newc()
    members = {"kernel.elf": sel4_kernel(), "kernel.dtb": tree(), "rootserver": elf(paddr=0x400000)}
    return newc([(name, data) for name, data in {**members, **files}.items() if data is not None])


def tree(*nodes):
    root = devicetree.Node("", {"#address-cells": [2], "#size-cells": [2]})
    for name in nodes:
        root.add(name).add("__overlay__")
    return devicetree.flatten(root)


# Of seL4's archive.
ARCHIVES = {
    "good.cpio": sel4(),
    "noserver.cpio": sel4(rootserver=None),
    "long.cpio": sel4(**{"kernel.elf": sel4_kernel(memsz=9 << 20)}),
    "full.cpio": sel4(**{"kernel.elf": sel4_kernel(memsz=8 << 20)}),
    "low.cpio": sel4(**{"kernel.elf": elf(paddr=RAM)}),
    "slanted.cpio": sel4(**{"kernel.elf": sel4_kernel(offset=0xffffffff80001000)}),
    "lost.cpio": sel4(rootserver=elf(paddr=0x400000, entry=0)),
    "cutdtb.cpio": sel4(**{"kernel.dtb": tree()[:20]}),
}

FILES = {
    **ARCHIVES,
    "good.elf": elf(),
    "good.img": linux(),
    "good.bin": LOOP * 1024,
    "good.dtb": tree(),
    "good.dtbo": tree("fragment@0"),
    "empty": b"",
    "text": b"I am a text, and no kernel at all.\n" * 10,
    "x86.elf": elf(machine=62),
    "elf32": elf(bits=1),
    "object.o": elf(kind=1),
    "cut.elf": elf()[:100],
    "nothing.elf": elf(segments=0),
    "high.elf": elf(paddr=0x80000000),
    "long.elf": elf(memsz=8 << 20),
    "lost.elf": elf(entry=0x10),
    "pieces.elf": elf(segments=30),
    "long.img": linux(size=8 << 20),
    "endian.img": linux(flags=1),
    "odd.img": linux(text_offset=0x123),
    "kernel.xz": lzma.compress(linux(), preset=0),
    "kernel.zst": b"\x28\xb5\x2f\xfd" + bytes(100),
    "uImage": b"\x27\x05\x19\x56" + bytes(60) + linux(),
    "zimage.gz": gzip.compress(linux(magic=b"none"), mtime=0),
    "large": bytes(9 << 20),
}
