"""A small home for tests: a stand-in for the device registry, a folder for files, and a hub around them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hub.api import HubError, Plugin, service
from hub.testing import HubInMemory, running
from plugins.automation.messages import AutomationInfo
from plugins.automation.plugin import Automations

FEATURES: dict[str, list[dict[str, Any]]] = {
    "motion": [{"key": key, "capability": key} for key in ("occupancy", "illuminance", "temperature")],
    "lamp": [
        {"key": "on_off", "capability": "on_off", "commands": ["set", "on", "off", "toggle"]},
        {"key": "level", "capability": "level", "commands": ["set", "step", "stop"]},
    ],
    "button": [{"key": "button", "capability": "button"}],
    "lock": [{"key": "lock", "capability": "lock", "commands": ["lock", "unlock"]}],
}


class UnreachableError(HubError):
    code = "unreachable"


class Devices(Plugin):
    """Takes commands as the registry does, at once; `broken` devices fail."""

    commands: list[dict[str, Any]]
    broken: set[str]

    async def start(self) -> None:  # type: ignore[explicit-override]
        self.commands = []
        self.broken = set()

    @service
    async def command(
        self,
        device: str,
        capability: str,
        command: str = "set",
        value: Any = None,  # noqa: ANN401
        arguments: dict[str, Any] = {},  # noqa: B006
    ) -> None:
        if device in self.broken:
            raise UnreachableError(f"device {device!r} does not answer; is it switched on?")
        told: dict[str, Any] = {"device": device, "capability": capability, "command": command}
        if value is not None:
            told["value"] = value
        if arguments:
            told["arguments"] = arguments
        self.commands.append(told)
        if command == "set":
            self.ctx.state.set(f"device/{device}/{capability}", value)


class Home:
    """A running hub with the automation plugin and what the tests do with it."""

    def __init__(self, hub: HubInMemory, folder: Path, devices: Devices) -> None:
        self.hub = hub
        self.folder = folder
        self.devices = devices
        self.commands = devices.commands

    def add(self, device: str, name: str, kind: str) -> None:
        add(self.hub, device, name, kind)

    def set(self, path: str, value: Any) -> None:  # noqa: ANN401
        self.hub.state.set(f"device/{path}", value)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    async def reload(self) -> dict[str, AutomationInfo]:
        return {one.id: one for one in await self.hub.call("automation.reload")}

    async def list(self) -> dict[str, AutomationInfo]:
        return {one.id: one for one in await self.hub.call("automation.list")}

    async def status(self, automation: str) -> tuple[str, str]:
        one = (await self.list())[automation]
        return one.status, one.reason

    async def rules(self, text: str) -> dict[str, AutomationInfo]:
        """Write `text` as the one file of rules and take it up."""
        self.write("rules.toml", text)
        return await self.reload()


def add(hub: HubInMemory, device: str, name: str, kind: str) -> None:
    hub.state.set(f"device/{device}", {"name": name, "features": FEATURES[kind]})


@asynccontextmanager
async def home(folder: Path, config: Mapping[str, Any] | None = None, *, furnished: bool = True) -> AsyncIterator[Home]:
    """A home whose files are in `folder`; `furnished` with a motion sensor, a lamp, a button and a lock."""
    settings = {"rules_dir": str(folder), "timezone": "UTC", **(config or {})}
    async with running() as hub:
        await hub.run(Devices)
        devices = hub.plugin("devices")
        assert isinstance(devices, Devices)
        if furnished:
            for device, name, kind in (
                ("m1", "Hall motion", "motion"),
                ("l1", "Hall lamp", "lamp"),
                ("b1", "Hall button", "button"),
                ("d1", "Front door", "lock"),
            ):
                add(hub, device, name, kind)
        await hub.run(Automations, settings)
        yield Home(hub, folder, devices)
        assert not hub.errors
