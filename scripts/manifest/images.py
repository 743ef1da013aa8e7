# SPDX-License-Identifier: MIT
"""
The files that a manifest names, and where they go in a VM's memory: the rules of kernel/load/loader.c and of
lib/elf.c, lib/linux_image.c, lib/packed.c, lib/cpio.c.
"""
import gzip
import os
import struct
import sys
import zlib

import cpio
from manifest import tree

PAGE, MIB, GIB = 4096, 1 << 20, 1 << 30
MAX_IMAGES = 4
MAX_EXTENTS = 24 + MAX_IMAGES
DTB_MAX = 2 * MIB
ET_EXEC, ET_DYN, EM_AARCH64, PT_LOAD = 2, 3, 183, 1
SEL4_FILES = ("kernel.elf", "kernel.dtb", "rootserver")
SEL4_TABLES = 4 * PAGE
OLD_TEXT_OFFSET = 0x80000

# Files that hold a kernel, but are none: offset, magic number, what it is and what to do.
PACKED = (
    (0, b"\x1f\x8b\x08", "is a gzip-compressed file: gzip -d it"),
    (0, b"\xfd7zXZ\0", "is an xz-compressed file: xz -d it"),
    (0, b"\x28\xb5\x2f\xfd", "is a zstd-compressed file: zstd -d it"),
    (4, b"1AY&SY", "is a bzip2-compressed file: bzip2 -d it"),
    (0, b"\x02\x21\x4c\x18", "is an lz4-compressed file: lz4 -d it"),
    (0, b"\x04\x22\x4d\x18", "is an lz4-compressed file: lz4 -d it"),
    (0, b"\x27\x05\x19\x56", "is a uImage of U-Boot's: take the file in it, from byte 64 on"),
    (0, b"\xd0\x0d\xfe\xed", "is a device tree, or a FIT image of U-Boot's: take the kernel in it"),
    (4, b"zimg", "is a compressed EFI application: take the Image that it was made from"),
)


class Refused(Exception):
    """What keeps an image from being loaded, in words that follow its name."""


class Files:
    """Where the files are, and what they hold."""

    def __init__(self, directories):
        self.directories, self.read = directories, {}

    def all(self, name):
        """The paths of all files of that name, the one that is taken first."""
        return [p for d in self.directories if os.path.isfile(p := os.path.join(d, name))]

    def find(self, name):
        return next(iter(self.all(name)), None)

    def load(self, name, kernel=False):
        """A gzipped kernel is unpacked: Schism does not do that."""
        if name not in self.read:
            with open(self.find(name), "rb") as file:
                self.read[name] = file.read()
        if kernel and self.read[name][:2] == b"\x1f\x8b":
            try:
                self.read[name] = gzip.decompress(self.read[name])
            except (EOFError, OSError, zlib.error) as error:
                sys.exit(f"error: {self.find(name)}: cannot be unpacked: {error}")
        return self.read[name]


# ---- formats ---------------------------------------------------------------------------------------------

def check_packed(data):
    """lib/packed.c."""
    for offset, magic, text in PACKED:
        if data[offset:offset + len(magic)] == magic:
            raise Refused(text)


def elf_segments(data):
    """[(paddr, vaddr, memsz)] of the PT_LOADs, and the entry point as a physical address."""
    if data[:4] != b"\x7fELF" or len(data) < 64:
        raise Refused("is not an ELF file")
    if data[4:6] != b"\2\1":
        raise Refused("is not a 64-bit little-endian ELF file")
    kind, machine, _, entry, phoff = struct.unpack_from("<HHIQQ", data, 16)
    phentsize, phnum = struct.unpack_from("<HH", data, 54)
    if machine != EM_AARCH64:
        raise Refused("is not an ELF file for AArch64")
    if kind not in (ET_EXEC, ET_DYN):
        raise Refused("is an ELF file, but not an executable")
    segments = []
    for at in range(phoff, phoff + phnum * phentsize, phentsize or 1):
        if phentsize < 56 or at + 56 > len(data):
            raise Refused("has a program header that lies or points outside the file")
        kind, _, offset, vaddr, paddr, filesz, memsz = struct.unpack_from("<IIQQQQQ", data, at)
        if kind != PT_LOAD or not memsz:
            continue
        if offset + filesz > len(data) or filesz > memsz or max(paddr, vaddr) + memsz >= 1 << 64:
            raise Refused("has a program header that lies or points outside the file")
        segments.append((paddr, vaddr, memsz))
    if not segments:
        raise Refused("has no segment to load")
    for paddr, vaddr, memsz in segments:
        if vaddr <= entry < vaddr + memsz:
            return segments, paddr + entry - vaddr
    return segments, entry


def linux_image(data):
    """text_offset and size of an arm64 Image (Linux, Documentation/arch/arm64/booting.rst)."""
    if len(data) < 64 or data[56:60] != b"ARM\x64":
        raise Refused("is no arm64 Image: no magic number at offset 56")
    text_offset, size, flags = struct.unpack_from("<QQQ", data, 8)
    if flags & 1:
        raise Refused("is a big-endian kernel")
    if not size:
        text_offset = OLD_TEXT_OFFSET
    if text_offset % 4:
        raise Refused("has a text_offset that is not a multiple of 4")
    return text_offset, max(size, len(data))


def newc_files(data):
    """{name: content} of a newc CPIO."""
    try:
        return cpio.files(data)
    except ValueError as error:
        raise Refused(f"is no CPIO of seL4's images: {error}") from None


def device_tree(data):
    """A supplied tree: its magic number and its size."""
    if len(data) > DTB_MAX or data[:4] != b"\xd0\x0d\xfe\xed":
        raise Refused("is no device tree of up to 2 MiB")
    try:
        return tree.parse(data)
    except ValueError as error:
        raise Refused(f"is no device tree: {error}") from None


# ---- places ----------------------------------------------------------------------------------------------

class Memory:
    """The regions of a VM's memory, (base, size) each, and what lies in them; what is to be placed goes to the first
    that has room."""

    def __init__(self, regions):
        self.regions, self.taken = regions, []
        self.base, self.end = regions[0][0], sum(regions[0])

    def inside(self, base, size):
        return any(low <= base and base + size <= low + length for low, length in self.regions)

    def overlap(self, base, size):
        return next((e for e in self.taken if base < e[2] and e[1] < base + size), None)

    def take(self, what, base, size):
        if not self.inside(base, size):
            raise Refused(f"{base:#x} with {size:#x} bytes lies outside the memory, {self.base:#x}-{self.end:#x}")
        other = self.overlap(base, size)
        if other and (other[0] != what or what.startswith("image@")):
            raise Refused(f"{base:#x} with {size:#x} bytes overlaps the {other[0]} at {other[1]:#x}-{other[2]:#x}")
        if len(self.taken) == MAX_EXTENTS:
            raise Refused("has too many segments")
        self.taken.append((what, base, base + size))

    def take_lowest(self, what, size):
        for base, _ in self.regions:
            while self.inside(base, size) and (other := self.overlap(base, size)):
                base = -(-other[2] // PAGE) * PAGE
            if self.inside(base, size):
                self.take(what, base, size)
                return
        raise Refused(f"there is no room for its {size} bytes")

    def take_highest(self, what, size, low, end):
        for base, length in self.regions:
            low_here, end_here = max(low, base), min(end, base + length)
            while end_here - size >= low_here:
                at = (end_here - size) // PAGE * PAGE
                other = self.overlap(at, size)
                if not other and at >= low_here:
                    self.take(what, at, size)
                    return
                end_here = other[1] if other else low_here
        raise Refused(f"there is no room for its {size} bytes beside the kernel")


def place_elf(memory, data, _):
    segments, entry = elf_segments(data)
    for paddr, _, memsz in segments:
        memory.take("kernel", paddr, memsz)
    return entry


def place_linux(memory, data, _):
    text_offset, size = linux_image(data)
    # Less than 4 KiB: as QEMU does, where its own code is at the base.
    offset = text_offset + (2 * MIB if text_offset < PAGE else 0)
    places = [-(-base // (2 * MIB)) * 2 * MIB + offset for base, _ in memory.regions]
    entry = next((place for place in places if memory.inside(place, size)), places[0])
    memory.take("kernel", entry, size)
    return entry


def place_raw(memory, data, load_address):
    memory.take("kernel", load_address, len(data))
    return load_address


def sel4_elf(files, name):
    """Segments of a file of the archive; its entry point is a virtual address."""
    try:
        segments, _ = elf_segments(files[name])
    except Refused as error:
        raise Refused(f"{name} {error}") from None
    (entry,) = struct.unpack_from("<Q", files[name], 24)
    if entry % 4 or not virtual(segments)[0] <= entry < virtual(segments)[1]:
        raise Refused(f"{name} has its entry point {entry:#x} outside its segments")
    return segments


def virtual(segments):
    return min(v for _, v, _ in segments), max(v + m for _, v, m in segments)


def physical(segments):
    return min(p for p, _, _ in segments), max(p + m for p, _, m in segments)


def check_sel4_window(kernel):
    """One linear window has to reach all of the kernel."""
    (low, high), offset = virtual(kernel), physical(kernel)[0] - virtual(kernel)[0]
    if any(p - v != offset for p, v, _ in kernel):
        raise Refused("kernel.elf has segments at different distances of virtual and physical addresses")
    if offset % (2 * MIB):
        raise Refused("kernel.elf cannot be mapped in blocks of 2 MiB")
    if low >> 48 != 0xffff:
        raise Refused("kernel.elf is not linked in the upper half of addresses")
    if low // GIB != (high - 1) // GIB:
        raise Refused("kernel.elf spans more than one GiB of virtual addresses")


def sel4_dtb_size(data):
    """totalsize says what is passed: the file may have room behind it."""
    if len(data) < 8:
        raise Refused("kernel.dtb is no device tree")
    magic, totalsize = struct.unpack_from(">II", data)
    if magic != tree.FDT_MAGIC or not 8 <= totalsize <= len(data):
        raise Refused("kernel.dtb is no device tree, or not a whole one")
    return totalsize


def place_sel4(memory, data, _):
    """kernel/load/sel4.c: kernel, device tree, root server and page tables, each in the next page."""
    files = newc_files(data)
    for name in SEL4_FILES:
        if name not in files:
            raise Refused(f"its CPIO has no {name}")
    kernel = sel4_elf(files, "kernel.elf")
    check_sel4_window(kernel)
    dtb = sel4_dtb_size(files["kernel.dtb"])
    server = sel4_elf(files, "rootserver")
    low, high = physical(kernel)
    if low < memory.base or high > memory.end:
        raise Refused(f"kernel.elf at {low:#x}-{high:#x} lies outside the memory")
    if virtual(server)[0] % PAGE:
        raise Refused(f"rootserver begins at {virtual(server)[0]:#x}, which is no multiple of 4 KiB")
    parts = [("kernel.elf", high - low), ("kernel.dtb", dtb), ("rootserver", virtual(server)[1] - virtual(server)[0]),
             ("page tables", SEL4_TABLES)]
    at = low
    for name, size in parts:
        memory.take(f"kernel ({name})", at, size)
        at = -(-(at + size) // PAGE) * PAGE
    return low


PLACERS = {"elf": place_elf, "linux": place_linux, "raw": place_raw, "sel4": place_sel4}
