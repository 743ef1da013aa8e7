# SPDX-License-Identifier: MIT
"""
Random numbers that guests are given (TRNG), and what they are made of: RNDR, the tree's seed, or nothing. The
seed is in a tree that a loader places, since QEMU replaces those in trees that it passes.
"""
import random
import re

import pytest

import qemu

SEED = bytes(range(7, 39))
POOR = "no entropy, neither RNDR nor 32 bytes in /chosen/rng-seed: EL2's canary and keys can be guessed; guests get " \
       "no random numbers"
ROUNDS = 16


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """Two VMs of two vCPUs each."""
    return qemu.pack(tmp_path_factory.mktemp("draw"),
                     *(qemu.Guest(name, f"rounds={ROUNDS}", kernel="draw.elf", props={"vcpus": [2]})
                       for name in ("one", "two")))


def placed(directory, image, package, seed, mem="512M"):
    """Arguments for a machine whose tree has this seed."""
    tree = qemu.dump_tree(directory / "virt.dtb", smp=2, mem=mem)
    assert "rng-seed" not in tree["chosen"].props
    if seed is not None:
        tree["chosen"].set("rng-seed", seed)
    return qemu.place_by_loader(directory, image, tree, package)


def drawn(text):
    """The answers: {VM: [(vCPU, result, number, number, number)]}."""
    found = {}
    for vm, vcpu, result, *numbers in re.findall(r"^\[(\w+)\] DRAW (\d) (-?\d+) (\w{16}) (\w{16}) (\w{16})$", text, re.M):
        found.setdefault(vm, []).append((int(vcpu), int(result), *(int(number, 16) for number in numbers)))
    assert {vm: len(lines) for vm, lines in found.items()} == {"one": 2 * ROUNDS, "two": 2 * ROUNDS}, text
    return found


def run(*args, **options):
    result = qemu.run(*args, smp=2, **options)
    assert result.status == 0 and "all VMs are off: powering off, success" in result.text, result.text
    return result.text


def numbers(text):
    """All of them, which are not to be refused, and where the log has no complaint."""
    answers = [line for lines in drawn(text).values() for line in lines]
    assert {result for _, result, *_ in answers} == {0}, text
    assert POOR not in text
    return [number for _, _, *three in answers for number in three]


def assert_all_differ(*lists):
    """No number twice, in any of them: of some hundred, two would be the same once in 10^15 times."""
    every = [number for found in lists for number in found]
    assert len(set(every)) == len(every)


def assert_refused(text):
    """NO_ENTROPY to whoever asks, and one line that says what EL2's own secrets are worth."""
    assert {line[1:] for lines in drawn(text).values() for line in lines} == {(-3, 0, 0, 0)}, text
    assert text.count(POOR) == 1 and re.search(rf"\] warning: {POOR}\n", text), text


def test_without_rndr_and_seed_guests_get_no_numbers(image, package):
    assert_refused(run(kernel=image, initrd=package))


@pytest.mark.parametrize("seed", (SEED[:31], bytes(32), b"\xff" * 64), ids=("short", "blank", "erased"))
def test_a_seed_that_is_worth_nothing_is_none(image, package, tmp_path, seed):
    assert_refused(run(*placed(tmp_path, image, package, seed)))


def test_numbers_of_a_seed_differ_between_vms_vcpus_and_seeds(image, package, tmp_path):
    """The same seed at the same time gives the same numbers: they are made of nothing else."""
    first = numbers(run(*placed(tmp_path, image, package, SEED)))
    again = numbers(run(*placed(tmp_path, image, package, SEED)))
    other = numbers(run(*placed(tmp_path, image, package, SEED[:31] + b"\0")))
    assert first == again
    assert_all_differ(first, other)


def test_numbers_of_two_boots_with_qemu_s_own_seed_differ(image, package):
    assert_all_differ(*(numbers(run(kernel=image, initrd=package, machine="dtb-randomness=on")) for _ in range(2)))


def test_rndr_needs_no_seed(image, package):
    assert_all_differ(*(numbers(run(kernel=image, initrd=package, cpu="max")) for _ in range(2)))


def test_a_seed_is_nowhere_in_ram_after_the_boot(image, package, tmp_path):
    """Nor a quarter of it: RAM is a file here, and what is left there is what the machine left."""
    ram = tmp_path / "ram"
    seed = random.Random(8439).randbytes(32)
    text = run(*placed(tmp_path, image, package, seed, mem="128M"), "-object",
               f"memory-backend-file,id=ram,size=128M,mem-path={ram},share=on", machine="memory-backend=ram", mem="128M")
    numbers(text)
    left = ram.read_bytes()
    # The file is what the machine had: the image, for one, is there.
    assert image.read_bytes()[:4096] in left
    assert not [at for at in range(0, 32, 8) if seed[at:at + 8] in left]
