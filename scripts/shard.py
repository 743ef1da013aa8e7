# SPDX-License-Identifier: MIT
"""
SHARD=I/N: the I-th of N parts into which tests are dealt like cards, so that neighbours, which often take as
long, part. By their order alone: N machines with the same tree share them without a word between them.

    shard.py I/N WORD...

prints the words of that part.
"""
import argparse
import re
import sys

sys.dont_write_bytecode = True
import plain  # noqa: E402 (beside this script)


def parse(text):
    """I/N as (I, N)."""
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if not found or int(found[1]) > int(found[2]):
        raise argparse.ArgumentTypeError(f'SHARD={text}: not a part such as 1/4, the first of four')
    return int(found[1]), int(found[2])


def part(shard, things):
    """Those of the things that are this shard's."""
    return things[shard[0] - 1::shard[1]]


def main():
    try:
        print(*part(parse(sys.argv[1]), sys.argv[2:]))
    except argparse.ArgumentTypeError as wrong:
        sys.exit(f"error: {wrong}")


if __name__ == "__main__":
    plain.run(main)
