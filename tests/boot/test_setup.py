# SPDX-License-Identifier: MIT
"""What is taken from packages that are fetched, which is not where it was in each release."""
import lzma
import subprocess

import pytest

import qemu

# ---- packages that are fetched -----------------------------------------------------------------------


def deb(directory, name, files):
    """A package DIRECTORY/NAME.deb with these files."""
    root = directory / f"{name}.root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(f"Package: {name}\nVersion: 1\nArchitecture: arm64\nMaintainer: x <x@example.org>\n"
                                         "Description: x\n")
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    subprocess.run(["dpkg-deb", "--build", root, directory / f"{name}.deb"], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("place", ["bin", "usr/bin"])
def test_busybox_is_found_where_its_release_has_it(tmp_path, place):
    (tmp_path / "debs").mkdir()
    deb(tmp_path / "debs", "busybox-static", {f"{place}/busybox": b"it", "usr/share/busybox": b"else"})
    qemu.make(f"O={tmp_path}/out", f"SCHISM_CACHE={tmp_path}", f"{tmp_path}/out/linux/busybox")
    assert (tmp_path / "out/linux/busybox").read_bytes() == b"it"


def test_a_module_is_unpacked_where_its_release_compresses_it(tmp_path):
    (tmp_path / "debs").mkdir()
    deb(tmp_path / "debs", "linux-image-cloud-arm64", {"usr/lib/modules/6/kernel/ramoops.ko.xz": lzma.compress(b"it")})
    qemu.make(f"O={tmp_path}/out", f"SCHISM_CACHE={tmp_path}", f"{tmp_path}/out/linux/ramoops.ko")
    assert (tmp_path / "out/linux/ramoops.ko").read_bytes() == b"it"


def test_a_package_without_the_file_is_named(tmp_path):
    (tmp_path / "debs").mkdir()
    deb(tmp_path / "debs", "x", {"usr/bin/x": b""})
    done = subprocess.run([qemu.PYTHON, "scripts/deb-file", tmp_path / "debs/x.deb", tmp_path / "x", "./bin/x"],
                          cwd=qemu.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "x.deb: no file in it is called ./bin/x" in done.stderr, done.stderr
    assert not (tmp_path / "x").exists()
