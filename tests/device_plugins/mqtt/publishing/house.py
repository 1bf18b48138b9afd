"""A house to publish: a hub with the real registry, a device plugin, and the MQTT plugin on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, override

from device_plugins.mqtt.plugin import Mqtt
from device_plugins.mqtt.publishing.publisher import Publisher
from device_plugins.sdk import ButtonPressed, Device, DevicePlugin, Feature, UnreachableError
from hub.testing import HubInMemory, running
from plugins.devices.plugin import Devices
from tests.device_plugins.mqtt.broker import Broker
from tests.harness.waiting import eventually

LAMP = Device(
    "test-lamp",
    "test",
    model="Lamp",
    manufacturer="Domovoi",
    features=(
        Feature("on_off", "on_off", writable=True, commands=("set", "on", "off", "toggle")),
        Feature("level", "level", writable=True, commands=("set", "step")),
    ),
    suggested_name="Hall lamp",
)
SENSOR = Device(
    "test-sensor",
    "test",
    model="Sensor",
    features=(Feature("temperature", "temperature"), Feature("button", "button"), Feature("battery", "battery")),
    suggested_name="Garden",
)


class Test(DevicePlugin):
    """Devices that do at once what they are told, unless they are broken."""

    __test__ = False  # no test, though its name begins like one
    protocol = "test"

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - the context
        super().__init__(*arguments)
        self.is_broken = False
        self.told: list[tuple[str, str, str, dict[str, Any]]] = []

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        if self.is_broken:
            raise UnreachableError(f"{device.id} does not answer", device=device.id)
        self.told.append((device.id, key, command, arguments))
        if "value" in arguments:
            self.report(device.id, key, arguments["value"])

    @override
    async def open_pairing(self, duration: float) -> None:
        """Nothing is let in."""

    @override
    async def close_pairing(self) -> None:
        """Nothing was open."""

    @override
    async def forget(self, device: Device) -> None:
        """It leaves without being told."""


class House:
    """The hub, its own devices, and what it publishes of them."""

    def __init__(self, hub: HubInMemory, broker: Broker) -> None:
        self.hub = hub
        self.login: dict[str, str] = {}
        self._broker = broker

    @property
    def plugin(self) -> Test:
        found = self.hub.plugin("test")
        assert isinstance(found, Test)
        return found

    @property
    def mqtt(self) -> Mqtt:
        found = self.hub.plugin("mqtt")
        assert isinstance(found, Mqtt)
        return found

    @property
    def publisher(self) -> Publisher:
        return self.mqtt.publisher

    async def publishes(self, *conventions: str, **publish: object) -> None:
        """Start the MQTT plugin with these settings; it hears these conventions."""
        config = {"port": self._broker.port, "conventions": conventions, "start_wait": 30.0, "publish": publish}
        await self.hub.run(Mqtt, config | self.login)
        await self.settled()

    async def stops(self) -> None:
        assert await self.hub.stop("mqtt") == ""

    async def settled(self) -> None:
        """Wait until the broker knows all there is to know."""
        await eventually(
            lambda: self.mqtt.link.connection and not (self.mqtt.link.pending or self.publisher.pending),
            20.0,
            "all is published",
        )

    async def device(self, name: str) -> dict[str, Any]:
        """A device of the registry, as soon as it is there."""

        def there() -> str:
            found = (
                path
                for path, one in self.hub.state.list("device/").items()
                if path.count("/") == 1 and one.value.get("name") == name
            )
            return next(found, "")

        path = await eventually(there, 20.0, f"{name} in the registry")
        found: dict[str, Any] = self.hub.state.get(path)
        return {"id": path.removeprefix("device/"), **found}

    async def in_time(self, predicate: Callable[[], object], what: str) -> None:
        """Turn the clock, second by second, until something holds."""
        deadline = asyncio.get_running_loop().time() + 20.0
        while not predicate():
            assert asyncio.get_running_loop().time() < deadline, what
            await self.hub.clock.advance(1.0)
            await asyncio.sleep(0.01)

    async def fault(self, topic: str) -> str:
        """Why what came on a topic was not done, as soon as that is known."""

        def found() -> str:
            return next((one.reason for one in self.mqtt.faults.latest() if one.topic == topic), "")

        return await eventually(found, 10.0, f"a fault on {topic}")

    def press(self) -> None:
        self.plugin.ctx.events.publish("device.button", f"device/{SENSOR.id}/button", ButtonPressed("single", "1"))


@asynccontextmanager
async def house_on(broker: Broker, data_dir: Path) -> AsyncIterator[House]:
    """A house with a lamp and a sensor, whose MQTT plugin does not run yet."""
    async with running(data_dir=data_dir) as hub:
        await hub.run(Devices)
        await hub.run(Test)
        house = House(hub, broker)
        for device in (LAMP, SENSOR):
            await house.plugin.announce(device)
            house.plugin.available(device.id, "online")
        house.plugin.report(LAMP.id, "on_off", False)
        house.plugin.report(LAMP.id, "level", 40)
        house.plugin.report(SENSOR.id, "temperature", 21.5)
        yield house
        assert hub.errors == []
