# SPDX-License-Identifier: MIT
"""A device tree overlay reaches the guest: Linux finds what it adds."""
import subprocess

import pytest

import linux
import qemu

OVERLAY = """/dts-v1/; /plugin/;
&{/} { hello { compatible = "test,hello"; greeting = "from the overlay"; }; };
"""


@pytest.fixture(name="overlay")
def fixture_overlay(tmp_path):
    source, out = tmp_path / "hello.dts", tmp_path / "hello.dtbo"
    source.write_text(OVERLAY, encoding="utf-8")
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", out, source], check=True)
    return out


def test_linux_sees_what_an_overlay_adds(tmp_path, overlay):
    guest = linux.guest(vcpus=1)
    guest.props["dtb-overlay"] = overlay.name
    package = linux.pack(tmp_path, guest, run="cat /proc/device-tree/hello/greeting")
    result = qemu.run(kernel=linux.image(), initrd=package, timeout=linux.PATIENCE)
    assert "from the overlay" in result.text, result.text[-3000:]


def test_an_overlay_that_is_none_is_refused(tmp_path, overlay):
    overlay.write_bytes(b"no device tree, but some bytes")
    files = [("counter_os.elf", (qemu.guests_dir() / "counter_os.elf").read_bytes()), ("hello.dtbo", overlay.read_bytes())]
    guest = qemu.counter(1)._replace(props={"dtb-overlay": "hello.dtbo"})
    package = qemu.pack_unchecked(tmp_path, guest, qemu.counter(1)._replace(name="other", kernel="counter_os.elf"),
                                  files=files)
    result = qemu.run(kernel=linux.image(), initrd=package)
    assert "dtb-overlay: cannot be applied: FDT_ERR" in result.text, result.text
    assert "other: PASS" in result.text, "the other VM starts"
