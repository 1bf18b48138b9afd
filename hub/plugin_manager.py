"""The plugin manager: starts plugins in the order of their needs, and keeps their faults to themselves.

A failed start is retried with growing pauses and ends in quarantine, with the reason shown; a mistake that only a
person can mend (configuration, manifest) is not retried. The rest of the hub goes on in every case.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from hub.errors import ConfigError, HubError, ManifestError, PluginError
from hub.hosts.core import Core
from hub.hosts.inside import InsideHost, load_class
from hub.manifest import Manifest
from hub.plugin_order import start_order
from hub.suggest import did_you_mean
from hub.tasks import TaskGroup
from hub.types import Event, PluginInfo, Undo

type ConfigOf = Callable[[Manifest, type | None], Any]

_START_LIMIT = 30.0
_PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
_LOG = logging.getLogger("hub.plugins")


class _Record:
    """One plugin and how it fares."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.host: InsideHost | None = None
        self.status = "stopped"
        self.reason = ""
        self.failures = 0
        self.restarts = 0
        self.errors = 0
        self.retry: Undo | None = None

    def info(self) -> PluginInfo:
        about = self.manifest
        return PluginInfo(
            about.id, about.version, self.status, about.description, self.reason, self.restarts, self.errors
        )


class PluginManager:
    """All plugins of one hub. `config_of(manifest, Config struct or None)` gives a plugin's configuration."""

    def __init__(self, core: Core, manifests: Iterable[Manifest], config_of: ConfigOf) -> None:
        self._core = core
        self._config_of = config_of
        self._records = {one.id: _Record(one) for one in manifests}
        self._tasks = TaskGroup("plugins")
        self._order: list[str] = []
        self._lock = asyncio.Lock()
        core.bus.declare("plugin.status", PluginInfo, "hub")

    def infos(self) -> list[PluginInfo]:
        """Every plugin, by id."""
        return [self._records[name].info() for name in sorted(self._records)]

    async def start(self) -> None:
        """Start all plugins, independent ones side by side."""
        self._order, refused = start_order({name: one.manifest for name, one in self._records.items()})
        for name, reason in refused.items():
            self._note(self._records[name], "failed", reason)
        async with self._lock:
            await self._start_many(self._order)

    async def stop(self) -> None:
        """Stop all plugins in reverse order; a plugin that will not stop is left behind, and named in the log."""
        for record in self._records.values():
            self._forget_retry(record)
        await self._tasks.cancel()  # a start that hangs must not hold up the end
        async with self._lock:
            for name in reversed(self._order):
                await self._stop_one(self._records[name])

    async def restart(self, plugin: str) -> PluginInfo:
        """Stop and start a plugin and those that require it.

        Raises PluginError for an id that is not there.
        """
        record = self._records.get(plugin)
        if record is None:
            raise PluginError(
                f"there is no plugin {plugin!r}{did_you_mean(plugin, self._records)}; `hub plugins list` shows all",
                plugin=plugin,
            )
        if plugin in self._order:
            # In a task of the manager's own: the caller may be a task of the plugin that goes down.
            await asyncio.shield(self._tasks.start(f"restarts {plugin}", self._restart(plugin)))
        return record.info()

    async def _restart(self, plugin: str) -> None:
        async with self._lock:
            affected = self._dependents(plugin)
            for name in reversed(affected):
                self._forget_retry(self._records[name])
                await self._stop_one(self._records[name])
            for name in affected:
                self._records[name].failures = 0
                self._records[name].restarts += 1
            await self._start_many(affected)

    def handler_failed(self, owner: str, event: Event, error: Exception) -> None:
        """Count and log a subscriber's failure against its plugin."""
        self._failed(owner, f"handler of {event.type} {event.subject}", error)

    def _failed(self, owner: str, what: str, error: BaseException) -> None:
        if (record := self._records.get(owner)) is not None:
            record.errors += 1
        _LOG.error("%s: %s failed: %s: %s", owner, what, type(error).__name__, error, exc_info=error)

    async def _start_many(self, names: list[str]) -> None:
        begun: dict[str, asyncio.Task[None]] = {}
        for name in names:
            about = self._records[name].manifest
            first = [begun[need] for need in (*about.requires, *about.after) if need in begun]
            begun[name] = self._tasks.start(f"starts {name}", self._start_behind(self._records[name], first))
        await asyncio.gather(*begun.values())

    async def _start_behind(self, record: _Record, first: list[asyncio.Task[None]]) -> None:
        if first:
            await asyncio.wait(first)
        await self._start_one(record)

    async def _start_one(self, record: _Record) -> None:
        name = record.manifest.id
        down = [need for need in record.manifest.requires if self._records[need].status != "running"]
        if down:
            self._note(record, "failed", f"{name} requires {down[0]}, which is not running")
            self._retry(record)
            return
        self._note(record, "starting")
        try:
            cls = await asyncio.to_thread(load_class, record.manifest)
            config = self._config_of(record.manifest, cls.Config)
            record.host = InsideHost(self._core, record.manifest, config, self._on_task_error(name), cls)
            await _within(_START_LIMIT, record.host.start(), name)
        except (ConfigError, ManifestError, PluginError) as error:
            self._note(record, "failed", str(error))
        except Exception as error:  # noqa: BLE001 - a plugin's failed start is its own
            self._start_failed(record, error)
        else:
            record.failures = 0
            self._note(record, "running")

    def _start_failed(self, record: _Record, error: Exception) -> None:
        record.errors += 1
        if isinstance(error, HubError):
            self._note(record, "failed", str(error))
        else:
            self._note(record, "failed", f"{type(error).__name__}: {error}", error)
        self._retry(record)

    def _retry(self, record: _Record) -> None:
        if record.failures >= len(_PAUSES):
            self._note(record, "quarantined", record.reason)
            return
        pause = _PAUSES[record.failures]
        record.failures += 1
        name = record.manifest.id
        record.retry = self._core.clock.call_later(
            pause, lambda: self._tasks.start(f"restarts {name}", self._start_again(record))
        )

    async def _start_again(self, record: _Record) -> None:
        async with self._lock:
            if record.status == "failed":
                self._forget_retry(record)
                record.restarts += 1
                await self._start_one(record)

    async def _stop_one(self, record: _Record) -> None:
        host, record.host = record.host, None
        if host is not None and (problem := await host.stop()):
            record.errors += 1
            _LOG.warning("Plugin %s: %s", record.manifest.id, problem)
        if record.status in {"running", "starting"}:
            self._note(record, "stopped")

    def _note(self, record: _Record, status: str, reason: str = "", error: Exception | None = None) -> None:
        record.status, record.reason = status, reason
        if status in {"failed", "quarantined"}:
            what = "failed to start" if status == "failed" else "is quarantined"
            _LOG.error("Plugin %s %s: %s", record.manifest.id, what, reason, exc_info=error)
        elif status == "running":
            _LOG.info("Plugin %s %s is running", record.manifest.id, record.manifest.version)
        self._core.bus.publish("plugin.status", f"plugin/{record.manifest.id}", record.info())

    def _forget_retry(self, record: _Record) -> None:
        if record.retry is not None:
            record.retry()
            record.retry = None

    def _dependents(self, plugin: str) -> list[str]:
        affected = {plugin}
        for name in self._order:
            if affected & self._records[name].manifest.requires.keys():
                affected.add(name)
        return [name for name in self._order if name in affected]

    def _on_task_error(self, owner: str) -> Callable[[str, BaseException], None]:
        return lambda name, error: self._failed(owner, f"task {name}", error)


async def _within(seconds: float, start: Awaitable[None], name: str) -> None:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await start
    except TimeoutError as error:
        if limit.expired():
            raise HubError(f"{name} did not start within {seconds:g} s") from error
        raise


def choose(found: Mapping[str, Manifest], enable: Iterable[str], disable: Iterable[str]) -> list[Manifest]:
    """The manifests to run, with all they require; every name in `enable` must be `found`."""
    wanted = {name for name, one in found.items() if one.enabled} | {*enable}
    wanted -= {*disable}
    queue = [*wanted]
    while queue:
        for need in found[queue.pop()].requires:
            if need in found and need not in wanted and need not in disable:
                wanted.add(need)
                queue.append(need)
    return [found[name] for name in sorted(wanted)]
