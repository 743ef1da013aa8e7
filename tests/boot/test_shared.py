# SPDX-License-Identifier: MIT
"""Windows of memory that several VMs see."""
import re

import pytest

import devicetree
import qemu

WINDOW = 0x30000000


def shm(name, role, **props):
    return qemu.Guest(name, f"role={role} window={WINDOW:#x} rounds=20", kernel="shm_os.elf", props=props)


def tree(*guests, readers=(), size=0x200000):
    root = qemu.manifest(*guests)
    root.add("window", {"compatible": "schism,shared-memory", "window-name": "talk", "size": devicetree.cells64(size)})
    for vm in root.children[:-1]:
        props = {"window": "talk", "reg": devicetree.cells64(WINDOW, size)}
        if vm.strings("vm-name")[0] in readers:
            props["read-only"] = True
        vm.add(f"shared@{WINDOW:x}", props)
    return root


@pytest.mark.parametrize("smp", (1, 3))
def test_vms_talk_through_a_window_and_a_reader_cannot_write(image, tmp_path, smp):
    guests = shm("ping", "ping"), shm("pong", "pong"), shm("reader", "reader")
    package = qemu.pack_unchecked(tmp_path, root=tree(*guests, readers=("reader",)))
    result = qemu.run(kernel=image, initrd=package, smp=smp)
    passes = dict(re.findall(r"(\w+): PASS 1: passed=(\d+)", result.text))
    assert passes["ping"] == "20" and passes["pong"] == "20" and int(passes["reader"]) > 1, result.text
    assert "all VMs are off: powering off, success" in result.text
