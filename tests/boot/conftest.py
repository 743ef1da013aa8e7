# SPDX-License-Identifier: MIT
"""The builds and packages that several tests share, and which tests are this shard's."""
import os

import pytest

import qemu


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """SCHISM_SHARD=I/N (scripts/shard.py) of what is left of the other selections."""
    shard = qemu.scripts_module("shard")
    mine = shard.part(shard.parse(os.environ.get("SCHISM_SHARD", "1/1")), items)
    others = set(items) - set(mine)
    if others:
        config.hook.pytest_deselected(items=[item for item in items if item in others])
        items[:] = mine


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
