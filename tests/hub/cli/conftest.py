"""The `hub` command against a hub in memory: real registry, real API, and a device plugin with one lamp."""

import asyncio
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, override

import pytest

from device_plugins.sdk import Device, DevicePlugin, Feature, UnreachableError
from hub import logs
from hub.api import Undo
from hub.cli import main
from hub.testing import HubInMemory, running
from plugins.api_gateway.plugin import ApiGateway
from plugins.devices.plugin import Devices

LAMP = Device(
    "virtual-00158d0001234567",
    "virtual",
    "Bulb 800 lm",
    "Acme",
    features=(
        Feature("on_off", "on_off", writable=True, commands=("set", "on", "off", "toggle")),
        Feature("level", "level", writable=True, minimum=1, maximum=100, commands=("set", "step", "stop")),
        Feature("thermostat_mode", "thermostat_mode", writable=True, values=("off", "heat"), commands=("set",)),
        Feature("link_quality", "link_quality"),
    ),
    suggested_name="Hall lamp",
)
PLUG = Device(
    "virtual-00158d0007654321",
    "virtual",
    "Plug",
    features=(Feature("on_off", "on_off", writable=True, commands=("set", "on", "off", "toggle")),),
)


class Lamps(DevicePlugin):
    """Confirms whatever it is told."""

    protocol: ClassVar[str] = "virtual"

    def __init__(self, ctx: Any) -> None:  # noqa: ANN401 - the hub's own
        super().__init__(ctx)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.inputs: dict[str, Any] = {}
        self.reachable = True

    @override
    async def start(self) -> None:
        await self.announce(LAMP)
        self.ready()
        self.available(LAMP.id, "online")
        self.report(LAMP.id, "on_off", value=False)

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        if not self.reachable:
            raise UnreachableError("Hall lamp does not answer", device=device.id)
        self.asked.append((key, command, arguments))
        if "value" in arguments:
            self.report(device.id, key, arguments["value"])
        elif command in {"on", "off", "toggle"}:
            self.report(device.id, key, command != "off")

    @override
    async def open_pairing(self, duration: float) -> None:
        del duration

    @override
    async def close_pairing(self) -> None:
        pass

    @override
    async def take_input(self, values: dict[str, Any]) -> None:
        self.inputs = values

    @override
    async def forget(self, device: Device) -> None:
        del device


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Terminal:
    """Runs commands in a thread, so that the hub's loop lives on."""

    hub: HubInMemory
    data: Path
    undos: dict[str, Undo]

    @property
    def lamps(self) -> Lamps:
        plugin = self.hub.plugin("lamps")
        assert isinstance(plugin, Lamps)
        return plugin

    def offer_again(self, name: str, function: Callable[..., Awaitable[Any]]) -> None:
        """Replace a service of the hub's own."""
        self.undos.pop(name)()
        self.undos[name] = self.hub.offer(name, function)

    async def run(self, *arguments: str) -> Done:
        return await self.start(*arguments)[1]

    def start(self, *arguments: str) -> tuple[io.StringIO, Coroutine[Any, Any, Done]]:
        out, err = io.StringIO(), io.StringIO()

        def work() -> Done:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(list(arguments))
            return Done(code, out.getvalue(), err.getvalue())

        return out, asyncio.to_thread(work)


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(logs, "_hidden", [])  # a secret of one test must not be hidden in another
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("HUB_CONFIG", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    time.tzset()
    yield
    os.environ.pop("TZ")
    time.tzset()


@pytest.fixture
async def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terminal]:
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))

    async def status() -> dict[str, Any]:
        return {
            "name": "Home",
            "version": "0.1.0",
            "status": "running",
            "uptime_s": 93784.2,
            "pid": 7,
            "rss_mib": 40.5,
            "events": 12,
            "plugins": {"running": 2, "failed": 1},
            "data_dir": str(tmp_path),
        }

    async def plugins() -> list[dict[str, Any]]:
        base = {
            "version": "0.1.0",
            "description": "The device registry and the pairing desk.",
            "restarts": 0,
            "errors": 0,
            "trouble": "",
            "origin": "bundled",
        }
        broken = {**base, "id": "zigbee", "status": "failed", "restarts": 3, "reason": "radio path /dev/x is not there"}
        return [{**base, "id": "devices", "status": "running", "reason": ""}, broken]

    async def restart_plugin(plugin: str) -> dict[str, Any]:
        return next(one for one in await plugins() if one["id"] == plugin)

    async with running(Devices, Lamps, ApiGateway, data_dir=tmp_path) as hub:
        own = (status, plugins, restart_plugin)
        undos = {f"hub.{one.__name__}": hub.offer(f"hub.{one.__name__}", one) for one in own}
        yield Terminal(hub, tmp_path, undos)


PYTHON_M_HUB = (sys.executable, "-m", "hub")
