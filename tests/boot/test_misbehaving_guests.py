# SPDX-License-Identifier: MIT
"""What a guest does wrong happens to that guest, and to nobody else."""
import re
import subprocess

import pytest

import qemu

ROUNDS = 10


def run_beside_counter(image, tmp_path, culprit, *args, **options):
    return qemu.run(*args, kernel=image, initrd=qemu.pack(tmp_path, qemu.counter(ROUNDS), culprit),
                    append=qemu.EACH_REPORT, **options)


def assert_counter_was_undisturbed(text):
    rounds = [int(n) for n in re.findall(r"counter_os: report \d+: rounds=(\d+)", text)]
    assert rounds == list(range(1, ROUNDS + 1)), text
    assert qemu.passed(text) >= {"counter_os"}, text


@pytest.mark.parametrize("cpu", ("cortex-a53", "cortex-a72", "max"))
def test_each_stray_access_gives_the_guest_an_exception_and_its_sibling_goes_on(image, tmp_path, cpu):
    """memwalk_os itself insists on an abort of the right syndrome for each access; here the counts add up."""
    culprit = qemu.memwalk(ROUNDS, "stray=1")
    result = run_beside_counter(image, tmp_path, culprit, cpu=cpu)
    qemu.assert_good(result)
    assert_counter_was_undisturbed(result.text)
    aborts = [int(n) for n in re.findall(r"memwalk_os: report \d+: .* aborts=(\d+)", result.text)]
    each = aborts[0]
    assert each > 100, "loads, stores, pairs, exclusives and execution at four places"
    assert aborts == [each * n for n in range(1, ROUNDS + 1)], aborts
    assert qemu.mailbox(result.text, "memwalk_os")["aborts"] == aborts[-1]


def test_each_abort_is_told_or_counted(image, tmp_path):
    """A line says what, where and why; however many there are, a few lines, and none is forgotten."""
    result = run_beside_counter(image, tmp_path, qemu.memwalk(ROUNDS, "stray=1"))
    qemu.assert_good(result)
    told = re.findall(r"memwalk_os: abort: (\w+) of IPA 0x(\w+), pc 0x402\w+: nothing is there", result.text)
    assert len(told) >= 16 and told[0] == ("read", "3ffff000"), result.text
    assert not any(0x40000000 <= int(ipa, 16) < 0x40800000 - 8 for _, ipa in told), told
    hidden = [int(n) for n in re.findall(r"(\d+) more(?: aborts)?, not shown", result.text)]
    assert len(told) + sum(hidden) == qemu.mailbox(result.text, "memwalk_os")["aborts"], result.text
    assert len(told) < 64 and "counter_os: abort" not in result.text, result.text


def test_the_variant_built_to_stray_does_so_without_being_asked(image, tmp_path):
    culprit = qemu.memwalk(ROUNDS, kernel="memwalk_stray.elf")
    result = run_beside_counter(image, tmp_path, culprit)
    qemu.assert_good(result)
    assert qemu.mailbox(result.text, "memwalk_os")["aborts"] > 100 * ROUNDS


def test_a_guest_that_does_not_stray_counts_no_aborts(image, short_package):
    result = qemu.run(kernel=image, initrd=short_package)
    qemu.assert_good(result)
    assert set(re.findall(r"memwalk_os: .* aborts=(\d+)", result.text)) == {"0"}


@pytest.mark.parametrize("cpu", ("cortex-a57", "max"))
def test_a_guest_without_vectors_dies_alone_with_a_crash_record(image, tmp_path, cpu):
    result = run_beside_counter(image, tmp_path, qemu.crash(), cpu=cpu)
    assert_counter_was_undisturbed(result.text)
    assert re.search(r"error: crash_os: CRASHED on vCPU 0: .*vector", result.text), result.text
    record = result.text[result.text.index("CRASHED"):]
    for what in (r"pc +(0x)?[0-9a-f]{8,}", r"x0 +[0-9a-f]{16}", r"x28 +[0-9a-f]{16}", r"ESR", r"crash_os: mailbox",
                 r"MPIDR_EL1 +0x"):
        assert re.search(what, record), f"no {what} in the crash record:\n{record}"
    assert "crash_os: crashed," in result.text and "counter_os: stopped," in result.text, result.text
    qemu.assert_failed(result)


def symbol(guest, name):
    """The address of a symbol in a guest's image."""
    table = subprocess.run([qemu.cross("nm"), qemu.guests_dir() / f"{guest}.elf"], check=True, capture_output=True,
                           text=True).stdout
    return int(re.search(rf"^(\w+) . {name}$", table, re.M)[1], 16)


@pytest.mark.parametrize("cpu", ("cortex-a57", "max"))
def test_a_guest_without_vectors_has_its_first_exception_told(image, tmp_path, cpu):
    """It is the guest's own: SIMD, which is off at entry. The abort of the vector's fetch does not hide it."""
    record = run_beside_counter(image, tmp_path, qemu.crash("fp"), cpu=cpu).text
    record = record[record.index("crash_os: CRASHED"):]
    first = re.search(r"first exception: synchronous, at pc 0x(\w+), to the vector at 0x3fc00200\n", record)
    assert first and int(first[1], 16) == symbol("crash_os", "crash_fp_insn"), record
    assert re.search(r"first exception: ESR 0x1fe00000: FP/SIMD access\n", record), record
    assert "FP/SIMD is off (CPACR_EL1)" in record, record
    assert re.search(rf"ELR_EL1 +{int(first[1], 16):016x} ", record), record


@pytest.mark.parametrize("mode, what", (
    ("novector", r"synchronous, at pc 0x402\w+, .*\n.*first exception: ESR 0x96000010: data abort, "
                 r"synchronous external abort of a read"),
    ("irq", r"IRQ, at pc 0x402\w+, to the vector at 0x3fc00280"),
))
def test_the_first_exception_is_told_whichever_it_was(image, tmp_path, mode, what):
    text = run_beside_counter(image, tmp_path, qemu.crash(mode)).text
    assert re.search(rf"crash_os: CRASHED on vCPU 0: .*vector(.*\n)+?.*first exception: {what}", text), text
    assert "FP/SIMD is off" not in text, text


def test_a_guest_that_takes_aborts_for_ever_keeps_only_its_own_slices(image, tmp_path):
    """
    Its vector is unmapped by its own stage 1, so Schism never hears of it; only the tick gets it off the CPU.
    No instruction ever completes, so QEMU must not count time in instructions here.
    """
    package = qemu.pack(tmp_path, qemu.counter(ROUNDS), qemu.crash("nomap"))
    with qemu.Console(kernel=image, initrd=package, icount=False, append=qemu.EACH_REPORT) as console:
        console.expect(r"counter_os: off, \d+ reports, 0 failed")
        console.send("\x1dv")
        text = console.expect(r"crash_os: running, .*\n.*\n.*\n")
        console.send("\x1dx")
        assert_counter_was_undisturbed(console.end().text)
    assert re.search(r"vCPU 0: (running|ready), \d+ switches", text), text


@pytest.mark.parametrize("mode", ("undef", "overflow", "fail"))
def test_a_guest_that_reports_failure_makes_the_machine_end_in_failure(image, tmp_path, mode):
    result = run_beside_counter(image, tmp_path, qemu.crash(mode))
    assert_counter_was_undisturbed(result.text)
    assert re.search(r"crash_os: FAIL", result.text), result.text
    assert "crash_os: stopped," in result.text, "it has vectors: it switches itself off"
    qemu.assert_failed(result)


def test_a_guest_that_resets_starts_again_while_its_sibling_goes_on(image, tmp_path):
    package = qemu.pack(tmp_path, qemu.counter(ROUNDS), qemu.crash("reset"))
    with qemu.Console(kernel=image, initrd=package, append=qemu.EACH_REPORT) as console:
        console.expect(r"counter_os: off, \d+ reports, 0 failed")
        console.expect(r"crash_os: reset \(")
        console.send("\x1dx")
        text = console.end().text
    assert_counter_was_undisturbed(text)
    resets = [int(n) for n in re.findall(r"crash_os: reset \((\d+) so far\)", text)]
    assert resets == list(range(1, len(resets) + 1)) and len(resets) > 3, resets
    assert len(re.findall(r"\[crash_os\] crash_os: mode reset", text)) >= len(resets), "it did not start anew"


def test_two_crashes_leave_the_third_guest_alone(image, tmp_path):
    culprits = [qemu.crash()._replace(name=f"crash_{n}", kernel="crash_os.elf") for n in range(2)]
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, qemu.counter(ROUNDS), *culprits),
                      append=qemu.EACH_REPORT)
    assert_counter_was_undisturbed(result.text)
    assert re.findall(r"(crash_\d): CRASHED", result.text) == ["crash_0", "crash_1"], result.text


def test_guest_output_comes_line_by_line_under_the_guests_name(image, tmp_path):
    result = run_beside_counter(image, tmp_path, qemu.crash("fail"))
    assert re.search(r"^\[crash_os\] FAIL: crash_os: as asked$", result.text, re.M), result.text
