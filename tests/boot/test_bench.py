# SPDX-License-Identifier: MIT
"""
Paths into EL2 and back do not get dearer unnoticed: what the bench guest measures, against the reference of
tests/bench. "make bench" has Linux as well, and UPDATE=1.
"""
import sys

import pytest

import qemu

sys.path.insert(0, str(qemu.ROOT / "tests/bench"))
import bench  # noqa: E402 (in tests/bench)


@pytest.mark.parametrize("cpu", bench.CPUS)
def test_no_path_is_dearer_than_the_reference(cpu):
    known = bench.reference()
    if known["compiler"] != bench.compiler_version():
        pytest.skip(f"the reference is of {known['compiler']}, this is {bench.compiler_version()}")
    complaints = bench.dearer(bench.figures(cpu), known["figures"][cpu], cpu)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("now, then, complains", [
    (95, 95, False), (60, 95, False), (105, 95, False), (106, 95, True), (1050, 1000, False), (1051, 1000, True),
])
def test_dearer_is_more_than_ten_instructions_and_five_percent(now, then, complains):
    assert bool(bench.dearer({"path": now}, {"path": then}, "cpu")) == complains


def test_a_figure_without_a_reference_and_one_that_is_gone_are_complained_of():
    assert len(bench.dearer({"new": 1}, {"old": 1}, "cpu")) == 2
