"""The composition root: from configuration to a running hub, and back to nothing.

Exit codes of `hub run` and `hub demo`: 0 stopped as asked; 1 something failed; 2 the configuration is wrong; 4 the data
folder cannot be used (unreadable, damaged, or another hub runs on it); 130 ended at once by a second signal.
"""

import asyncio
import fcntl
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import msgspec
import uvloop

from hub import __version__, config, logs
from hub.api import Clock
from hub.bus import EventBus
from hub.clock import SystemClock
from hub.errors import ConfigError, HubError, StorageError
from hub.hosts.core import Core
from hub.manifest import Manifest, discover
from hub.plugin_manager import PluginManager, choose
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage import StorageEngine
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.types import Event, PluginInfo

_STOP_LIMIT = 20.0
_LOG = logging.getLogger("hub")


class HubStatus(msgspec.Struct, frozen=True):
    """How the hub fares. Times in s, memory in MiB; `plugins` counts them by status."""

    name: str
    version: str
    status: str
    uptime_s: float
    pid: int
    rss_mib: float
    events: int
    plugins: dict[str, int]
    data_dir: str


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks of a hub. `overrides` wins over the file; `quiet` leaves the terminal to others."""

    config: Path | None = None
    data: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    quiet: bool = False


class Hub:
    """One hub: engines and plugins. `start` brings it up, `wait` returns its exit code when it is asked to stop."""

    def __init__(self, settings: config.Config, storage: StorageEngine, tasks: TaskGroup, clock: Clock) -> None:
        self.settings = settings
        self.tasks = tasks
        bus = EventBus(self._handler_failed)
        self.core = Core(bus, ServiceRegistry(), StateEngine(bus), storage, clock, settings.data_dir)
        self.plugins: PluginManager | None = None
        self._begun = time.monotonic()
        self._status = "starting"
        self._asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        for name in ("hub.started", "hub.stopping"):
            bus.declare(name, None, "hub")
        offered: dict[str, Callable[..., Awaitable[Any]]] = {
            "hub.status": self.status,
            "hub.plugins": self.list_plugins,
            "hub.restart_plugin": self.restart_plugin,
            "hub.config": self.show_config,
            "hub.stop": self.stop_hub,
        }
        for name, function in offered.items():
            self.core.services.register(name, function, "hub")

    async def start(self, found: Mapping[str, Manifest], config_of: Callable[[Manifest, type | None], Any]) -> None:
        """Open the storage, restore state, start the plugins.

        Raises StorageError when the data cannot be used, ConfigError for plugins that do not exist.
        """
        await self.core.storage.open()
        await self.core.state.restore(self.core.storage.namespace("_state"), self.tasks)
        enable = {*self.settings.plugins.enable, *self.settings.plugin}
        chosen, _ = choose(found, enable, self.settings.plugins.disable)
        self.plugins = PluginManager(self.core, chosen, config_of)
        await self.plugins.start()
        self._status = "running"
        self.core.bus.publish("hub.started", "hub", {"version": __version__, "startup_s": self._uptime()})
        _LOG.info("%s is up after %.2f s", self.settings.hub.name, self._uptime())

    async def wait(self) -> int:
        """Until somebody asks the hub to stop; returns the exit code that was asked for."""
        return await asyncio.shield(self._asked)

    async def close(self) -> None:
        """Stop plugins in reverse order, write what is left, close the storage."""
        self._status = "stopping"
        self.core.bus.publish("hub.stopping", "hub", {})
        if self.plugins is not None:
            await self.plugins.stop()
        try:
            await self.core.state.flush()
        except StorageError as error:
            _LOG.error("The last state could not be written: %s", error)
        try:
            await self.core.storage.close()
        except StorageError as error:
            _LOG.error("The last values could not be written: %s", error)
        await self.tasks.cancel()

    def ask_to_stop(self, code: int = 0) -> None:
        """Ask for an end with this exit code; the first to ask wins."""
        if not self._asked.done():
            self._asked.set_result(code)

    # Services

    async def status(self) -> HubStatus:
        """How the hub fares: status, uptime, memory, plugins."""
        counts: dict[str, int] = {}
        for one in await self.list_plugins():
            counts[one.status] = counts.get(one.status, 0) + 1
        return HubStatus(
            name=self.settings.hub.name,
            version=__version__,
            status=self._status,
            uptime_s=round(self._uptime(), 3),
            pid=os.getpid(),
            rss_mib=rss_mib(),
            events=self.core.bus.published,
            plugins=counts,
            data_dir=str(self.settings.data_dir),
        )

    async def list_plugins(self) -> list[PluginInfo]:
        """Every enabled plugin with its status and, where something is wrong, the reason."""
        return self.plugins.infos() if self.plugins else []

    async def restart_plugin(self, plugin: str) -> PluginInfo:
        """Stop and start a plugin and those that require it."""
        if self.plugins is None:
            raise HubError("the plugins are not up yet; try again in a moment")
        return await self.plugins.restart(plugin)

    async def show_config(self) -> dict[str, Any]:
        """The configuration in force; secrets are hidden."""
        return config.show(self.settings)

    async def stop_hub(self, code: int = 0) -> None:
        """Stop the hub; it exits with `code`."""
        self.ask_to_stop(code)

    def _uptime(self) -> float:
        return time.monotonic() - self._begun

    def _handler_failed(self, owner: str, event: Event, error: Exception) -> None:
        if self.plugins is not None:
            self.plugins.handler_failed(owner, event, error)


def rss_mib() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1_048_576, 1)


def bundled_folders() -> list[Path]:
    """The folders that hold the plugins that come with the hub."""
    folders = []
    for package in ("plugins", "device_plugins"):
        spec = find_spec(package)
        folders += [Path(one) for one in (spec.submodule_search_locations or [])] if spec else []
    return folders


def run(options: RunOptions) -> int:
    """Run a hub until it is asked to stop; returns the exit code (see the module's docstring)."""
    try:
        settings = config.load(options.config, _overrides(options))
    except ConfigError as error:
        return _refuse(error, 2)
    try:
        lock = _lock(settings.data_dir)
    except HubError as error:
        return _refuse(error, 4)
    try:
        close_logs = logs.configure(settings.hub.log_level, settings.data_dir / "logs", terminal=not options.quiet)
    except HubError as error:
        lock.close()
        return _refuse(error, 4)
    try:
        factory = uvloop.new_event_loop if settings.hub.uvloop else None
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(_main(settings))
    except KeyboardInterrupt:
        return 130
    finally:
        close_logs()
        lock.close()


def _overrides(options: RunOptions) -> dict[str, Any]:
    if options.data is None:
        return dict(options.overrides)
    hub_section = {**options.overrides.get("hub", {}), "data_dir": str(options.data)}
    return {**options.overrides, "hub": hub_section}


async def _main(settings: config.Config) -> int:
    clock = SystemClock()
    tasks = TaskGroup("hub")
    storage = SqliteEngine(settings.database, tasks=tasks, clock=clock, commit_window=settings.storage.commit_window)
    hub = Hub(settings, storage, tasks, clock)
    undo_signals = _catch_signals(hub)
    try:
        sys.path += [str(folder) for folder in settings.plugin_dirs if str(folder) not in sys.path]
        found, mistakes = discover([*bundled_folders(), *settings.plugin_dirs])
        for mistake in mistakes:
            _LOG.error("%s", mistake)
        config.check_plugins(settings, [one.id for one in found])
        code = await _until_asked(hub, {one.id: one for one in found}, settings)
    except HubError as error:
        code = _refuse(error, 2 if isinstance(error, ConfigError) else 4 if isinstance(error, StorageError) else 1)
    try:
        async with asyncio.timeout(_STOP_LIMIT):
            await hub.close()
    except TimeoutError:
        _LOG.error("The hub did not stop within %g s and was ended", _STOP_LIMIT)
        code = code or 1
    undo_signals()
    return code


async def _until_asked(hub: Hub, found: Mapping[str, Manifest], settings: config.Config) -> int:
    def config_of(manifest: Manifest, struct: type[msgspec.Struct] | None) -> Any:  # noqa: ANN401
        if struct is None:
            return {**manifest.config, **settings.plugin.get(manifest.id, {})}
        return config.section(settings, manifest.id, struct, manifest.config)

    starting = hub.tasks.start("starts", hub.start(found, config_of))
    asked = hub.tasks.start("waits", hub.wait())
    await asyncio.wait([starting, asked], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        await starting
    else:
        starting.cancel()
        await asyncio.wait([starting])
    return await asked


def _catch_signals(hub: Hub) -> Callable[[], None]:
    loop = asyncio.get_running_loop()
    caught: list[int] = []

    def stop(number: int) -> None:
        if caught:
            os._exit(130)
        caught.append(number)
        _LOG.info("Stopping (%s); once more to stop at once", signal.Signals(number).name)
        hub.ask_to_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)

    def undo() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    return undo


def _lock(data: Path) -> IO[bytes]:
    path = data / "hub.lock"
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = path.open("ab")
    except OSError as error:
        raise StorageError(
            f"data folder {data} cannot be used: {error.strerror}; choose another with --data or mend its permissions"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StorageError(
            f"another hub already runs on {data}; stop it first, or choose another folder with --data"
        ) from error
    return lock


def _refuse(error: HubError, code: int) -> int:
    sys.stderr.write(f"hub: {error}\n")
    return code
