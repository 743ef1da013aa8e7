# SPDX-License-Identifier: MIT
"""
Each broken manifest and image of broken/cases.py is refused twice: by scripts/mkpackage, with the place in the
source, and by Schism at boot, when it was packed without checks. Broken machines are in test_refusals.py.
"""
import re
import subprocess

import pytest

import qemu
from broken import images
from broken.cases import CASES, Case, source
from test_error_codes import codes
from test_refusals import REFUSALS, guest_seconds

MKPACKAGE = [qemu.PYTHON, qemu.ROOT / "scripts/mkpackage"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A directory with the images."""
    directory = tmp_path_factory.mktemp("images")
    for name, data in images.FILES.items():
        (directory / name).write_bytes(data)
    return directory


def mkpackage(case, files, tmp_path, *args):
    dts, out = tmp_path / "broken.dts", tmp_path / "broken.cpio"
    dts.write_text(source(case), encoding="utf-8")
    done = subprocess.run([*MKPACKAGE, dts, "-o", out, "--search", files, *args], capture_output=True, text=True, check=False)
    return done, dts, out


def test_the_manifest_that_the_cases_alter_is_good(image, files, tmp_path):
    done, _, out = mkpackage(Case(0, "", ""), files, tmp_path)
    assert done.returncode == 0 and out.exists() and not done.stderr, done.stderr
    with qemu.Console(kernel=image, initrd=out) as console:
        text = console.expect("first guest instruction")
    assert "SCHISM-E" not in text


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.pack is not None])
def test_is_refused_when_packed_with_file_line_node_and_property(files, tmp_path, name):
    case = CASES[name]
    done, dts, out = mkpackage(case, files, tmp_path, "--cpus", "4", "--memory", "512M")
    assert done.returncode == 1 and not out.exists(), done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    where = case.where if case.where.startswith("/") else f"/{case.where}"
    first = re.fullmatch(rf"error: (\S+):(\d+): {where}.*{case.pack}.*", lines[0])
    assert first, done.stderr
    assert len(lines) == 1, done.stderr
    # The line is that of the property, or of the node when that has none.
    assert first[1] == str(dts)
    line = dts.read_text(encoding="utf-8").splitlines()[int(first[2]) - 1]
    node, prop = re.match(r"error: .*?: (/[^ ]*): (?:([\w,#-]+): )?", first[0]).groups()
    assert re.search(rf"(^|\s){prop or '?'}( =|;)", line) or f"{node.rsplit('/', 1)[1]} {{".lstrip() in line, first[0]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.boot is not None])
def test_is_refused_at_boot_with_code_culprit_and_remedy_within_two_seconds(image, files, tmp_path, name):
    case = CASES[name]
    done, _, out = mkpackage(case, files, tmp_path, "--no-check")
    assert done.returncode == 0, done.stderr
    if case.other or case.code == 18:
        result = run_until_refused(image, out)
    else:
        result = qemu.run(kernel=image, initrd=out).text
    cause, remedy = map(re.escape, codes()[case.code])
    words = case.boot or case.pack
    lines = rf"SCHISM-E{case.code:03d}: {cause}\n\[.*\] error:   .*{words}.*\n\[.*\] error:   remedy: {remedy}\n"
    assert re.search(lines, result), result
    culprit = re.match(r"[\w-]+", case.where)
    if culprit and case.code != 10:
        assert re.search(rf"error:   (node {culprit[0]}|VM {culprit[0].removeprefix('vm-')}): ", result), result
    assert guest_seconds(result) < 2, result


def run_until_refused(image, package):
    """The console up to the remedy: another VM of the package runs on."""
    with qemu.Console(kernel=image, initrd=package) as console:
        return console.expect(r"remedy: .*\n")


@pytest.mark.parametrize("args, says", (
    (("--cpus", "4"), r"warning: \S+:\d+: /vm-a: cpus: lists 9, and the machine has 4 CPUs"), ((), "")))
def test_cpus_that_a_machine_may_not_have_are_worth_a_warning(files, tmp_path, args, says):
    case = Case(0, "", "", props={"cpus": "<1 9>"})
    done, _, out = mkpackage(case, files, tmp_path, *args)
    assert done.returncode == 0 and out.exists()
    assert re.fullmatch(says, done.stderr.strip()), done.stderr


def test_cpus_that_the_machine_does_not_have_are_said_at_boot(image, files, tmp_path):
    _, _, out = mkpackage(Case(0, "", "", props={"cpus": "<0 9>"}), files, tmp_path)
    with qemu.Console(kernel=image, initrd=out) as console:
        text = console.expect("first guest instruction")
    assert "a: cpus lists 9, which this machine does not have" in text and "lists 0" not in text, text


def test_a_package_that_cannot_be_made_is_not_left_behind_half(files, tmp_path):
    dts = tmp_path / "syntax.dts"
    dts.write_text("/dts-v1/; / { vm-a { vcpus = 1; }; };", encoding="utf-8")
    done = subprocess.run([*MKPACKAGE, dts, "-o", tmp_path / "out.cpio"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "syntax.dts:1.30" in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["syntax.dts"]


def test_the_collection_is_large_and_covers_every_code():
    assert len(CASES) + len(REFUSALS) >= 100
    assert {case.code for case in CASES.values()} >= {10, 11, 14, 15, 16, 17, 18}
