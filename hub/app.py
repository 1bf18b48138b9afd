"""The composition root: from configuration to a running hub, and back to nothing.

Exit codes of `hub run` and `hub demo`: 0 stopped as asked; 1 something failed; 2 the configuration is wrong; 4 the data
folder cannot be used (unreadable, damaged, full when the hub stopped, or another hub runs on it); 130 ended at once by
a second signal.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import msgspec
import uvloop

from hub import __version__, config, logs
from hub.api import Clock
from hub.bus import EventBus
from hub.clock import SystemClock
from hub.errors import ConfigError, HubError, ManifestError, PluginError, StorageError
from hub.hosts.core import Core
from hub.manifest import Manifest, discover
from hub.plugin_manager import PluginManager, choose
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage import StorageEngine
from hub.storage.folder import lock
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.types import Event, HubStatus, PluginInfo

_STOP_LIMIT = 20.0
_END_LIMIT = 30.0
_LOG = logging.getLogger("hub")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # SIGHUP: the terminal was closed


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line asks of a hub.

    `overrides` wins over the file. The plugin `foreground` has the terminal for itself, and without it the hub ends.
    """

    config: Path | None = None
    data: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    foreground: str = ""


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
        """Open the storage, restore state, start the plugins. Raises StorageError when the data cannot be used."""
        await self.core.storage.open()
        await self.core.state.restore(self.core.storage.namespace("_state"), self.tasks)
        enable = {*self.settings.plugins.enable, *self.settings.plugin}
        chosen = choose(found, enable, self.settings.plugins.disable)
        self.plugins = PluginManager(self.core, chosen, config_of)
        await self.plugins.start()
        self._status = "running"
        self.core.bus.publish("hub.started", "hub", {"version": __version__, "startup_s": self._uptime()})
        _LOG.info("%s is up after %.2f s", self.settings.hub.name, self._uptime())

    async def wait(self) -> int:
        """Until somebody asks the hub to stop; returns the exit code that was asked for."""
        return await asyncio.shield(self._asked)

    async def close(self) -> None:
        """Stop plugins in reverse order, write what is left, close the storage.

        Raises StorageError, at the end, when something could not be written.
        """
        self._status = "stopping"
        self.core.bus.publish("hub.stopping", "hub", {})
        if self.plugins is not None:
            await self.plugins.stop()
        try:
            await self.core.state.flush()
        finally:
            try:
                await self.core.storage.close()
            finally:
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

    async def stop_hub(self, code: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0) -> None:
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


def find_plugins(settings: config.Config) -> tuple[dict[str, Manifest], list[ManifestError]]:
    """All plugins by id, ready to be imported, and what is wrong with others."""
    sys.path += [str(folder) for folder in settings.plugin_dirs if str(folder) not in sys.path]
    found, mistakes = discover([*bundled_folders(), *settings.plugin_dirs])
    return {one.id: one for one in found}, mistakes


def run(options: RunOptions) -> int:
    """Run a hub until it is asked to stop; returns the exit code (see the module's docstring)."""
    last = threading.Timer(_END_LIMIT, os._exit, (1,))
    last.daemon = True
    try:
        settings = config.load(options.config, _overrides(options))
        with ExitStack() as held:
            held.enter_context(lock(settings.data_dir))
            held.callback(
                logs.configure(settings.hub.log_level, settings.data_dir / "logs", terminal=not options.foreground)
            )
            factory = uvloop.new_event_loop if settings.hub.uvloop else None
            with asyncio.Runner(loop_factory=factory) as runner:
                code = runner.run(_main(settings, options.foreground, last))
    except HubError as error:
        return _refused(error)
    except KeyboardInterrupt:
        return 130
    if not any(one for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()):
        last.cancel()
    return code


def _overrides(options: RunOptions) -> dict[str, Any]:
    if options.data is None:
        return dict(options.overrides)
    hub_section = {**options.overrides.get("hub", {}), "data_dir": str(options.data)}
    return {**options.overrides, "hub": hub_section}


async def _main(settings: config.Config, foreground: str, last: threading.Timer) -> int:
    clock = SystemClock()
    tasks = TaskGroup("hub")
    storage = SqliteEngine(settings.database, tasks=tasks, clock=clock, commit_window=settings.storage.commit_window)
    hub = Hub(settings, storage, tasks, clock)
    _catch_signals(hub)
    try:
        found, mistakes = find_plugins(settings)
        for mistake in mistakes:
            _LOG.error("%s", mistake)
        config.check_plugins(settings, found)
        code = await _until_asked(hub, found, foreground)
    except Exception as error:  # noqa: BLE001 - whatever it is, the hub must end in order
        code = _failed(error)
    last.start()  # a thread that a plugin blocks for ever must not keep the process
    try:
        async with asyncio.timeout(_STOP_LIMIT):
            await hub.close()
    except TimeoutError:
        _LOG.error("The hub did not stop within %g s and was ended", _STOP_LIMIT)
        code = code or 1
    except Exception as error:  # noqa: BLE001 - as above
        problem = _failed(error)
        code = code or problem
    return code


async def _until_asked(hub: Hub, found: Mapping[str, Manifest], foreground: str) -> int:
    settings = hub.settings

    def config_of(manifest: Manifest, struct: type[msgspec.Struct] | None) -> Any:  # noqa: ANN401
        if struct is None:
            return {**manifest.config, **settings.plugin.get(manifest.id, {})}
        return config.section(settings, manifest.id, struct, manifest.config)

    life = TaskGroup("hub", lambda _name, _error: None)  # who waits here tells what went wrong
    starting = life.start("starts", hub.start(found, config_of))
    asked = life.start("waits", hub.wait())
    try:
        await asyncio.wait([starting, asked], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            await _check(hub, foreground)
        return await asked
    finally:
        await life.cancel()


async def _check(hub: Hub, foreground: str) -> None:
    for one in await hub.list_plugins():
        if one.id == foreground and one.status != "running":
            raise PluginError(f"{one.id} is {one.status}: {one.reason}", plugin=one.id)


def _catch_signals(hub: Hub) -> None:
    loop = asyncio.get_running_loop()
    caught: list[int] = []

    def stop(number: int) -> None:
        if caught and number != signal.SIGHUP:  # a closing terminal may send two
            os._exit(130)
        caught.append(number)
        _LOG.info("Stopping (%s); once more to stop at once", signal.Signals(number).name)
        hub.ask_to_stop()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)


def _failed(error: Exception) -> int:
    """Tell and log what ends the hub; returns the exit code."""
    if isinstance(error, HubError):
        _LOG.error("%s", error, extra=logs.NOT_ON_TERMINAL)
        return _refused(error)
    _LOG.error("The hub failed", exc_info=error, extra=logs.NOT_ON_TERMINAL)
    return _refused(HubError(f"the hub failed ({type(error).__name__}: {error}); report it with its log"))


def _refused(error: HubError) -> int:
    sys.stderr.write(f"hub: {error}\n")
    return 2 if isinstance(error, ConfigError) else 4 if isinstance(error, StorageError) else 1
