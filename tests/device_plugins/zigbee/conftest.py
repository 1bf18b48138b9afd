"""Blocking calls are looked for in the plugin alone: the virtual radio and the hub in memory may write their files."""

from collections.abc import Iterator

import blockbuster
import pytest

from device_plugins import zigbee


@pytest.fixture(autouse=True)
def no_blocking() -> Iterator[None]:
    with blockbuster.blockbuster_ctx(zigbee):
        yield
