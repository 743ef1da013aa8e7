# SPDX-License-Identifier: MIT
"""The manifests of dts/vms: each is packed as a user does it, boots, and does what its opening comment says."""
import re

import pytest

import linux
import qemu

VMS = qemu.ROOT / "dts/vms"
# Those that have tests elsewhere: which file has them.
ELSEWHERE = {"bench": "test_bench.py", "embedded": "test_boot.py", "linux1": "test_bench.py", "uboot": "test_uboot.py",
             "uboot_linux": "test_uboot.py", "linux": "below, and by hand"}


def pack(name, *variables):
    out = qemu.default_build()
    qemu.make(f"O={out}", "package", f"VMS=dts/vms/{name}.dts", *variables)
    return out / f"{name}.cpio"


def run(name, image, smp, **options):
    return qemu.run(kernel=image, initrd=pack(name), smp=smp, mem="1G", **options)


def passes(text):
    return set(re.findall(r"\] (\S+): PASS \d+:", text))


def good(text):
    assert "all VMs are off: powering off, success" in text, text[-3000:]
    assert not re.search(r"\bFAIL\b|SCHISM-E|panic", text), text


@pytest.mark.parametrize("smp", (1, 2))
def test_two(image, smp):
    text = run("two", image, smp).text
    good(text)
    assert passes(text) == {"counter_os", "memwalk_os"}, text


def test_small8_on_two_cpus(image):
    text = run("small8", image, 2).text
    good(text)
    assert passes(text) == {f"small{n}" for n in range(1, 9)}, text


def test_small32_on_four_cpus(image):
    text = run("small32", image, 4).text
    good(text)
    assert passes(text) == {f"small{n}" for n in range(1, 33)}, text


def test_restart(image):
    text = run("restart", image, 2).text
    assert len(re.findall(r"crash_os: CRASHED", text)) == 5, text
    assert re.findall(r"crash_os: restart \d of 4 in (\d+) ms", text) == ["5", "10", "20", "40"], text
    assert passes(text) == {"counter_os"}, text


def test_shared(image):
    text = run("shared", image, 2).text
    good(text)
    assert passes(text) == {"ping", "pong", "reader"}, text


def test_gpio(image):
    """Without somebody at the power button it waits; the interrupt itself is test_passthrough.py's."""
    with qemu.Console(kernel=image, initrd=pack("gpio"), icount=False) as console:
        console.expect(r"gpio_os: waiting for the power button")


def test_crash(image):
    with qemu.Console(kernel=image, initrd=pack("crash"), append=qemu.EACH_REPORT) as console:
        console.expect(r"crash_os: CRASHED on vCPU 0")
        console.expect(r"counter_os: report")


def test_stray(image):
    with qemu.Console(kernel=image, initrd=pack("stray")) as console:
        console.expect(r"memwalk_os: report 1: passes=\d+ bytes=\d+ aborts=[1-9]")


def boot_linux(name, image, smp, script, vcpus=2):
    args = f'console=ttyAMA0 earlycon panic=-1 schism.run="{script}"'
    package = pack(name, f"VCPUS={vcpus}", "LINUX_MEM=192", f"LINUX_BOOTARGS={args}")
    return qemu.Console(*linux.CLOCK, kernel=image, initrd=package, smp=smp, mem="1G", append=qemu.EACH_REPORT,
                        timeout=linux.PATIENCE)


def test_linux_beside_bare_metal_guests(image):
    with boot_linux("linux", image, 2, "nproc") as console:
        console.expect(r"schism-linux: done, status 0")
        console.expect(r"linux: off")
        console.expect(r"counter_os: report")
        console.expect(r"memwalk_os: report")


def test_linux2(image):
    with boot_linux("linux2", image, 4, "nproc", vcpus=1) as console:
        for _ in range(2):
            console.expect(r"schism-linux: done, status 0")
        console.expect(r"counter_os: report")


def test_linux_pinned(image):
    with boot_linux("linux_pinned", image, 4, "nproc", vcpus=4) as console:
        console.expect(r"schism-linux: up, 4 CPUs")
        console.expect(r"schism-linux: done, status 0")
        console.expect(r"linux: off")


def test_no_manifest_is_left_out():
    names = {path.stem for path in VMS.glob("*.dts") if not path.stem.startswith("test_")}
    tested = {re.sub(r"_(on|beside)_.*", "", name[5:]) for name in globals() if name.startswith("test_")}
    assert names <= tested | set(ELSEWHERE), names - tested - set(ELSEWHERE)
