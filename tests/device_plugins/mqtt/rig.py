"""What the MQTT tests share: a hub in memory with the plugin on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from device_plugins.mqtt.plugin import BrokerStatus, Mqtt
from device_plugins.sdk import Device, PairingStep
from hub.testing import HubInMemory, running
from tests.device_plugins.mqtt.broker import Broker
from tests.harness.waiting import eventually

LAMP = {
    "id": "lamp",
    "name": "Hall lamp",
    "presence": {"topic": "lamp/lwt"},
    "feature": [
        {"capability": "on_off", "topic": "lamp/state", "command_topic": "lamp/set"},
        {"capability": "level", "topic": "lamp/level", "command_topic": "lamp/level/set", "scale": 100 / 255},
    ],
}
SENSOR = {
    "id": "sensor",
    "feature": [
        {"capability": "temperature", "topic": "sensor/json", "path": "t", "unit": "°F"},
        {"capability": "humidity", "topic": "sensor/json", "path": "more.0"},
        {"capability": "button", "topic": "sensor/button", "values": {"1": "single", "2": "double"}},
    ],
}
LAMP_ID, SENSOR_ID = "mqtt.table.lamp", "mqtt.table.sensor"


class Rig:
    """A hub with the plugin."""

    def __init__(self, hub: HubInMemory) -> None:
        self.hub = hub
        self.announced: dict[str, Device] = {}

    @property
    def plugin(self) -> Mqtt:
        found = self.hub.plugin("mqtt")
        assert isinstance(found, Mqtt)
        return found

    async def announce(self, device: Device) -> None:
        self.announced[device.id] = device

    async def start(self, port: int, **config: object) -> None:
        await self.hub.run(Mqtt, {"port": port, "conventions": [], "start_wait": 30.0, **config})
        await self.settled()

    async def settled(self) -> None:
        """Wait until the broker knows all that the plugin wants to hear."""
        link = self.plugin.link
        await eventually(lambda: link.connection is None or not link.pending, 20.0, "all is subscribed")

    async def stop(self) -> None:
        assert await self.hub.stop("mqtt") == ""

    @property
    def protocol(self) -> dict[str, str]:
        found: dict[str, str] = self.hub.state.get("protocol/mqtt", {})
        return found

    def value(self, device: str, key: str) -> Any:  # noqa: ANN401 - JSON-like
        return self.hub.state.get(f"device/{device}/{key}")

    async def becomes(self, device: str, key: str, value: object, within: float = 10.0) -> None:
        await eventually(lambda: self.value(device, key) == value, within, f"{device} {key} being {value!r}")

    async def command(self, device: str, key: str, command: str, **arguments: object) -> None:
        await self.hub.call("mqtt.command", device=device, key=key, command=command, arguments=arguments)

    async def status(self) -> BrokerStatus:
        found: BrokerStatus = await self.hub.call("mqtt.status")
        return found

    def steps(self) -> list[PairingStep]:
        return [event.data for event in self.hub.events_of("devices.pairing")]

    async def goes_down(self, reason: str, within: float = 20.0) -> None:
        await eventually(
            lambda: self.protocol["status"] == "down" and reason in self.protocol["reason"], within, reason
        )

    async def comes_up(self) -> None:
        """Turn the clock until the broker is there again."""
        await self.in_time(lambda: self.protocol["status"] == "ready", "the broker is there")

    async def in_time(self, predicate: Callable[[], object], what: str, within: float = 20.0) -> None:
        """Turn the clock, second by second, until something holds."""
        deadline = asyncio.get_running_loop().time() + within
        while not predicate():
            assert asyncio.get_running_loop().time() < deadline, (what, self.protocol)
            await self.hub.clock.advance(1.0)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def hub_alone(data_dir: Path) -> AsyncIterator[Rig]:
    """A hub whose plugin has not been started."""
    async with running(data_dir=data_dir) as hub:
        rig = Rig(hub)
        hub.offer("devices.announce", rig.announce)
        yield rig
        assert hub.errors == []


@asynccontextmanager
async def hub_on(broker: Broker, data_dir: Path, **config: object) -> AsyncIterator[Rig]:
    """A hub with the plugin running, connected to the broker."""
    async with hub_alone(data_dir) as rig:
        await rig.start(broker.port, **config)
        assert rig.protocol["status"] == "ready", rig.protocol
        yield rig
