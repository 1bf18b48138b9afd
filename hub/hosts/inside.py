"""A plugin inside the hub's own process: its Context, its life, and the undoing of all it registered."""

import asyncio
import importlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from hub import logs
from hub.api import (
    Clock,
    Events,
    Handler,
    Overflow,
    Plugin,
    Predicate,
    Services,
    State,
    Storage,
    Tasks,
    event_type,
    hearings,
    is_service,
)
from hub.errors import HubError, PluginError, StorageError
from hub.hosts.core import Core
from hub.manifest import Manifest
from hub.tasks import FAULTS, OnError, TaskGroup, as_fault
from hub.types import Event, ServiceInfo, StateEntry, Undo

_STOP_LIMIT = 5.0


class Registrations:
    """What one plugin has registered, to be undone in reverse order when it goes."""

    def __init__(self) -> None:
        self._undos: dict[int, Undo] = {}
        self._next = 0

    def keep(self, undo: Undo) -> Undo:
        """Remember an undo; the one returned forgets it again."""
        self._next += 1
        number = self._next
        self._undos[number] = undo

        def once() -> None:
            if (known := self._undos.pop(number, None)) is not None:
                known()

        return once

    def undo_all(self) -> None:
        """Undo everything, newest first."""
        while self._undos:
            self._undos.popitem()[1]()


class _Events:
    def __init__(self, core: Core, owner: str, tasks: TaskGroup, kept: Registrations) -> None:
        self._bus = core.bus
        self._publish = core.bus.publish
        self._subscribe = core.bus.subscribe
        self._owner = owner
        self._tasks = tasks
        self._kept = kept

    def publish(self, type: str, subject: str, data: Any = None) -> Event:  # noqa: A002, ANN401
        return self._publish(type, subject, data, self._owner)

    def subscribe(  # noqa: PLR0913 - hub.api.Events
        self,
        type: str,  # noqa: A002
        handler: Handler,
        *,
        subject: str = "#",
        predicate: Predicate | None = None,
        priority: int = 0,
        queue: int = 1000,
        overflow: Overflow = "drop_oldest",
    ) -> Undo:
        undo = self._subscribe(
            type,
            handler,
            tasks=self._tasks,
            subject=subject,
            predicate=predicate,
            priority=priority,
            queue=queue,
            overflow=overflow,
        )
        return self._kept.keep(undo)

    def declare(self, type: str, struct: type[msgspec.Struct]) -> Undo:  # noqa: A002
        return self._kept.keep(self._bus.declare(type, struct, self._owner))


class _Services:
    def __init__(self, core: Core, owner: str, kept: Registrations) -> None:
        self._registry = core.services
        self._owner = owner
        self._kept = kept

    def call(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> Coroutine[Any, Any, Any]:  # noqa: ANN401
        return self._registry.call(name, arguments, caller=self._owner, timeout=timeout)

    def register(self, name: str, function: Callable[..., Awaitable[Any]]) -> Undo:
        return self._kept.keep(self._registry.register(name, function, self._owner))

    def list(self) -> Sequence[ServiceInfo]:
        return self._registry.list()


class _Clock:
    def __init__(self, core: Core, tasks: TaskGroup, kept: Registrations) -> None:
        self._clock = core.clock
        self._tasks = tasks
        self._kept = kept
        self.now = core.clock.now
        self.monotonic = core.clock.monotonic
        self.sleep = core.clock.sleep

    def call_later(self, delay: float, callback: Callable[[], object]) -> Undo:
        def due() -> None:
            undo()
            try:
                callback()
            except FAULTS as error:
                self._tasks.report("timer", as_fault(error))

        undo = self._kept.keep(self._clock.call_later(delay, due))
        return undo


class _State:
    def __init__(self, core: Core, owner: str, events: _Events) -> None:
        self._engine = core.state
        self._owner = owner
        self._events = events
        self.get = core.state.get
        self.entry = core.state.entry
        self.list: Callable[..., Mapping[str, StateEntry]] = core.state.list

    def set(self, path: str, value: Any) -> StateEntry:  # noqa: ANN401
        return self._engine.set(path, value, self._owner)

    def compare_and_set(self, path: str, value: Any, version: int) -> bool:  # noqa: ANN401
        return self._engine.compare_and_set(path, value, version, self._owner)

    def delete(self, path: str) -> bool:
        return self._engine.delete(path, self._owner)

    def watch(self, pattern: str, handler: Handler) -> Undo:
        return self._events.subscribe("state.changed", handler, subject=pattern)


class InsideContext:
    """The Context (see `hub.api`) of a plugin that runs in the hub's process."""

    def __init__(self, core: Core, plugin: str, config: Any, on_error: OnError | None = None) -> None:  # noqa: ANN401
        self.plugin = plugin
        self.config = config
        self.log = logging.getLogger(f"hub.{plugin}")
        self.kept = Registrations()
        self._group = TaskGroup(plugin, on_error)
        self._events = _Events(core, plugin, self._group, self.kept)
        self.tasks: Tasks = self._group
        self.events: Events = self._events
        self.services: Services = _Services(core, plugin, self.kept)
        self.state: State = _State(core, plugin, self._events)
        self.storage: Storage = core.storage.namespace(plugin)
        self.clock: Clock = _Clock(core, self._group, self.kept)
        self.data_dir: Path = core.data_dir / "plugins" / plugin

    def wire(self, plugin: Plugin) -> None:
        """Declare its events, offer its services, and let it hear what it marked."""
        for struct in plugin.emits:
            self._events.declare(event_type(struct), struct)
        for name, function in inspect.getmembers_static(type(plugin), callable):
            if is_service(function):
                self.services.register(f"{self.plugin}.{name}", getattr(plugin, name))
            for heard in hearings(function):
                self.events.subscribe(heard.type, getattr(plugin, name), subject=heard.subject, priority=heard.priority)

    async def close(self) -> list[str]:
        """Undo everything and end all tasks; returns the names of tasks that would not end."""
        self.kept.undo_all()
        alive = await self._group.cancel()
        self.kept.undo_all()
        return alive


class InsideHost:
    """Runs one plugin: loads its class, wires it, starts it, and takes everything back when it goes."""

    def __init__(
        self,
        core: Core,
        manifest: Manifest,
        config: Any,  # noqa: ANN401 - whatever the plugin's Config is
        on_error: OnError | None = None,
        cls: type[Plugin] | None = None,
    ) -> None:
        self.manifest = manifest
        self.context: InsideContext | None = None
        self.plugin: Plugin | None = None
        self._core = core
        self._config = config
        self._on_error = on_error
        self._cls = cls
        self._life = TaskGroup(manifest.id, lambda _name, _error: None)

    async def start(self) -> None:
        """Bring the plugin up; when that fails, nothing of it is left.

        Raises whatever the plugin raised.
        """
        cls = self._cls or load_class(self.manifest)
        ctx = self.context = InsideContext(self._core, self.manifest.id, self._config, self._on_error)
        try:
            await asyncio.to_thread(_make, ctx.data_dir)
            plugin = self.plugin = cls(ctx)
            ctx.wire(plugin)
            await self._live("starts", plugin.start())
        except BaseException:
            with suppress(Exception):
                await self._life.cancel()
                await self.stop()
            raise

    async def stop(self) -> str:
        """Let the plugin say goodbye, then undo everything it registered; returns what went wrong, or nothing."""
        plugin, ctx, self.plugin, self.context = self.plugin, self.context, None, None
        problem = ""
        try:
            if plugin is not None and not await self._live("stops", plugin.stop(), _STOP_LIMIT):
                problem = f"it did not stop within {_STOP_LIMIT:g} s"
        except Exception as error:
            problem = f"its stop failed: {type(error).__name__}: {error}"
            logging.getLogger("hub.plugins").exception(
                "Plugin %s failed while stopping", self.manifest.id, extra=logs.NOT_ON_TERMINAL
            )
        finally:
            alive = [] if ctx is None else await ctx.close()
            alive += await self._life.cancel()
        return f"tasks would not end: {', '.join(alive)}" if alive else problem

    async def _live(self, name: str, step: Coroutine[Any, Any, None], limit: float | None = None) -> bool:
        """Take one step in a task of its own, so that a plugin that ignores its end holds nobody up."""
        task = self._life.start(name, step)
        done, _ = await asyncio.wait([task], timeout=limit)
        if task.cancelled():
            raise HubError(f"{self.manifest.id}: something it waited for was cancelled")
        if done:
            task.result()
        return bool(done)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"folder {folder} cannot be used: {error.strerror}; make it writable for the hub's user"
        ) from error


def load_class(manifest: Manifest) -> type[Plugin]:
    """Import the class a manifest names.

    Raises PluginError with one sentence when it is not there or no Plugin.
    """
    module_name, _, class_name = manifest.entry.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except HubError:
        raise
    except FAULTS as error:
        raise PluginError(
            f"{manifest.id}: its module {module_name} cannot be imported: {type(error).__name__}: {error}",
            plugin=manifest.id,
        ) from error
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise PluginError(f"{manifest.id}: {manifest.entry} is not a class derived from Plugin", plugin=manifest.id)
    return found
