"""A hub in this process with the plugins `devices`, `automation` and one that plays the devices, for `core`.

Real engines: SQLite and the journal in a temporary folder, the system's clock; no API and no radio.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Annotated, Any, ClassVar, override

import msgspec

from device_plugins.sdk import Device, DevicePlugin, Feature
from hub.api import API_VERSION, Context, Plugin, event, service
from hub.bus import EventBus
from hub.clock import SystemClock
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost
from hub.journal import Journal
from hub.journal.file import JournalFile
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.manifest import Manifest
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.types import PluginInfo
from plugins.automation.plugin import Automations
from plugins.devices.plugin import Devices

MOTION, LAMP = "bench-motion", "bench-lamp"
_JOURNAL = 256 * 1_048_576  # bytes
_RULES = """
[[rule]]
name = "Asks a service"
trigger = { device = "Motion", capability = "temperature" }
action = { service = "bench.hold", args = { lamp = "Lamp", brightness = 40 } }

[[rule]]
name = "Commands a device"
trigger = { device = "Motion", capability = "humidity" }
action = { device = "Lamp", set = { level = 40 } }
"""
_RULE_COUNT = _RULES.count("[[rule]]")


@event("bench.happened")
class Happened(msgspec.Struct, frozen=True):
    """A fact with a field to check."""

    n: int


class Bench(DevicePlugin):
    """Has a sensor and a lamp; `reached` is when the last wish arrived (ns)."""

    protocol = "bench"
    emits: ClassVar[tuple[type[msgspec.Struct], ...]] = (*DevicePlugin.emits, Happened)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.reached = 0
        self._awaited = 0
        self._all_here = asyncio.Event()

    def await_wishes(self, count: int) -> asyncio.Event:
        """What is set when `count` more wishes have arrived."""
        self._awaited = count
        self._all_here.clear()
        return self._all_here

    @override
    async def start(self) -> None:
        self.ready()
        senses = (Feature("temperature", "temperature"), Feature("humidity", "humidity"))
        level = Feature("level", "level", writable=True, commands=("set",))
        await self.announce(Device(MOTION, "bench", features=senses, suggested_name="Motion"))
        await self.announce(Device(LAMP, "bench", features=(level,), suggested_name="Lamp"))

    @service
    async def hold(self, lamp: str, brightness: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0) -> None:  # noqa: ARG002
        """Take a wish; a rule ends here."""
        self.reached = perf_counter_ns()
        self._arrived()

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        self.reached = perf_counter_ns()
        self._arrived()

    @override
    async def open_pairing(self, duration: float) -> None:
        """There is nothing to pair."""

    @override
    async def close_pairing(self) -> None:
        """There is nothing to pair."""

    @override
    async def forget(self, device: Device) -> None:
        """There is nothing to forget."""

    def _arrived(self) -> None:
        self._awaited -= 1
        if not self._awaited:
            self._all_here.set()


@asynccontextmanager
async def house() -> AsyncIterator[Bench]:
    """The plugin that plays the devices, in a hub whose rules are in force; what fails there is raised at the end."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as text:
        folder = Path(text)
        (folder / "automations").mkdir()
        (folder / "automations" / "bench.toml").write_text(_RULES)
        clock, tasks = SystemClock(), TaskGroup("hub")
        bus = EventBus(lambda owner, heard, error: faults.append(f"{owner}: {heard.type}: {error!r}"))
        storage = SqliteEngine(folder / "hub.db", tasks=tasks, clock=clock, commit_window=0.5)
        state = StateEngine(bus)
        core = Core(bus, ServiceRegistry(), state, storage, clock, folder)
        file, store = JournalFile(folder / "telemetry.db", Limits(_JOURNAL)), storage.namespace("_journal")
        journal = Journal(file, Rules(), bus=bus, state=state, store=store, tasks=tasks, clock=clock)
        bus.declare("plugin.status", PluginInfo, "hub")
        await storage.open()
        await journal.open()
        hosts: list[InsideHost] = []
        try:
            for plugin in (Devices, Bench, Automations):
                host = await _started(core, plugin, faults)
                hosts.append(host)
            await _rules_active(core)
            bench = hosts[1].plugin
            assert isinstance(bench, Bench)  # noqa: S101 - started above
            yield bench
        finally:
            for host in reversed(hosts):
                await host.stop()
            await journal.close()
            await storage.close()
            await tasks.cancel()
    if faults:
        raise RuntimeError(f"the hub had {len(faults)} faults: {faults[0]}")


async def _started(core: Core, plugin: type[Plugin], faults: list[str]) -> InsideHost:
    name = {Devices: "devices", Bench: "bench", Automations: "automation"}[plugin]
    manifest = Manifest(
        id=name, version="1", api=API_VERSION, entry=f"{plugin.__module__}:{plugin.__name__}", folder=Path()
    )
    config: Any = plugin.Config() if plugin.Config else {}
    host = InsideHost(core, manifest, config, lambda task, error: faults.append(f"{task}: {error!r}"), plugin)
    await host.start()
    return host


async def _rules_active(core: Core) -> None:
    async with asyncio.timeout(10):
        while True:
            if [one.value["status"] for one in core.state.list("automation/").values()] == ["active"] * _RULE_COUNT:
                return
            await asyncio.sleep(0.01)
