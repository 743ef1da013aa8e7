# SPDX-License-Identifier: MIT
"""What guests keep while the CPU is taken away from them hundreds of times, and that it happens repeatably."""
import re

import pytest

import qemu

TEN_SECONDS = 640		# rounds and passes that take a bit longer than that


@pytest.mark.parametrize("cpu", ("cortex-a57", "max"))
def test_ten_seconds_of_both_guests_switch_hundreds_of_times_and_corrupt_nothing(image, tmp_path, cpu):
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, *qemu.both(TEN_SECONDS)), cpu=cpu,
                      append=qemu.EACH_REPORT)
    qemu.assert_good(result)
    assert float(re.findall(r"^\[ *([\d.]+)\]", result.text, re.M)[-1]) > 10, result.text[-2000:]
    counts = qemu.switches(result.text)
    assert min(counts.values()) > 300, counts
    assert qemu.turns(result.text) > 600
    final = re.search(r"counter_os: PASS \d+: rounds=(\d+) fp-checks=(\d+) pauth-checks=(\d+)", result.text)
    rounds, fp_checks, pauth_checks = map(int, final.groups())
    assert (rounds, fp_checks) == (TEN_SECONDS, 2 * TEN_SECONDS)
    assert pauth_checks == (TEN_SECONDS if cpu == "max" else 0), "pointer authentication is there on max"
    walked = re.search(r"memwalk_os: PASS \d+: passes=(\d+) bytes=(\d+)", result.text)
    assert int(walked[1]) == TEN_SECONDS and int(walked[2]) > TEN_SECONDS << 18, "each pass checks 256 KiB at least"


@pytest.mark.parametrize("cpu", ("cortex-a53", "max"))
def test_registers_survive_preemption_among_guests_that_all_hold_values_in_them(image, tmp_path, cpu):
    """
    Three counter_os whose values stay in registers for several time slices; out of step, since the values
    are made from the number of the round.
    """
    guests = [qemu.counter(10, f"spins={spins}")._replace(name=f"counter_{n}", kernel="counter_os.elf")
              for n, spins in enumerate((1000000, 1500000, 2300000))]
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, *guests), cpu=cpu)
    assert "powering off, success" in result.text and "FAIL" not in result.text, result.text
    for name, count in qemu.switches(result.text).items():
        assert count > 3 * 10, f"{name} was not preempted within its rounds"
    assert len(re.findall(r"counter_\d: PASS 11: rounds=10 fp-checks=20", result.text)) == 3, result.text


def test_a_guest_alone_is_not_preempted(image, tmp_path):
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, qemu.counter(5, "spins=3000000")))
    qemu.assert_good(result, ["counter_os"])
    assert qemu.switches(result.text)["counter_os"] == 1, result.text


def test_a_guest_that_never_waits_does_not_starve_one_that_does(image, tmp_path):
    """A round of counter_os takes many slices; memwalk_os gets its turns meanwhile."""
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, qemu.counter(3, "spins=5000000"), qemu.memwalk(20)),
                      append=qemu.EACH_REPORT)
    qemu.assert_good(result)
    order = qemu.reporters(result.text)
    first = order.index("counter_os")
    assert order.index("counter_os", first + 1) - first > 4, order


@pytest.mark.parametrize("cpu", ("cortex-a72", "max"))
def test_two_runs_give_the_same_log_byte_for_byte(image, short_package, cpu):
    logs = {qemu.run(kernel=image, initrd=short_package, cpu=cpu, smp=2).text for _ in range(2)}
    assert len(logs) == 1, "the logs differ"
    assert "success" in logs.pop()
