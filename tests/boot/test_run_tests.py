# SPDX-License-Identifier: MIT
"""The runner of the phases, scripts/run-tests: what it counts, what it leaves in JUnit files, and shards."""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

import qemu

CHEAP = "without_a_checkout"	# a test that needs neither a build nor QEMU


def run(line, **env):
    # A selection that takes in one of these tests would never end.
    assert "SCHISM_NESTED" not in os.environ
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PYTEST", "SCHISM_SHARD", "SHARD"))}
    return subprocess.run(["timeout", str(qemu.TIMEOUT), *line], cwd=qemu.ROOT, env={**clean, **env, "SCHISM_NESTED": "1"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def run_tests(build, *arguments):
    return run([sys.executable, "scripts/run-tests", "--build", str(build), *arguments])


def program(path, script):
    path.write_text("#!/bin/sh\n" + script, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def cases(report):
    """Of a JUnit file: {test: None or (failure or error, what it printed)}."""
    return {f"{case.get('classname')}:{case.get('name')}": next(((end.tag, end.text or "") for end in case), None)
            for case in ElementTree.parse(report).iter("testcase")}


# ---- what counts -------------------------------------------------------------------------------------

SELECTIONS = (
    ("-k nosuchtest", ["PYTEST_ARGS=-k nosuchtest: no test is selected", "0 passed, 1 failed"], 1),
    (f"-k '{CHEAP} and version' -n 0", ["1 passed, 0 failed"], 0),
    (f"-k '{CHEAP} and nosuchtest' -n 0", ["no test is selected"], 1),
    (f"-k '{CHEAP}", ["PYTEST_ARGS=-k 'without_a_checkout: No closing quotation"], 2))


# Not named by what they select, which would be these then, too.
@pytest.mark.parametrize("selection, words, status", SELECTIONS, ids=range(len(SELECTIONS)))
def test_no_test_at_all_is_a_failure_and_quotes_are_the_shells(tmp_path, selection, words, status):
    # Two phases: one of them may have none.
    done = run_tests(tmp_path, f"--pytest-args={selection}", "boot", "variants")
    assert done.returncode == status and "Traceback" not in done.stdout, done.stdout
    for word in words:
        assert word in done.stdout, done.stdout


def test_make_passes_quotes_on(default):
    words = """-k 'a and "b"' --x="it's" $HOME"""
    done = run(["make", "-n", f"O={default}", "SETUP=no", "boot-test", f"PYTEST_ARGS={words.replace('$', '$$')}"])
    line, = (line for line in done.stdout.splitlines() if "scripts/run-tests" in line)
    said = run(["/bin/bash", "-c", re.sub(r"^\S+ scripts/run-tests", "printf '<%s>'", line)]).stdout
    assert f"<--pytest-args={words}>" in said, said


# ---- JUnit -------------------------------------------------------------------------------------------

CMOCKA = """
echo '[==========] tests: Running 4 test(s).'
echo '[ RUN      ] test_good'; printf 'seed 1'
echo '[       OK ] test_good'
echo '[ RUN      ] test_bad'
printf '1 != 2 in <words> & \\001\\n'
echo '[  FAILED  ] test_bad'
echo '[ RUN      ] test_left_out'
echo '[  SKIPPED ] test_left_out'
echo '[ RUN      ] test_deadly'
"""


def test_each_unit_test_is_in_the_junit_file(tmp_path):
    good = program(tmp_path / "test_fine", "echo '[ RUN      ] test_x'; echo '[       OK ] test_x'\n")
    bad = program(tmp_path / "test_mixed", CMOCKA + "echo SEGV of ours; exit 1\n")
    silent = program(tmp_path / "test_silent", "echo nothing said; exit 3\n")
    leaky = program(tmp_path / "test_leaky", "echo '[ RUN      ] test_y'; echo '[       OK ] test_y'; echo leaks; exit 23\n")
    done = run_tests(tmp_path, "--unit", " ".join((good, bad, silent, leaky)), "check")
    assert done.returncode == 1 and done.stdout.endswith("3 passed, 4 failed\n"), done.stdout
    found = cases(tmp_path / "results-unit.xml")
    assert [name for name, end in found.items() if end is None] == [
        "test_fine.c:test_x", "test_mixed.c:test_good", "test_leaky.c:test_y"], found
    assert found["test_mixed.c:test_bad"] == ("failure", "1 != 2 in <words> & ?\n")
    assert found["test_mixed.c:test_left_out"][0] == "skipped"
    assert found["test_mixed.c:test_deadly"] == ("error", "SEGV of ours\n")
    assert "ended with status 3" in found["test_silent.c:as a whole"][1]
    assert "leaks" in found["test_leaky.c:as a whole"][1]
    suite = ElementTree.parse(tmp_path / "results-unit.xml").getroot()
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "8", "failures": "1", "errors": "3", "skipped": "1"}


# ---- shards ------------------------------------------------------------------------------------------

def collected(shard=None):
    env = {"SCHISM_SHARD": shard} if shard else {}
    done = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", "tests/boot"], **env)
    assert done.returncode == 0, done.stdout
    return re.findall(r"^tests/boot/\S+::.*$", done.stdout, re.M)


def test_shards_are_the_whole_and_have_nothing_in_common():
    whole = collected()
    parts = [collected(f"{i}/3") for i in (1, 2, 3)]
    assert sorted(sum(parts, [])) == sorted(whole) and len(set(whole)) == len(whole) > 300
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    # So do the long ones: of every file with many tests each shard has its share.
    variants = [sum("test_variants" in test for test in part) for part in parts]
    assert max(variants) - min(variants) <= 1


def test_unit_tests_and_lint_are_dealt_out_too(default, tmp_path):
    def programs(*shard):
        line = run(["make", "-n", f"O={default}", "SETUP=no", "check", *shard]).stdout
        return re.search(r"--unit '(.*?)'", line)[1].split()
    parts = [programs(f"SHARD={i}/3") for i in (1, 2, 3)]
    assert sorted(sum(parts, [])) == sorted(programs()) and len(parts[0]) > 5
    # What layering is to look at was not built there: it fails.
    lint = [re.search(r"\d+ passed, \d+ failed", run_tests(tmp_path, f"--shard={i}/4", "--headers=/dev/null", "lint").stdout)[0]
            for i in (1, 2, 4)]
    assert lint == ["1 passed, 0 failed", "0 passed, 1 failed", "0 passed, 0 failed"]


def test_a_shard_without_a_test_is_none_only_if_the_others_have_none_either(tmp_path):
    one = [run_tests(tmp_path, f"--pytest-args=-k {CHEAP} -n 0", f"--shard={i}/2", "boot") for i in (1, 2)]
    assert [done.returncode for done in one] == [0, 0], one
    assert sorted(done.stdout.splitlines()[-1] for done in one) == ["0 passed, 0 failed", "1 passed, 0 failed"]
    none = run_tests(tmp_path, "--pytest-args=-k nosuchtest -n 0", "--shard=2/2", "boot")
    assert none.returncode == 1 and "no test is selected" in none.stdout, none.stdout


@pytest.mark.parametrize("shard", ("0/3", "4/3", "1", "a/b", "1/0"))
def test_a_shard_that_is_none_is_refused_before_anything_is_built(default, shard):
    done = run(["make", "-s", f"O={default}", "SETUP=no", "test", f"SHARD={shard}"])
    assert done.returncode == 2 and f"error: SHARD={shard}: not a part such as 1/4" in done.stdout, done.stdout
    assert "==" not in done.stdout, done.stdout
