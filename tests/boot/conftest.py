# SPDX-License-Identifier: MIT
"""The builds and packages that several tests share."""
import pytest

import qemu


@pytest.fixture(scope="session")
def default():
    """Directory of the default build."""
    return qemu.default_build()


@pytest.fixture(scope="session")
def image(default):
    return default / "Image"


@pytest.fixture(scope="session")
def checked():
    """Directory of a build that can do more: guests that end, and self-tests."""
    return qemu.build("checked", "rounds", "selftest")


@pytest.fixture(scope="session")
def short_package(tmp_path_factory):
    """Both guests, for a fraction of a second."""
    return qemu.pack(tmp_path_factory.mktemp("short"), *qemu.both(20))


@pytest.fixture(scope="session")
def other():
    """Directory of a build whose every visible choice differs from the default's."""
    return qemu.build("other", "nr_lrs_1", "guard_16", "slice_1ms", "counter_only")


@pytest.fixture(scope="session")
def empty():
    """Directory of a build with no guests in it."""
    return qemu.build("empty", "no_package")
