# SPDX-License-Identifier: MIT
"""What mkpackage knows of the build that a package is for, and of files that have one name."""
import re

import pytest

import qemu
from broken.cases import OTHER, Case, source
from test_broken import files, mkpackage  # pylint: disable=unused-import


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """auto.conf of a configuration with less than Kconfig's most, and than its defaults, and no watchdog."""
    out = tmp_path_factory.mktemp("small")
    (out / "small.config").write_text("CONFIG_MAX_VCPUS=3\nCONFIG_MAX_VMS=1\nCONFIG_VDEV_WATCHDOG=n\n", encoding="utf-8")
    qemu.make(f"O={out}/build", f"FRAGMENTS={out}/small.config", f"{out}/build/auto.conf")
    return out / "build/auto.conf"


@pytest.mark.parametrize("vcpus, most, says", ((3, 3, ""), (4, 3, "vcpus: is 4: it must be 1 to CONFIG_MAX_VCPUS, 3"),
                                               (8, 8, ""), (9, 8, "vcpus: is 9: it must be 1 to CONFIG_MAX_VCPUS, 8")))
def test_the_limit_of_vcpus_is_the_configured_one(default, small, files, tmp_path, vcpus, most, says):
    config = small if most == 3 else default / "auto.conf"
    done, _, out = mkpackage(Case(0, "", "", props={"vcpus": f"<{vcpus}>"}), files, tmp_path, "--config", config)
    assert (done.returncode, out.exists()) == ((1, False) if says else (0, True)), done.stderr
    assert says in done.stderr


def test_the_limit_of_vms_is_the_configured_one(small, files, tmp_path):
    done, _, out = mkpackage(Case(0, "", "", other=OTHER.format("", "")), files, tmp_path, "--config", small)
    assert done.returncode == 1 and not out.exists()
    assert "is one VM more than CONFIG_MAX_VMS, 1" in done.stderr, done.stderr


def test_make_passes_the_configuration_to_mkpackage(default, tmp_path):
    case = Case(0, "", "", props={"vcpus": "<9>", "kernel": '"counter_os.elf"'})
    (tmp_path / "many.dts").write_text(source(case), encoding="utf-8")
    done = qemu.try_make(f"O={default}", "package", f"VMS={tmp_path}/many.dts")
    assert done.returncode == 2 and "is 9: it must be 1 to CONFIG_MAX_VCPUS, 8" in done.stdout, done.stdout


def test_a_file_that_is_no_configuration_is_refused(files, tmp_path):
    done, _, out = mkpackage(Case(0, "", ""), files, tmp_path, "--config", qemu.ROOT / "README.md")
    assert done.returncode == 1 and "README.md: is no auto.conf" in done.stderr and not out.exists(), done.stderr


WATCHDOG = Case(0, "", "", props={"devices": '"uart", "watchdog"'})


def test_a_device_whose_option_is_off_is_not_packed(default, small, files, tmp_path):
    done, _, out = mkpackage(WATCHDOG, files, tmp_path, "--config", small)
    assert done.returncode == 1 and not out.exists()
    assert 'devices: lists "watchdog", which this build lacks: CONFIG_VDEV_WATCHDOG is off' in done.stderr, done.stderr
    for args in (["--config", default / "auto.conf"], []):
        done, _, out = mkpackage(WATCHDOG, files, tmp_path, *args)
        assert done.returncode == 0 and out.exists(), done.stderr


def test_a_device_whose_option_is_off_is_refused_at_boot(files, tmp_path):
    _, _, out = mkpackage(WATCHDOG, files, tmp_path)
    result = qemu.run(kernel=qemu.build("no_watchdog", "no_watchdog") / "Image", initrd=out)
    assert 'node vm-a: devices lists "watchdog", which this build lacks: CONFIG_VDEV_WATCHDOG is off' in result.text, result.text
    assert result.status == 1


def test_each_device_that_an_option_decides_on_is_known_by_that_option():
    check = qemu.scripts_module("manifest.check")
    folder = qemu.ROOT / "kernel/vdev"
    by_build = {}
    for option, name in re.findall(r"^obj-\$\((CONFIG_\w+)\) \+= (\w+)\.o", (folder / "build.mk").read_text(encoding="utf-8"), re.M):
        text = (folder / f"{name}.c").read_text(encoding="utf-8")
        by_build.update((device, option) for row in re.findall(r"^VDEV\(.*?^};", text, re.M | re.S)
                        for device in re.findall(r'\.name = "([\w-]+)"', row))
    assert by_build and by_build == check.device_options()


def test_a_file_that_hides_another_is_warned_about(files, tmp_path):
    (tmp_path / "good.elf").write_bytes(b"another")
    done, dts, _ = mkpackage(Case(0, "", ""), files, tmp_path)
    assert done.returncode == 0
    assert f'names "good.elf": {files}/good.elf is taken, {tmp_path}/good.elf is not' in done.stderr, done.stderr
    (tmp_path / "good.elf").write_bytes((files / "good.elf").read_bytes())
    assert mkpackage(Case(0, "", ""), files, tmp_path)[0].stderr == "" and dts.exists()
