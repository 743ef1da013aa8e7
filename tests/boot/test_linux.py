# SPDX-License-Identifier: MIT
"""
Debian's own kernel, with busybox, as a guest with several vCPUs beside the learning guests. Each run is counted
in instructions, so that a slow machine changes nothing but how long it takes. test_soak.py has many more.
"""
import re

import pytest

import linux
import qemu


@pytest.mark.parametrize("cpu, smp", [("cortex-a57", 1), ("cortex-a53", 2), ("max", 4), ("cortex-a76", 8)])
def test_debian_runs_on_four_vcpus_unplugs_one_and_goes_off(tmp_path, cpu, smp):
    """Its commands all succeed, and the small guests report from its start to after its end."""
    package = linux.pack(tmp_path, linux.guest(), qemu.counter(0, "every=20"), qemu.memwalk(0, "every=20"),
                         run=linux.checks())
    with qemu.Console(*linux.CLOCK, kernel=linux.image(), initrd=package, cpu=cpu, smp=smp, mem="512M",
                      append=linux.NO_FOCUS, timeout=linux.PATIENCE) as console:
        console.expect(r"schism-linux: up, 4 CPUs")
        console.expect(r"schism-linux: load begins")
        load = console.expect(r"schism-linux: load ends")
        text = console.expect(r"schism-linux: done, status \d+")
        assert text.endswith("done, status 0"), text[-3000:]
        console.expect(r"linux: off")
        for guest in ("counter_os", "memwalk_os"):
            assert f"{guest}: report" in load, load
            console.expect(rf"{guest}: report")
        linux.assert_healthy(console.log)


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
    package = linux.pack(tmp_path, linux.guest(vcpus=2), qemu.counter(0, "every=20"), run=SUSPEND)
    with qemu.Console(*linux.CLOCK, kernel=linux.image(), initrd=package, cpu=cpu, smp=smp, mem="512M",
                      append=linux.NO_FOCUS, timeout=linux.PATIENCE) as console:
        console.expect(r"PM: suspend entry \(deep\)")
        console.expect(r"counter_os: report")
        text = console.expect(r"schism-linux: done, status \d+")
        assert text.endswith("done, status 0"), text[-3000:]
        console.expect(r"linux: off")


def test_a_reboot_restarts_that_vm_alone(tmp_path):
    """reboot -f: the same kernel comes up once more, and the sibling never stops."""
    package = linux.pack(tmp_path, linux.guest(vcpus=2), qemu.counter(0, "every=20"), run="reboot -f")
    with qemu.Console("-seed", "1", kernel=linux.image(), initrd=package, cpu="cortex-a72", smp=2, mem="512M",
                      append=linux.NO_FOCUS, timeout=linux.PATIENCE, machine="dtb-randomness=on") as console:
        console.expect(r"schism-linux: up, 2 CPUs")
        console.expect(r"linux: reset \(1 so far\)")
        console.expect(r"counter_os: report")
        console.expect(r"schism-linux: up, 2 CPUs")
        linux.assert_healthy(console.log, ["counter_os"])
        # Each start gets a seed for the kernel to place itself by.
        assert console.log.count(b"KASLR enabled") == 2, qemu.plain(console.log)


def test_a_kernel_too_large_for_the_first_region_boots_from_the_second(tmp_path):
    """As its ramdisk does, and it uses the memory of both."""
    guest = linux.guest(vcpus=2)._replace(ram_size=16 << 20, more_memory=((0x50000000, 176 << 20),))
    package = linux.pack(tmp_path, guest, run="grep -i ram /proc/iomem")
    with qemu.Console(kernel=linux.image(), initrd=package, cpu="cortex-a57", smp=2, mem="512M",
                      append=linux.NO_FOCUS, timeout=linux.PATIENCE) as console:
        text = console.expect(r"schism-linux: done, status \d+")
        assert text.endswith("done, status 0"), text[-3000:]
        assert re.search(r"40000000-40ffffff : System RAM", text) and re.search(r"50000000-5\w+ : System RAM", text), text[-3000:]
        linux.assert_healthy(console.log, [])


# The kernel keeps off the memory from 160 MiB on; there, what it has said by a reboot is kept for the next life.
RAMOOPS = """
insmod /reed_solomon.ko
insmod /ramoops.ko mem_address=0x4a000000 mem_size=0x100000 record_size=0x40000 max_reason=4
mount -t pstore pstore /sys/fs/pstore
if grep -h "this is life" /sys/fs/pstore/dmesg-ramoops-0 > /tmp/found; then
	echo "schism-linux: there was a life $(sed 's/.*life //' /tmp/found)"
	mode=cold
else
	echo "schism-linux: there was no life"
	mode=warm
fi
echo "schism-linux: this is life $(date +%s)" > /dev/kmsg
echo $mode > /sys/kernel/reboot/mode
reboot -f
"""


def test_ramoops_outlives_a_warm_reboot_and_no_cold_one(tmp_path):
    package = linux.pack(tmp_path, linux.guest(vcpus=2, args="mem=160M"), run=RAMOOPS,
                         modules=("reed_solomon.ko", "ramoops.ko"))
    with qemu.Console(kernel=linux.image(), initrd=package, cpu="cortex-a57", smp=2, mem="512M",
                      append=linux.NO_FOCUS, timeout=linux.PATIENCE) as console:
        def last(pattern):
            return re.search(pattern + "$", console.expect(pattern)).group(1)

        earlier = r"schism-linux: there was (no life|a life \d+)\b"
        assert last(earlier) == "no life"
        life = last(r"this is (life \d+)\b")
        assert last(r"linux: (\w* ?reset) \(1 so far") == "warm reset"
        assert last(earlier) == f"a {life}"
        assert last(r"linux: (\w* ?reset) \(2 so far") == "reset"
        assert last(earlier) == "no life"
        linux.assert_healthy(console.log, [])


def test_two_debians_run_side_by_side(tmp_path):
    """Each has four CPUs and goes off; then the machine does."""
    package = linux.pack(tmp_path, linux.guest("linux-a"), linux.guest("linux-b"), run=linux.checks(cycles=1))
    result = qemu.run(*linux.CLOCK, kernel=linux.image(), initrd=package, cpu="neoverse-n1", smp=4, mem="1G",
                      append=linux.NO_FOCUS, timeout=linux.PATIENCE)
    assert len(re.findall(r"schism-linux: done, status 0", result.text)) == 2, result.text[-4000:]
    # Without entropy they are given no seed, rather than one that the other could compute.
    assert result.text.count("KASLR disabled due to lack of seed") == 2, result.text[:8000]
    assert "all VMs are off: powering off, success" in result.text
    linux.assert_healthy(result.text.encode(), [])
