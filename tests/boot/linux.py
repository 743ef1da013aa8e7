# SPDX-License-Identifier: MIT
"""Debian's kernel with busybox as a guest: its package, and what a run of it is held to."""
import pathlib
import re
import subprocess

import qemu

MIB = 1 << 20
# The CPU models that Schism promises to run on.
CPUS = ("cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76", "neoverse-n1", "max")
# The clock's seconds are those of the counter, not the host's.
CLOCK = ("-rtc", "clock=vm")
# Boot arguments: no guest's output bypasses the console's lines, so that none of another comes between; and no
# report is left out.
NO_FOCUS = f"focus=none {qemu.EACH_REPORT}"
# Seconds of the host that one of these may take on a slow one.
PATIENCE = 600

# What the guest is put through; vcpus is its number of CPUs. The output of "set -x" shows how far it came.
CHECKS = """
set -ex
test $(nproc) = {vcpus}

# What systemd-detect-virt asks: in a VM, and none of those that it knows by another name.
test "$(tr -d '\\0' < /proc/device-tree/hypervisor/compatible)" = schism,hypervisor

# CPU 2 goes and comes back.
for n in $(seq {cycles}); do
	echo 0 > /sys/devices/system/cpu/cpu2/online
	test $(nproc) = $(({vcpus} - 1))
	echo 1 > /sys/devices/system/cpu/cpu2/online
	test $(nproc) = {vcpus}
done

# Load on all CPUs at once: the same sum on each, and each one's timer goes on.
timers() {{ awk '/arch_timer/ {{ for (i = 2; i < 2 + {vcpus}; i++) print $i }}' /proc/interrupts; }}
timers > /tmp/before
end=$(($(date +%s) + 3))
echo "schism-linux: load begins"
for n in $(seq 0 $(({vcpus} - 1))); do
	(set +x; while taskset $((1 << n)) sha256sum /bin/busybox; test $(date +%s) -lt $end; do :; done) &
done | sort -u > /tmp/sums
test $(wc -l < /tmp/sums) = 1
echo "schism-linux: load ends"
timers > /tmp/after
test $(wc -l < /tmp/after) = {vcpus}
paste /tmp/before /tmp/after | awk '$2 <= $1 {{ exit 1 }}'

# The RTC and the kernel's clock, which started from it, agree. Read in between, however long that takes.
hwclock -u -r
awk 'BEGIN {{ before = systime(); getline rtc < "/sys/class/rtc/rtc0/since_epoch"
	exit !(before - 2 <= rtc && rtc <= systime() + 2) }}'
"""

# Then it does as it is told.
OBEY = """
set +x
echo "schism-linux: checks passed"
read order
$order
"""

SICK = re.compile(rb"rcu:? .*(stall|starved)|soft lockup|hard LOCKUP|blocked for more than|Oops|Internal error|"
                  rb"BUG:|Call trace:|Kernel panic|Unable to handle|CPU\d+: (failed|is stuck)|WARNING:")


def checks(vcpus=4, cycles=3):
    return CHECKS.format(vcpus=vcpus, cycles=cycles)


def images():
    """The directory with vmlinuz, some of its modules and initramfs.cpio, fetched and made once."""
    return qemu.fetched("linux")


def guest(name="linux", vcpus=4, run=None, args=""):
    args = f"console=ttyAMA0 earlycon=pl011,0x9000000 panic=-1 {args}" + (f' schism.run="{run}"' if run else "")
    return qemu.Guest(name, args, kernel="vmlinuz", ram_size=192 * MIB,
                      props={"protocol": "linux", "ramdisk": "initramfs.cpio", "vcpus": [vcpus],
                             "devices": b"uart\0rtc\0", "mailbox": None})


def pack(directory, *guests, run=None, modules=()):
    """A package with the guests; run: what the initramfs's /init shall run, and modules that it finds in /."""
    search = [images()]
    if run:
        script = pathlib.Path(directory, "run.sh")
        script.write_text(run, encoding="utf-8")
        subprocess.run([qemu.PYTHON, qemu.ROOT / "scripts/mkinitramfs", "-o", directory / "initramfs.cpio",
                        "--busybox", images() / "busybox", "--init", qemu.ROOT / "guests/linux/init",
                        *(f"--file={name}={images() / name}" for name in modules),
                        "--file", f"run.sh={script}"], check=True)
        search.insert(0, directory)
    return qemu.pack(directory, *guests, search=search)


def image():
    return qemu.default_build() / "Image"


def assert_healthy(log, reporters=("counter_os", "memwalk_os")):
    """No kernel complained, no guest failed, and no report of these was lost: they count from 0 up."""
    text = qemu.plain(log)
    sick = SICK.search(log)
    assert not sick, f"{sick.group(0)!r} in:\n{text[-8000:]}"
    assert not re.search(r"\bFAIL\b|SCHISM-E\d+|: crash|panic:", text), text[-8000:]
    for name in reporters:
        seen = [int(n) for n in re.findall(rf"\] {name}: (?:start|report) (\d+):", text)]
        assert seen == list(range(len(seen))) and seen, f"{name} reported {seen}:\n{text[-8000:]}"
