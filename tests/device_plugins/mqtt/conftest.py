"""A broker for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.device_plugins.mqtt.broker import MOSQUITTO, Broker


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """A running Mosquitto without passwords."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
    made = Broker(tmp_path / "broker")
    try:
        await made.start()
        yield made
    finally:
        made.kill()
