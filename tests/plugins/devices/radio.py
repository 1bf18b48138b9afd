"""A device plugin whose radio does what the test wants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, override

import pytest

from device_plugins.sdk import Device, DevicePlugin, Feature
from hub.api import Context, HubError, StateEntry, StorageError
from hub.storage.memory import MemoryEngine
from hub.testing import HubInMemory, running
from plugins.devices.plugin import Devices

LAMP = Device(
    "radio-1",
    "radio",
    model="V-Lamp White",
    manufacturer="Virtual",
    firmware="1.0",
    features=(
        Feature("on_off", "on_off", commands=("set", "on", "off", "toggle")),
        Feature("on_off.2", "on_off", endpoint=2, commands=("set",)),
        Feature("level", "level", minimum=1, commands=("set", "step")),
        Feature("power", "power"),
    ),
)
SENSOR = Device("radio-2", "radio", model="V-Climate", features=(Feature("temperature", "temperature"),))


class Radio(DevicePlugin):
    """Confirms commands by reporting; `fault` is raised by the next action, `hang` makes every action hang."""

    protocol = "radio"

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.fault: Exception | None = None
        self.hang = False
        self.done: list[tuple[object, ...]] = []

    @override
    async def start(self) -> None:
        self.ready()

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        await self._act("execute", device.id, key, command, arguments)
        if "value" in arguments:
            self.report(device.id, key, arguments["value"])

    @override
    async def open_pairing(self, duration: float) -> None:
        await self._act("open", duration)

    @override
    async def close_pairing(self) -> None:
        await self._act("close")

    @override
    async def forget(self, device: Device) -> None:
        await self._act("forget", device.id)

    async def _act(self, *what: object) -> None:
        self.done.append(what)
        if self.hang:
            await asyncio.Event().wait()
        if (fault := self.fault) is not None:
            raise fault


class Wave(Radio):
    """A second protocol, whose pairing asks for a code."""

    protocol = "wave"

    @override
    async def take_input(self, values: dict[str, Any]) -> None:
        await self._act("input", values)


class Absent(Radio):
    """A protocol whose radio is not there."""

    protocol = "absent"

    @override
    async def start(self) -> None:
        self.ready(down="the stick is not plugged in")


class Home:
    """A hub with the registry and one radio."""

    def __init__(self, hub: HubInMemory) -> None:
        self.hub = hub
        self.call = hub.call
        self.state = hub.state

    @property
    def radio(self) -> Radio:
        plugin = self.hub.plugin("radio")
        assert isinstance(plugin, Radio)
        return plugin

    @property
    def wave(self) -> Wave:
        plugin = self.hub.plugin("wave")
        assert isinstance(plugin, Wave)
        return plugin

    async def fails(self, name: str, /, *, timeout: float = 10.0, **arguments: object) -> HubError:  # noqa: ASYNC109
        """The error that a call ends with."""
        try:
            result = await self.hub.call(name, timeout=timeout, **arguments)
        except HubError as error:
            return error
        raise AssertionError(f"{name} did not fail but returned {result!r}")

    def steps(self) -> list[tuple[str, str]]:
        return [(event.data.step, event.data.protocol) for event in self.hub.events_of("devices.pairing")]


@asynccontextmanager
async def home(*more: type[DevicePlugin], after: Home | None = None) -> AsyncIterator[Home]:
    """A hub that runs the registry and the radio; `after` another one, with what that one had stored."""
    async with running() as hub:
        if after is not None:
            rows(hub).update({owner: dict(kept) for owner, kept in rows(after.hub).items()})
            for path, old in after.state.list().items():
                hub.core.state._entries[path] = StateEntry(old.value, old.version, old.time, restored=True)
        await hub.run(Devices)
        await hub.run(Radio)
        for plugin in more:
            await hub.run(plugin)
        yield Home(hub)
        assert hub.errors == []


def engine(hub: HubInMemory) -> MemoryEngine:
    """Where it is stored."""
    storage = hub.core.storage
    assert isinstance(storage, MemoryEngine)
    return storage


def rows(hub: HubInMemory) -> dict[str, dict[str, bytes]]:
    """What is stored, by owner and key."""
    return engine(hub)._rows


def refuse_writes(hub: HubInMemory, patch: pytest.MonkeyPatch) -> None:
    """Make the disk full."""

    async def full(*_args: object, **_options: object) -> bool:
        raise StorageError("the disk is full; free some space")

    patch.setattr(hub.core.storage, "apply", full)
