# SPDX-License-Identifier: MIT
"""Debian's U-Boot as a guest: it comes to its prompt, answers, restarts, and goes off, and a sibling goes on."""
import re

import pytest

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


def test_uboot_boots_linux_from_a_kernel_and_an_initrd_at_addresses(default):
    """As dts/vms/uboot_linux.dts says. Its bootargs are the kernel's: U-Boot passes on the tree that it was given."""
    example = (qemu.ROOT / "dts/vms/uboot_linux.dts").read_text(encoding="utf-8")
    command = re.search(r"^ \*   (booti .*)$", example, re.M)[1]
    qemu.make(f"O={default}", "package", "VMS=dts/vms/uboot_linux.dts")
    with qemu.Console(kernel=default / "Image", initrd=default / "uboot_linux.cpio", append="focus=uboot", smp=2) as console:
        to_prompt(console)
        console.send(f"{command}\r")
        console.expect("Starting kernel ...")
        console.expect(r"schism-linux: up, 2 CPUs")
        console.expect(r"/ # ")
        console.send("cat /proc/cmdline\r")
        console.expect(r"\nconsole=ttyAMA0 panic=-1\n")
        console.expect(r"/ # ")
        console.send("poweroff -f\r")
        console.expect("uboot: off")
        console.expect("counter_os: report")
