# SPDX-License-Identifier: MIT
"""Debian's U-Boot as a guest: it comes to its prompt, answers, restarts, and goes off, and a sibling goes on."""
import re

import pytest

import linux
import qemu

MIB = 1 << 20
PROMPT = r"\n=> "


def pack(directory):
    uboot = qemu.Guest("uboot", "", kernel="u-boot.bin", ram_size=128 * MIB,
                       props={"protocol": "raw", "load-address": qemu.devicetree.cells64(0x40200000),
                              "devices": b"uart\0rtc\0flash\0", "mailbox": None})
    return qemu.pack(directory, uboot, qemu.counter(0, "every=50"), search=[qemu.fetched("uboot")])


def to_prompt(console):
    console.expect("U-Boot 20")
    console.expect("Loading Environment from Flash")
    console.expect("bad CRC, using default environment")
    console.expect("Hit any key to stop autoboot")
    console.send("\r")
    console.expect(PROMPT)


def ask(console, words):
    """Type a command; what it says, without the lines of others that came between."""
    console.send(words + "\r")
    return re.sub(r"\n?\[ .*\] counter_os: .*\n", "", console.expect(PROMPT))


@pytest.mark.parametrize("cpu, smp", [("cortex-a57", 1), ("max", 2)])
def test_uboot_answers_restarts_alone_and_goes_off(tmp_path, cpu, smp):
    with qemu.Console(kernel=qemu.default_build() / "Image", initrd=pack(tmp_path), cpu=cpu,
                      append=f"focus=uboot {qemu.EACH_REPORT}", smp=smp) as console:
        to_prompt(console)
        assert "U-Boot 20" in ask(console, "version")
        info = ask(console, "bdinfo")
        assert re.search(r"start\s+= 0x0*40000000\n", info) and re.search(r"size\s+= 0x0*8000000\n", info), info
        # The flash is erased.
        assert re.search(r"04000000: ffffffff ffffffff ffffffff ffffffff", ask(console, "md.l 4000000 4"))

        console.send("reset\r")
        console.expect(r"uboot: reset \(1 so far\)")
        to_prompt(console)
        assert "U-Boot 20" in ask(console, "version")

        console.send("poweroff\r")
        console.expect("uboot: off")
        console.expect("counter_os: report")
        seen = re.findall(r"counter_os: (?:start|report) (\d+)", qemu.plain(console.log))
        assert seen == [str(n) for n in range(len(seen))], seen


LINUX_AT, INITRD_AT = 0x42000000, 0x46000000


def test_uboot_boots_linux_from_a_kernel_and_an_initrd_at_addresses(tmp_path):
    """The manifest's bootargs are the kernel's, since U-Boot passes on the tree that it was given."""
    size = (linux.images() / "initramfs.cpio").stat().st_size
    guest = qemu.Guest("uboot", 'console=ttyAMA0 panic=-1 schism.run="cat /proc/cmdline"', kernel="u-boot.bin",
                       ram_size=256 * MIB, images=((LINUX_AT, "vmlinuz"), (INITRD_AT, "initramfs.cpio")),
                       props={"protocol": "raw", "load-address": qemu.devicetree.cells64(0x40200000),
                              "devices": b"uart\0rtc\0flash\0", "mailbox": None})
    package = qemu.pack(tmp_path, guest, search=[qemu.fetched("uboot"), linux.images()])
    with qemu.Console(kernel=qemu.default_build() / "Image", initrd=package, append="focus=uboot") as console:
        to_prompt(console)
        console.send(f"booti {LINUX_AT:#x} {INITRD_AT:#x}:{size:#x} ${{fdtcontroladdr}}\r")
        console.expect("Starting kernel ...")
        console.expect(r"schism-linux: up, 1 CPUs")
        text = console.expect(r"schism-linux: done, status \d+")
        assert "console=ttyAMA0 panic=-1 schism.run=" in text and text.endswith("status 0"), text
        result = console.end()
    assert result.status == 0, result.text
