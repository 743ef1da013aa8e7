# SPDX-License-Identifier: MIT
"""What is chosen in the configuration shows in what boots."""
import re

import pytest

import qemu

DEFAULT = ("time slice 10000 us", "list registers: 4 of 4", "guard pages: image 1, stacks 1, VM carve-outs 16")
OTHER = ("time slice 1000 us", "list registers: 1 of 4", "guard pages: image 16, stacks 16, VM carve-outs 16")


def test_each_choice_shows_in_the_boot_log(image, other, short_package):
    texts = [qemu.run(kernel=kernel, initrd=short_package).text for kernel in (image, other / "Image")]
    for text, lines in zip(texts, (DEFAULT, OTHER)):
        for line in lines:
            assert line in text, text
    assert not any(line in texts[1] for line in DEFAULT[:2])


def test_a_shorter_time_slice_makes_more_context_switches(image, other, tmp_path):
    package = qemu.pack(tmp_path, *qemu.both(40))
    counts = []
    for kernel in (image, other / "Image"):
        result = qemu.run(kernel=kernel, initrd=package)
        qemu.assert_good(result)
        counts.append(sum(qemu.switches(result.text).values()))
    # Not ten times as many: those that come of the guests' own sleep stay.
    assert counts[1] > 2.5 * counts[0], counts


def test_the_embedded_guests_are_those_that_were_chosen(image, other):
    created = []
    for kernel in (image, other / "Image"):
        with qemu.Console(kernel=kernel) as console:
            text = console.expect("first guest instruction")
        created.append(re.findall(r"\] (\w+): VM \d", text))
    assert created == [["counter_os", "memwalk_os"], ["counter_os"]]


def test_no_more_list_registers_are_used_than_the_cpu_has(image, short_package):
    """The default asks for 16; QEMU's cores have 4."""
    text = qemu.run(kernel=image, initrd=short_package).text
    used, there = re.search(r"list registers: (\d+) of (\d+)", text).groups()
    assert used == there


def test_an_initrd_wins_over_the_embedded_package(image, tmp_path):
    result = qemu.run(kernel=image, initrd=qemu.pack(tmp_path, qemu.memwalk(5)))
    qemu.assert_good(result, ["memwalk_os"])
    assert "initrd package: 2 files" in result.text


def test_an_image_without_guests_takes_them_from_the_boot_loader(empty, short_package):
    qemu.assert_good(qemu.run(kernel=empty / "Image", initrd=short_package))


def auto_conf(out, *args, status=0):
    """What make says, and CONFIG_MAX_VMS as the build then has it."""
    done = qemu.try_make(f"O={out}", *args, f"{out}/auto.conf")
    assert done.returncode == status, done.stdout
    return done.stdout, re.search(r"^CONFIG_MAX_VMS := (.*)", (out / "auto.conf").read_text(encoding="utf-8"), re.M)[1]


def test_a_fragment_counts_by_what_is_in_it_now(tmp_path):
    out, fragment = tmp_path / "build", tmp_path / "mine.config"
    with_it = f"FRAGMENTS={fragment}"
    # Named again, not named, and named again with the time of long ago.
    for value, args in (("3", [with_it]), ("4", [with_it]), ("5", []), ("6", [with_it])):
        fragment.write_text(f"CONFIG_MAX_VMS={value}\n", encoding="utf-8")
        assert auto_conf(out, *args)[1] == value
    assert auto_conf(out, with_it) == ("", "6")


def test_what_was_changed_by_hand_is_not_lost_to_a_fragment(tmp_path):
    out, fragment = tmp_path / "build", tmp_path / "mine.config"
    fragment.write_text("CONFIG_MAX_VMS=3\n", encoding="utf-8")
    auto_conf(out, f"FRAGMENTS={fragment}")
    config = out / ".config"
    by_hand = config.read_text(encoding="utf-8").replace("MAX_VMS=3", "MAX_VMS=7")
    config.write_text(by_hand, encoding="utf-8")
    assert auto_conf(out) == ("", "7")
    fragment.write_text("CONFIG_MAX_VMS=4\n", encoding="utf-8")
    said, value = auto_conf(out)
    assert value == "7" and f"what is new in {fragment} has no effect on {config}, which was changed by hand" in said, said
    # Asked for by name it counts, and the other one is kept.
    said, value = auto_conf(out, f"FRAGMENTS={fragment}")
    assert value == "4" and (out / ".config.old").read_text(encoding="utf-8") == by_hand, said
    assert ".config.old" in said


def test_a_configuration_and_a_goal_are_made_in_their_order(tmp_path):
    assert auto_conf(tmp_path, "qemu_virt_defconfig")[1] == "32"


NONSENSE = {
    "CONFIG_NOPE=y": "CONFIG_NOPE: no such symbol",
    "# CONFIG_NOPE is not set": "CONFIG_NOPE: no such symbol",
    "CONFIG_MAX_VMS=99": "CONFIG_MAX_VMS: 99 is out of range 1..64",
    "CONFIG_MAX_VMS=010": "CONFIG_MAX_VMS: '010' is not a decimal number",
    "CONFIG_MAX_VMS = 3": "neither an assignment nor a comment",
    "MAX_VMS=3": "neither an assignment nor a comment",
    "CONFIG_SHELL=yes": "CONFIG_SHELL: 'yes' is not a value of a bool",
    "#CONFIG_SHELL is not set": "is a comment, not '# CONFIG_NAME is not set'",
    "CONFIG_CHECK_INVARIANTS=y\nCONFIG_DEBUG_ASSERT=n": "CONFIG_CHECK_INVARIANTS: y has no effect: it depends on DEBUG_ASSERT",
    "CONFIG_OPT_SPEED=n": "CONFIG_OPT_SPEED: n has no effect",
    "\udcff": "is not text in UTF-8",
}


@pytest.mark.parametrize("line", NONSENSE)
def test_nonsense_in_a_fragment_that_was_good_is_refused_with_its_place(tmp_path, line):
    out, fragment = tmp_path / "build", tmp_path / "mine.config"
    fragment.write_text("CONFIG_MAX_VMS=3\n", encoding="utf-8")
    auto_conf(out, f"FRAGMENTS={fragment}")
    fragment.write_text(f"# mine\n{line}\n", encoding="utf-8", errors="surrogateescape")
    for args in ([f"FRAGMENTS={fragment}"], []):
        said, value = auto_conf(out, *args, status=2)
        assert re.search(rf"^error: {fragment}(:2:|: line 2) .*{re.escape(NONSENSE[line])}", said, re.M), said
        assert value == "3" and "Traceback" not in said
