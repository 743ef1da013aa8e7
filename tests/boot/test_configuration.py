# SPDX-License-Identifier: MIT
"""What is chosen in the configuration shows in what boots."""
import re

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
