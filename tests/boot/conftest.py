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
    """Directory of a build that can do more: guests that end, self-tests, QEMU's status by semihosting."""
    return qemu.build("checked", "rounds", "selftest", "semihosting")


@pytest.fixture(scope="session")
def short_package(tmp_path_factory):
    """Both guests, for a fraction of a second."""
    return qemu.pack(tmp_path_factory.mktemp("short"), *qemu.both(20))
