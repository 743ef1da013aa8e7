#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""size.py [--summary] schism.elf [Image]: bytes by section of what is loaded."""
import os
import struct
import sys

sys.dont_write_bytecode = True
import plain  # noqa: E402 (beside this script)


def sections(path):
    """[(name, size)] of the allocated sections of an ELF64."""
    with open(path, "rb") as file:
        elf = file.read()
    (offset,) = struct.unpack_from("<Q", elf, 0x28)
    size, count, strings = struct.unpack_from("<HHH", elf, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", elf, offset + i * size) for i in range(count)]
    names = headers[strings][4]

    def name(at):
        return elf[names + at:elf.index(b"\0", names + at)].decode()

    return [(name(h[0]), h[5]) for h in headers if h[2] & 2 and h[5]]


def main():
    paths = [arg for arg in sys.argv[1:] if not arg.startswith("-")]
    found = sections(paths[0])
    if "--summary" in sys.argv:
        print(f"  SIZE    {paths[0]}: " + ", ".join(f"{name} {size}" for name, size in found))
        return
    for name, size in found:
        print(f"{name:<12} {size:>9}")
    print(f"{'in memory':<12} {sum(size for _, size in found):>9}")
    for path in paths[1:]:
        print(f"{os.path.basename(path):<12} {os.path.getsize(path):>9}")


if __name__ == "__main__":
    plain.run(main)
