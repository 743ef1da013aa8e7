# SPDX-License-Identifier: MIT
"""A manifest as a tree of nodes, each node and property with the place in the source where it stands."""
import os
import re
import struct
import subprocess
import sys

import plain

FDT_MAGIC = 0xd00dfeed
FDT_BEGIN_NODE, FDT_END_NODE, FDT_PROP, FDT_NOP, FDT_END = 1, 2, 3, 4, 9


class Node:
    """props: name to value; where: name to "file:line", and the node's own place under ""."""

    def __init__(self, path):
        self.path, self.props, self.children, self.where = path, {}, [], {}

    @property
    def name(self):
        return self.path.rsplit("/", 1)[1]

    def kind(self):
        """The name without the unit address."""
        return self.name.split("@", 1)[0]

    def strings(self, prop):
        """The strings of a list; None when it does not end as one."""
        value = self.props.get(prop, b"\0")
        return value[:-1].decode("utf-8", "replace").split("\0") if value.endswith(b"\0") else None

    def string(self, prop):
        """A string; None when it is none."""
        strings = self.strings(prop)
        return strings[0] if prop in self.props and strings and len(strings) == 1 else None

    def cells(self, prop):
        """The cells of a property; None when it has no whole number of them."""
        value = self.props[prop]
        return struct.unpack(f">{len(value) // 4}I", value) if len(value) % 4 == 0 else None

    def numbers(self, prop, count):
        """That many numbers of two cells each; None for any other value."""
        value = self.props[prop]
        return struct.unpack(f">{count}Q", value) if len(value) == 8 * count else None

    def compatible(self, name):
        return name in (self.strings("compatible") or [])

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()


def parse(blob):
    """The root node of a flattened device tree (Devicetree Specification v0.4, chapter 5). ValueError."""
    try:
        return _parse(blob)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError("the device tree is cut or garbled") from error


def _parse(blob):
    magic, _, struct_at, strings_at = struct.unpack_from(">4I", blob)
    if magic != FDT_MAGIC:
        raise ValueError("there is no device tree's magic number")
    position, stack, root = struct_at, [], None
    while True:
        (token,) = struct.unpack_from(">I", blob, position)
        position += 4
        if token == FDT_BEGIN_NODE:
            end = blob.index(b"\0", position)
            name = blob[position:end].decode()
            position = (end + 4) & ~3
            node = Node(f"{stack[-1].path.rstrip('/')}/{name}" if stack else "/")
            if stack:
                stack[-1].children.append(node)
            root = root or node
            stack.append(node)
        elif token == FDT_END_NODE:
            stack.pop()
        elif token == FDT_PROP:
            length, name_at = struct.unpack_from(">II", blob, position)
            end = blob.index(b"\0", strings_at + name_at)
            stack[-1].props[blob[strings_at + name_at:end].decode()] = blob[position + 8:position + 8 + length]
            position = (position + 8 + length + 3) & ~3
        elif token == FDT_END and root:
            return root
        elif token != FDT_NOP:
            raise ValueError("the device tree is garbled")


def run(command, what):
    result = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, check=False)
    stderr = result.stderr.decode("utf-8", "replace")
    if result.returncode:
        sys.exit(f"{stderr}error: {what} failed")
    sys.stderr.write(stderr)
    return result.stdout


def shortest(path):
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def locate(root, annotated):
    """Enter the places that dtc's annotated source (dtc -T -T) tells into the tree's nodes."""
    stack = []
    for line in annotated.splitlines():
        # The place, or the first of several; only a comment at the end is dtc's.
        place = re.search(r"/\* ([^*]*?):(\d+):\d+-(?:[^*]*) \*/$", line)
        where = f"{shortest(place[1])}:{place[2]}" if place else None
        if match := re.match(r"\s*(?:\w+: )*(\S+) \{", line):
            parent = stack[-1] if stack else None
            stack.append(root if not stack else parent and next(
                (child for child in parent.children if child.name == match[1]), None))
            prop = ""
        elif re.match(r"\s*\};", line):
            stack.pop()
            continue
        elif match := re.match(r"\s*(?:\w+: )*([\w,.+?#-]+)(?: = |;)", line):
            prop = match[1]
        else:
            continue
        if stack and stack[-1] and where:
            stack[-1].where[prop] = where


def macro(definition):
    """-DNAME=TEXT, TEXT as a device tree source's string unless it is a number."""
    name, _, text = definition.partition("=")
    if not re.fullmatch(r"[0-9]+|0x[0-9a-fA-F]+", text):
        text = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"-D{name}={text}"


def compile_source(path, work, cpp=None, defines=(), target=""):
    """
    Preprocess, if cpp is a preprocessor and its arguments, and compile a .dts in the directory work: the
    blob, the tree, and the files that it came from, for make.
    """
    source, deps = path, [path]
    if cpp:
        source = f"{work}/manifest.dts"
        run([*cpp.split(), *map(macro, defines), "-MD", "-MF", f"{work}/deps", "-MT", target, "-o", source, path],
            f"preprocessing {path}")
        deps = plain.text_of(f"{work}/deps").split(":", 1)[1].replace("\\\n", " ").split()
    dtc = ["dtc", "-q", "-i", os.path.dirname(path) or "."]
    blob = run([*dtc, "-I", "dts", "-O", "dtb", source], f"compiling {path}")
    root = parse(blob)
    annotated = run([*dtc, "-T", "-T", "-I", "dts", "-O", "dts", source], f"compiling {path}")
    locate(root, annotated.decode("utf-8", "replace"))
    return blob, root, deps
