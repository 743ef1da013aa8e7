# SPDX-License-Identifier: MIT
"""
Device trees as Python objects, to be altered at will: read a DTB, change nodes and properties, write it
again. Reordering children is a sort of a list, a node without a name is possible, nothing is checked.
"""
import struct

import libfdt


class Node:
    def __init__(self, name, props=None):
        """props: values as in set()."""
        self.name, self.props, self.children = name, {}, []
        for prop, value in (props or {}).items():
            self.set(prop, value)

    def __getitem__(self, path):
        """The node at a path relative to this one."""
        node = self
        for name in filter(None, path.split("/")):
            node = next((child for child in node.children if child.name == name), None)
            if node is None:
                raise KeyError(path)
        return node

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def remove(self, *doomed):
        """Delete these nodes, wherever below this one they are."""
        for node in list(self.walk()):
            node.children = [child for child in node.children if child not in doomed]

    def add(self, name, props=None):
        """A new child."""
        self.children.append(Node(name, props))
        return self.children[-1]

    def compatible(self, *names):
        """The nodes at or below this one that are compatible with one of the names."""
        return [node for node in self.walk() if set(names) & set(node.strings("compatible"))]

    def of_type(self, device_type):
        return [node for node in self.walk() if node.strings("device_type") == [device_type]]

    def strings(self, prop):
        return self.props.get(prop, b"").decode("latin-1").rstrip("\0").split("\0")

    def cells(self, prop):
        value = self.props[prop]
        return list(struct.unpack(f">{len(value) // 4}I", value))

    def set(self, prop, value):
        """A string, bytes, a list of cells, or True for an empty property."""
        if isinstance(value, str):
            value = value.encode() + b"\0"
        elif isinstance(value, (list, tuple)):
            value = struct.pack(f">{len(value)}I", *value)
        self.props[prop] = b"" if value is True else value


def cells64(*values):
    """Each value as two cells."""
    return [cell for value in values for cell in (value >> 32, value & 0xffffffff)]


def parse(blob):
    """The root node of a DTB."""
    fdt = libfdt.Fdt(blob)
    quiet = [libfdt.NOTFOUND]

    def read(offset):
        node = Node(fdt.get_name(offset))
        at = fdt.first_property_offset(offset, quiet)
        while at >= 0:
            prop = fdt.get_property_by_offset(at)
            node.props[prop.name] = bytes(prop)
            at = fdt.next_property_offset(at, quiet)
        at = fdt.first_subnode(offset, quiet)
        while at >= 0:
            node.children.append(read(at))
            at = fdt.next_subnode(at, quiet)
        return node

    return read(0)


def flatten(root, reservations=()):
    """The DTB; reservations are (address, size) of its memory reservation block."""
    sw = libfdt.FdtSw()
    sw.INC_SIZE = 65536
    for base, size in reservations:
        sw.add_reservemap_entry(base, size)
    sw.finish_reservemap()

    def write(node):
        with sw.add_node(node.name):
            for prop, value in node.props.items():
                sw.property(prop, value)
            for child in node.children:
                write(child)

    write(root)
    fdt = sw.as_fdt()
    fdt.pack()
    return bytes(fdt.as_bytearray()[:fdt.totalsize()])
