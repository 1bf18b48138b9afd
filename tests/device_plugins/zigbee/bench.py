"""What the Zigbee tests share: a hub in memory with the plugin on a virtual radio's pseudo-terminal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from device_plugins.sdk import Device, PairingStep
from device_plugins.virtual_radio import VirtualDevice, VirtualRadio
from device_plugins.zigbee.plugin import Zigbee
from hub.testing import HubInMemory, running
from tests.harness.waiting import eventually


def id_of(device: VirtualDevice) -> str:
    return f"zigbee-{device.ieee.replace(':', '')}"


class Bench:
    """A hub with the plugin, and the virtual radio it runs on."""

    def __init__(self, hub: HubInMemory, radio: VirtualRadio) -> None:
        self.hub = hub
        self.radio = radio
        self.announced: dict[str, Device] = {}
        self.models: set[str] = set()

    @property
    def plugin(self) -> Zigbee:
        found = self.hub.plugin("zigbee")
        assert isinstance(found, Zigbee)
        return found

    async def announce(self, device: Device) -> None:
        self.announced[device.id] = device
        self.models.add(device.model)

    async def start(self, path: str, **config: object) -> None:
        # The first start imports the radio libraries, which takes its time on a busy machine.
        await self.hub.run(Zigbee, {"path": path, "start_wait": 30.0, **config})

    async def stop(self) -> None:
        assert await self.hub.stop("zigbee") == ""

    async def pair(self, model: str) -> VirtualDevice:
        """Pair a device of a catalogue model and wait until it is configured."""
        return await self.admit(self.radio.add(model))

    async def admit(self, device: VirtualDevice) -> VirtualDevice:
        """Pair a device that is on the shelf and wait until it is configured."""
        await self.open_pairing()
        self.radio.join(device)
        step = await self.step(device, "configured", "failed")
        assert step.step == "configured", step
        return device

    async def open_pairing(self) -> None:
        await self.hub.call("zigbee.pair", session="a session", duration=60.0)

    async def step(self, device: VirtualDevice, *wanted: str) -> PairingStep:
        """The latest of the wanted pairing steps of a device, as soon as there is one."""

        def found() -> PairingStep | None:
            return next((one for one in reversed(self.steps(device)) if one.step in wanted), None)

        result = await eventually(found, 10.0, f"a step {wanted} of {device.name}")
        assert result is not None
        return result

    def steps(self, device: VirtualDevice) -> list[PairingStep]:
        told = [event.data for event in self.hub.events_of("devices.pairing")]
        return [one for one in told if one.device == id_of(device)]

    def value(self, device: VirtualDevice, key: str) -> Any:  # noqa: ANN401 - JSON-like
        return self.hub.state.get(f"device/{id_of(device)}/{key}")

    async def becomes(self, device: VirtualDevice, key: str, value: object) -> None:
        await eventually(lambda: self.value(device, key) == value, 5.0, f"{device.name}'s {key} being {value!r}")

    async def command(self, device: VirtualDevice, key: str, command: str, **arguments: object) -> None:
        await self.hub.call("zigbee.command", device=id_of(device), key=key, command=command, arguments=arguments)

    async def goes_down(self, reason: str) -> None:
        await eventually(lambda: self.protocol["status"] == "down" and reason in self.protocol["reason"], 20.0, reason)

    async def comes_up(self) -> None:
        """Turn the clock until the radio is up again."""
        await self.in_time(lambda: self.protocol["status"] == "ready", "the radio is up")

    async def in_time(self, predicate: Callable[[], object], what: str, within: float = 10.0) -> None:
        """Turn the clock, second by second, until something holds: others may set their timers meanwhile."""
        deadline = asyncio.get_running_loop().time() + within
        while not predicate():
            assert asyncio.get_running_loop().time() < deadline, (what, self.protocol)
            await self.hub.clock.advance(1.0)
            await asyncio.sleep(0.01)

    @property
    def protocol(self) -> dict[str, str]:
        found: dict[str, str] = self.hub.state.get("protocol/zigbee")
        return found


@asynccontextmanager
async def without_plugin(data_dir: Path, version: int = 14, seed: int = 1) -> AsyncIterator[Bench]:
    """A hub and a radio that have not met; the radio has a line."""
    radio = VirtualRadio(version=version, latency=0.0, seed=seed)
    try:
        async with running(data_dir=data_dir) as hub:
            bench = Bench(hub, radio)
            hub.offer("devices.announce", bench.announce)
            yield bench
            assert hub.errors == []
    finally:
        await radio.close()


@asynccontextmanager
async def bench(data_dir: Path, version: int = 14, **config: object) -> AsyncIterator[Bench]:
    """A hub with the plugin running, its network up."""
    async with without_plugin(data_dir, version) as ready:
        # The libraries are imported by the first test, which may take a while on a busy machine.
        await ready.start(ready.radio.open_pty(), **{"start_wait": 60.0} | config)
        assert ready.protocol["status"] == "ready", ready.protocol
        yield ready
