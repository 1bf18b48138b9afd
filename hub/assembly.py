"""One hub put together: engines, plugins, and the services and events of the hub's own."""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec

from hub import __version__, config, logs
from hub.api import Clock
from hub.backup.desk import SERVICES as BACKUP_SERVICES
from hub.backup.desk import BackupDesk, Registry
from hub.backup.gathering import Home
from hub.bus import EventBus
from hub.errors import ConfigError, HubError
from hub.hosts.core import Core
from hub.hosts.discovery import Discovered, check_names, find_plugins
from hub.hosts.life import ConfigOf
from hub.hosts.loading import load_class
from hub.hosts.wishes import wishes
from hub.journal.desk import SERVICES as JOURNAL_SERVICES
from hub.journal.desk import Desk
from hub.journal.settings import journal_of
from hub.plugin_manager import PluginManager
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.stats import HubStatistics
from hub.storage import Trouble
from hub.suggest import did_you_mean
from hub.tasks import TaskGroup
from hub.types import HubStatus, LoopBlocked, PluginInfo, StorageTrouble
from hub.watchdog import Watchdog

_MIB = 1_048_576
_LOG = logging.getLogger("hub")


class Hub:
    """One hub. `start` brings it up, `wait` returns its exit code when it is asked to stop, `close` ends it.

    `discovered` are all plugins, and what is wrong with others; `load` reads the configuration again, in a thread.
    """

    def __init__(
        self,
        settings: config.Config,
        discovered: Discovered,
        storage: Registry,
        tasks: TaskGroup,
        clock: Clock,
        load: Callable[[], config.Config],
    ) -> None:
        self.settings = settings
        self.tasks = tasks
        self._load = load
        self._discovered = discovered
        self._changing = asyncio.Lock()
        self._begun = time.monotonic()
        self._disk_before = disk_bytes()  # of what ran in this process before, as a shell that set it up
        self._status = "starting"
        self._asked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        bus = EventBus(
            lambda *failure: self.plugins.handler_failed(*failure),  # noqa: PLW0108 - the manager is made below
            history=settings.hub.event_history,
        )
        self.core = Core(bus, ServiceRegistry(), StateEngine(bus, clock), storage, clock, settings.data_dir)
        self.journal = journal_of(settings, wishes(discovered[0].values()), bus, self.core.state, storage, tasks, clock)
        storage.on_trouble = self.journal.on_trouble = self._trouble
        self.plugins = PluginManager(
            self.core, discovered, _config_of(settings), rediscover=lambda: find_plugins(self.settings)
        )
        self.watchdog = Watchdog(self.plugins.folders, self._blocked, settings.hub.blocked_after)
        for name, struct in EVENTS.items():
            bus.declare(name, struct, "hub")
        backups = BackupDesk(lambda: Home.of(self.settings), self._versions, storage, self.journal, tasks)
        self._offer(SERVICES, self)
        self._offer(PLUGIN_SERVICES, self.plugins)
        self._offer(JOURNAL_SERVICES, Desk(self.journal, storage))
        self._offer(BACKUP_SERVICES, backups)

    async def start(self) -> None:
        """Open the storage, restore state, start the plugins.

        Raises ConfigError when it names plugins that are not there, StorageError when the data cannot be used.
        """
        self.settings.tell_warnings()
        check_names(self.settings, self._discovered)
        self.watchdog.start()
        await self.core.storage.open()
        await self.journal.open()
        async with self._changing:
            await self.plugins.start(self.settings.wanted, self.settings.plugins.disable)
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
        async with AsyncExitStack() as last:  # in reverse order, whatever fails
            last.push_async_callback(self.tasks.cancel)
            last.callback(self.watchdog.stop)
            last.push_async_callback(self.core.storage.close)
            last.push_async_callback(self.journal.close)
            await self.plugins.stop()

    def ask_to_stop(self, code: int = 0) -> None:
        """Ask for an end with this exit code; the first to ask wins."""
        if not self._asked.done():
            self._asked.set_result(code)

    async def reload(self) -> config.Reloaded:
        """Read the configuration again and go on with it; tells what changed, or the mistake, as an event too."""
        async with self._changing:
            try:
                done = await self._take_on(await asyncio.to_thread(self._load))
            except HubError as error:
                done = config.Reloaded(error=logs.redact(str(error)))
                _LOG.error("The configuration stays as it was: %s", error)
        self.core.bus.publish("hub.config_reloaded", "hub", done)
        return done

    async def _take_on(self, new: config.Config) -> config.Reloaded:
        old, (done, settings) = self.settings, config.changes(self.settings, new)
        found, _ = discovered = await asyncio.to_thread(find_plugins, settings)
        check_names(settings, discovered)
        config_of = _config_of(settings)
        statuses = {one.id: one.status for one in self.plugins.infos()}
        for name in done.plugins:
            if name in found and statuses.get(name) == "running":  # what runs shall not fall to a mistake
                config_of(found[name], load_class(found[name]).Config)
        self.settings = settings
        settings.tell_warnings()
        if (old.hub.log_level, old.log.levels) != (settings.hub.log_level, settings.log.levels):
            logs.set_levels(settings.hub.log_level, settings.log.levels)
        await self.plugins.reconfigure(config_of, done.plugins, settings.wanted, settings.plugins.disable)
        for name in (settings.wanted & found.keys()) - {*self.plugins.folders().values()}:
            await self.plugins.load(name)
        _LOG.info("The configuration was read again; changed plugins: %s", ", ".join(done.plugins) or "none")
        if done.needs_restart:
            _LOG.warning("What changed waits for the next start of the hub: %s", ", ".join(done.needs_restart))
        return done

    # Services

    async def status(self) -> HubStatus:
        """How the hub fares: status, uptime, memory, plugins."""
        return HubStatus(
            name=self.settings.hub.name,
            version=__version__,
            status=self._status,
            uptime_s=round(self._uptime(), 3),
            pid=os.getpid(),
            rss_mib=rss_mib(),
            events=self.core.bus.published,
            plugins=Counter(one.status for one in self.plugins.infos()),
            data_dir=str(self.settings.data_dir),
        )

    async def list_plugins(self) -> list[PluginInfo]:
        """Every plugin with its status and, where something is wrong, the reason."""
        return self.plugins.infos()

    async def statistics(self) -> HubStatistics:
        """All that is counted: events, subscribers, services, plugins, loop, storage, memory, CPU time, disk."""
        core = self.core
        return HubStatistics(
            uptime_s=round(self._uptime(), 3),
            rss_mib=rss_mib(),
            cpu_s=time.process_time(),
            events=core.bus.event_counts(),
            state_entries=len(core.state),
            subscribers=core.bus.stats(),
            services=core.services.stats(),
            plugins=self.plugins.stats(),
            loop=self.watchdog.stats(),
            storage=core.storage.stats(),
            journal=self.journal.stats(),
            disk_bytes=disk_bytes() - self._disk_before,
        )

    async def show_config(self) -> dict[str, Any]:
        """The configuration in force; secrets are hidden."""
        return config.show(self.settings)

    async def reload_config(self) -> config.Reloaded:
        """Read the configuration again and restart plugins with new settings. A mistake in it changes nothing."""
        # In a task of the hub's own: the caller may be a plugin that is restarted.
        done = await asyncio.shield(self.tasks.start("reads the configuration", self.reload()))
        if done.error:
            raise ConfigError(done.error)
        return done

    async def log_level(self, plugin: str = "", level: logs.Level | None = None) -> dict[str, logs.Level]:
        """Log a plugin, a library or the `hub` from a level on until the next start, or again as configured.

        Tells the levels that are not the hub's, and that one; without a plugin it does nothing else.
        """
        known = {"", "hub", *logs.owners(), *(one.id for one in self.plugins.infos())}
        if plugin not in known:
            raise HubError(f"nothing here logs as {plugin!r}{did_you_mean(plugin, known)}")
        if plugin:
            logs.set_level(plugin, level)
        return logs.levels()

    async def stop_hub(self, code: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0) -> None:
        """Stop the hub; it exits with `code`."""
        self.ask_to_stop(code)

    def _offer(self, services: Mapping[str, Any], of: object) -> None:
        for name, work in services.items():
            self.core.services.register(name, work.__get__(of), "hub")

    def _versions(self) -> dict[str, str]:
        return {one.id: one.version for one in self.plugins.infos()}

    def _uptime(self) -> float:
        return time.monotonic() - self._begun

    def _trouble(self, trouble: Trouble, file: str, reason: str) -> None:
        self.core.bus.publish(f"storage.{trouble}", "hub", StorageTrouble(file, reason))

    def _blocked(self, report: LoopBlocked) -> None:
        self.core.bus.publish("hub.loop_blocked", f"plugin/{report.plugin}" if report.plugin else "hub", report)
        self.plugins.blocked(report)


EVENTS: dict[str, type[msgspec.Struct] | None] = {
    **dict.fromkeys(("hub.started", "hub.stopping")),
    "hub.config_reloaded": config.Reloaded,
    "hub.loop_blocked": LoopBlocked,
    **dict.fromkeys(("storage.failing", "storage.recovered", "storage.repaired"), StorageTrouble),
}
SERVICES: dict[str, Callable[..., Any]] = {
    "hub.status": Hub.status,
    "hub.plugins": Hub.list_plugins,
    "hub.statistics": Hub.statistics,
    "hub.config": Hub.show_config,
    "hub.reload_config": Hub.reload_config,
    "hub.log_level": Hub.log_level,
    "hub.stop": Hub.stop_hub,
}
"""The services of the hub itself, and below those of its plugin manager."""

PLUGIN_SERVICES: dict[str, Callable[..., Any]] = {
    f"hub.{name}_plugin": getattr(PluginManager, name)
    for name in ("restart", "reload", "load", "unload", "enable", "disable")
}


def _config_of(settings: config.Config) -> ConfigOf:
    return lambda manifest, struct: config.section(settings, manifest.id, struct, manifest.config)


def disk_bytes() -> int:
    """Bytes that this process had the disk write, in whole pages; 0 where the kernel does not count them."""
    with suppress(OSError):
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("write_bytes:")), 0)
    return 0


def rss_mib() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / _MIB, 1)
