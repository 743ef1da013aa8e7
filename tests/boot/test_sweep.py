# SPDX-License-Identifier: MIT
"""
What one VM writes to any system register, another one does not read, and finds its own again
(guests/tests/sweep). Two CPU models here; "make sweep" has all that QEMU knows, or CPUS="...".
"""
import os
import pathlib
import re
import subprocess

import pytest

import devicetree
import qemu

WINDOW, WINDOW_SIZE = 0x30000000, 0x200000
FIRMWARE_AT = 0x43000000
# The AArch64 ones among QEMU's names.
MODEL = re.compile(r"^\s+(max|a64fx|neoverse-\S+|cortex-a(?:3[5-9]|[5-9]\d|\d{3})\S*)\b", re.M)
# Of any Armv8 CPU, seen from a VM: fewer means that the guest did not see what it should have tried.
AT_LEAST = {"readable": 160, "writable": 100}


def models():
    """The CPU models to test: by default two, "all" that this QEMU has, or those named."""
    wanted = os.environ.get("SCHISM_SWEEP", "cortex-a57 max")
    if wanted != "all":
        return wanted.split()
    known = subprocess.run([qemu.QEMU, "-cpu", "help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted(set(MODEL.findall(known)))


def tree():
    sides = [qemu.Guest(f"side{side}", f"side={side} window={WINDOW:#x}", kernel="sweep.elf") for side in (0, 1)]
    root = qemu.manifest(*sides)
    root.add("window", {"compatible": "schism,shared-memory", "window-name": "turns",
                        "size": devicetree.cells64(WINDOW_SIZE)})
    for vm in root.children[:-1]:
        vm.add(f"shared@{WINDOW:x}", {"window": "turns", "reg": devicetree.cells64(WINDOW, WINDOW_SIZE)})
    return root


def assert_apart(text):
    """No VM read what the other wrote, and both came to their end."""
    assert not re.search("DIFFERENT|FAIL|PANIC|EL2 FAULT", text), text
    assert text.count("PASS 1: ") == 2, text
    found = re.findall(r"sweep: (\d+) readable, (\d+) writable, 0 differences", text)
    # Both VMs are alike.
    assert len(found) == 2 and found[0] == found[1], text
    assert all(int(nr) >= least for nr, least in zip(found[0], AT_LEAST.values())), text


@pytest.mark.parametrize("cpu", models())
def test_no_system_register_passes_from_one_vm_to_another(cpu, image, tmp_path):
    assert_apart(qemu.run(kernel=image, initrd=qemu.pack_unchecked(tmp_path, root=tree()), cpu=cpu).text)


def firmware(directory):
    """dirty_firmware.S as an image for FIRMWARE_AT, which starts Schism."""
    source, binary = pathlib.Path(__file__).parent / "dirty_firmware.S", directory / "firmware.bin"
    subprocess.run([qemu.cross("gcc"), "-nostdlib", "-static", f"-DIMAGE={qemu.IMAGE_AT:#x}", "-Wl,--build-id=none",
                    f"-Wl,-Ttext={FIRMWARE_AT:#x}", "-o", directory / "firmware.elf", source], check=True)
    subprocess.run([qemu.cross("objcopy"), "-O", "binary", directory / "firmware.elf", binary], check=True)
    return binary


@pytest.mark.parametrize("cpu", models())
def test_nothing_that_firmware_left_in_el2_reaches_a_vm(cpu, image, tmp_path):
    package = qemu.pack_unchecked(tmp_path, root=tree())
    board = qemu.dump_tree(tmp_path / "virt.dtb", cpu=cpu)
    args = [str(arg).replace(f"addr={qemu.IMAGE_AT:#x},cpu-num=0", f"addr={FIRMWARE_AT:#x},cpu-num=0")
            for arg in qemu.place_by_loader(tmp_path, image, board, package)]
    binary = firmware(tmp_path)
    text = qemu.run(*args, "-device", f"loader,file={binary},addr={FIRMWARE_AT:#x},force-raw=on", cpu=cpu).text
    assert_apart(text)
