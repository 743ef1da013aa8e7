# SPDX-License-Identifier: MIT
"""
Debian's own kernel, with busybox, as a guest with several vCPUs beside the learning guests. Each run is counted
in instructions, so that a slow machine changes nothing but how long it takes.
"""
import fcntl
import functools
import re
import subprocess

import pytest

import devicetree
import qemu

MIB = 1 << 20
# The clock's seconds are those of the counter, not the host's.
CLOCK = ("-rtc", "clock=vm")
# Seconds of the host that one of these may take on a slow one.
PATIENCE = 600

CHECKS = """
set -ex
test $(nproc) = 4
for n in 1 2 3; do
	echo 0 > /sys/devices/system/cpu/cpu2/online
	test $(nproc) = 3
	echo 1 > /sys/devices/system/cpu/cpu2/online
	test $(nproc) = 4
done
dmesg | grep -q "armv8_pmuv3 PMU driver, 7 counters available"
awk '/arch_timer/ { for (i = 2; i <= 5; i++) if ($i == 0) exit 1 }' /proc/interrupts
d=$(($(date +%s) - $(cat /sys/class/rtc/rtc0/since_epoch))); test ${d#-} -le 2
for n in 1 2 3 4; do sha256sum /bin/busybox & done | sort -u | wc -l | grep -qx 1
wait
"""


@functools.cache
def images():
    """The directory with vmlinuz and initramfs.cpio, fetched and made once."""
    out = qemu.default_build()
    with open(qemu.OUT / "linux.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        qemu.make(f"O={out}", "linux")
    return out / "linux"


def linux(name="linux", vcpus=4, run=None):
    args = "console=ttyAMA0 earlycon=pl011,0x9000000 panic=-1" + (f' schism.run="{run}"' if run else "")
    return qemu.Guest(name, args, kernel="vmlinuz", ram_size=192 * MIB,
                      props={"protocol": "linux", "ramdisk": "initramfs.cpio", "vcpus": [vcpus],
                             "devices": b"uart\0rtc\0"})


def pack(directory, *guests, run=None):
    """A package with the guests; run: what the initramfs's /init shall run."""
    search = ["--search", images(), "--search", qemu.guests_dir()]
    if run:
        (directory / "run.sh").write_text(run, encoding="utf-8")
        subprocess.run([qemu.PYTHON, qemu.ROOT / "scripts/mkinitramfs", "-o", directory / "initramfs.cpio",
                        "--busybox", images() / "busybox", "--init", qemu.ROOT / "guests/linux/init",
                        "--file", f"run.sh={directory / 'run.sh'}"], check=True)
        search = ["--search", directory, *search]
    source, out = directory / "manifest.dts", directory / "package.cpio"
    tree = qemu.manifest(*guests)
    for vm in tree.children:
        if "linux" in vm.strings("protocol"):
            del vm.props["mailbox"]
    blob = directory / "manifest.dtb"
    blob.write_bytes(devicetree.flatten(tree))
    subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", "-o", source, blob], check=True)
    subprocess.run([qemu.PYTHON, qemu.ROOT / "scripts/mkpackage", *search, "-o", out, source], check=True)
    return out


def image():
    return qemu.default_build() / "Image"


@pytest.mark.parametrize("cpu, smp", [("cortex-a57", 1), ("cortex-a57", 4), ("max", 2)])
def test_debian_runs_on_four_vcpus_unplugs_one_and_goes_off(tmp_path, cpu, smp):
    """Its commands all succeed, and the small guests report from its start to after its end."""
    package = pack(tmp_path, linux(), qemu.counter(0, "every=20"), qemu.memwalk(0, "every=20"), run=CHECKS)
    with qemu.Console(*CLOCK, kernel=image(), initrd=package, cpu=cpu, smp=smp, mem="512M", timeout=PATIENCE) as console:
        console.expect(r"schism-linux: up, 4 CPUs")
        text = console.expect(r"schism-linux: done, status \d+")
        assert text.endswith("done, status 0"), text[-3000:]
        console.expect(r"linux: off")
        for guest in ("counter_os", "memwalk_os"):
            console.expect(rf"{guest}: report")
        assert b": FAIL" not in console.log
        assert not re.search(rb"rcu.*stall|Oops|Internal error|BUG:", console.log), qemu.plain(console.log)[-4000:]


SUSPEND = """
set -ex
echo deep > /sys/power/mem_sleep
before=$(cat /sys/class/rtc/rtc0/since_epoch)
echo +5 > /sys/class/rtc/rtc0/wakealarm
echo mem > /sys/power/state
slept=$(($(cat /sys/class/rtc/rtc0/since_epoch) - before)); test $slept -ge 4 -a $slept -le 8
d=$(($(date +%s) - $(cat /sys/class/rtc/rtc0/since_epoch))); test ${d#-} -le 2
test $(nproc) = 2
"""


@pytest.mark.parametrize("cpu, smp", [("cortex-a57", 1), ("max", 2)])
def test_suspended_to_ram_it_sleeps_until_its_clock_wakes_it(tmp_path, cpu, smp):
    package = pack(tmp_path, linux(vcpus=2), qemu.counter(0, "every=20"), run=SUSPEND)
    with qemu.Console(*CLOCK, kernel=image(), initrd=package, cpu=cpu, smp=smp, mem="512M",
                      timeout=PATIENCE) as console:
        console.expect(r"PM: suspend entry \(deep\)")
        console.expect(r"counter_os: report")
        text = console.expect(r"schism-linux: done, status \d+")
        assert text.endswith("done, status 0"), text[-3000:]
        console.expect(r"linux: off")


def test_a_reboot_restarts_that_vm_alone(tmp_path):
    """reboot -f: the same kernel comes up once more, and the sibling never stops."""
    package = pack(tmp_path, linux(vcpus=2), qemu.counter(0, "every=20"), run="reboot -f")
    with qemu.Console(kernel=image(), initrd=package, smp=2, mem="512M", timeout=PATIENCE) as console:
        console.expect(r"schism-linux: up, 2 CPUs")
        console.expect(r"linux: reset \(1 so far\)")
        console.expect(r"counter_os: report")
        console.expect(r"schism-linux: up, 2 CPUs")
        assert b"counter_os: start" in console.log and console.log.count(b"counter_os: start") == 1


def test_two_debians_run_side_by_side(tmp_path):
    """Each counts its own CPUs and goes off; then the machine does."""
    package = pack(tmp_path, linux("linux-a", 2), linux("linux-b", 2), run="nproc")
    result = qemu.run(kernel=image(), initrd=package, smp=4, mem="1G", timeout=PATIENCE)
    assert len(re.findall(r"schism-linux: done, status 0", result.text)) == 2, result.text[-4000:]
    assert "all VMs are off: powering off, success" in result.text
