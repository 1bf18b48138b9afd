"""What the Z-Wave tests share: a hub in memory with the plugin, the real driver and server, and a mock controller."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from device_plugins.sdk import Device
from device_plugins.zwave.keys import load_or_make
from device_plugins.zwave.plugin import ZWave
from device_plugins.zwave.process import PROGRAMS
from hub.testing import HubInMemory, running
from tests.device_plugins.zwave.mock import Mock
from tests.harness.waiting import eventually

HOME = 0x7E570001
SWITCH, SENSOR, LOCK, DIMMER, SLEEPER = range(2, 7)


def id_of(node: int) -> str:
    return f"zwave-{HOME:08x}-{node}"


class Bench:
    """A hub with the plugin, and the mock it runs on, if that is no part of the plugin itself."""

    def __init__(self, hub: HubInMemory, mock: Mock | None = None) -> None:
        self.hub = hub
        self._mock = mock
        self.announced: dict[str, Device] = {}

    @property
    def mock(self) -> Mock:
        assert self._mock is not None
        return self._mock

    @property
    def plugin(self) -> ZWave:
        found = self.hub.plugin("zwave")
        assert isinstance(found, ZWave)
        return found

    async def announce(self, device: Device) -> None:
        self.announced[device.id] = device

    async def start(self, **config: object) -> None:
        await self.hub.run(ZWave, {"path": self.mock.path, "start_wait": 60.0, **config})

    async def stop(self) -> None:
        assert await self.hub.stop("zwave") == ""

    def value(self, node: int, key: str) -> Any:  # noqa: ANN401 - JSON-like
        return self.hub.state.get(f"device/{id_of(node)}/{key}")

    async def becomes(self, node: int, key: str, value: object, within: float = 40.0) -> None:
        await self.in_time(lambda: self.value(node, key) == value, f"node {node}'s {key} is {value!r}", within)

    async def command(self, node: int, key: str, command: str, **arguments: object) -> None:
        await self.hub.call(
            "zwave.command", timeout=30.0, device=id_of(node), key=key, command=command, arguments=arguments
        )

    async def interviewed(self, *nodes: int) -> None:
        await self.in_time(lambda: self.announced.keys() >= {id_of(node) for node in nodes}, f"{nodes} are there", 60.0)

    async def goes_down(self, reason: str, within: float = 20.0) -> None:
        """Wait for the truth; the clock stands still, so nothing is tried again meanwhile."""

        def told() -> bool:
            return self.protocol["status"] == "down" and reason in self.protocol["reason"]

        await eventually(told, within, f"the network is down because of {reason!r}")

    async def comes_up(self, within: float = 60.0) -> None:
        await self.in_time(lambda: self.protocol["status"] == "ready", "the network is up", within)

    async def in_time(self, predicate: Callable[[], object], what: str, within: float = 40.0) -> None:
        """Turn the clock until something holds: others may set their timers meanwhile."""
        deadline = asyncio.get_running_loop().time() + within
        while not predicate():
            assert asyncio.get_running_loop().time() < deadline, (what, self.protocol, self.hub.errors)
            await self.hub.clock.advance(0.5)
            await asyncio.sleep(0.02)

    @property
    def protocol(self) -> dict[str, str]:
        found: dict[str, str] = self.hub.state.get("protocol/zwave")
        return found


@asynccontextmanager
async def without_plugin(data_dir: Path, home: Path = PROGRAMS / "home.cjs") -> AsyncIterator[Bench]:
    """A hub and a stick that have not met; the stick is plugged in."""
    async with running(data_dir=data_dir) as hub:
        folder = data_dir / "plugins" / "zwave"
        folder.mkdir(parents=True, exist_ok=True)
        mock = Mock(data_dir, hub._context.tasks, await asyncio.to_thread(load_or_make, folder), home)
        await mock.plug()
        bench = Bench(hub, mock)
        hub.offer("devices.announce", bench.announce)
        try:
            yield bench
            assert hub.errors == []
        finally:
            await mock.unplug()


@asynccontextmanager
async def bench(data_dir: Path, **config: object) -> AsyncIterator[Bench]:
    """A hub with the plugin running, its network up."""
    async with without_plugin(data_dir) as ready:
        await ready.start(**config)
        assert ready.protocol["status"] == "ready", ready.protocol
        yield ready
