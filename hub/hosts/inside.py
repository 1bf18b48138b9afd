"""A plugin inside the hub's own process: its Context, its life, and the undoing of all it registered."""

import asyncio
import inspect
import logging
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, cast, override

from hub import logs
from hub.api import Clock, Context, Plugin, Services, State, Storage, Tasks, event_type, hearings, service_limits
from hub.errors import HubError, PluginError, StorageError
from hub.hosts.core import Core
from hub.hosts.loading import load_class
from hub.hosts.parts import (
    OwnEvents,
    PluginClock,
    PluginEvents,
    PluginServices,
    PluginState,
    PluginStorage,
    Registrations,
    Tally,
)
from hub.hosts.permissions import guard
from hub.manifest import Manifest
from hub.tasks import ENDS, Meter, OnError, TaskGroup

_STOP_LIMIT = 5.0


class PluginTasks(TaskGroup):
    """The tasks of a plugin; none can refuse to end. Once it `is_over` none begins any more."""

    is_over = False

    @override
    def start[T](self, name: str, work: Coroutine[Any, Any, T], meter: Meter | None = None) -> asyncio.Task[T]:
        if self.is_over:
            work.close()
            raise PluginError(f"{self.owner} was stopped; it cannot start {name} any more", plugin=self.owner)
        return super().start(name, work, meter)

    async def end(self) -> list[str]:
        """Cancel all tasks; returns the names of those that ignored it and were cut off where they stood."""
        alive = await self.cancel()
        for task in [one for one in self._tasks if one.get_name() in alive]:
            task.remove_done_callback(self._finished)
            task.add_done_callback(_passed_over)
            self._tasks.discard(task)
            with suppress(BaseException):  # whatever it says to that
                cast("Coroutine[Any, Any, Any]", task.get_coro()).close()
            task.cancel()  # wakes it, to find that it is over
        return alive


class InsideContext:
    """The Context (see `hub.api`) of a plugin that runs in the hub's process."""

    def __init__(
        self,
        core: Core,
        plugin: str,
        config: Any,  # noqa: ANN401
        on_error: OnError | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.plugin = plugin
        self.config = config
        self.log = logging.getLogger(f"hub.{plugin}")
        self.kept = Registrations(plugin)
        self.group = PluginTasks(plugin, on_error)
        tally = tally or Tally()
        events = PluginEvents(core, self.group, self.kept, tally)
        self.tasks: Tasks = self.group
        self.events: OwnEvents = events
        self.services: Services = PluginServices(core, plugin, self.kept)
        self.state: State = PluginState(core, plugin, events, tally)
        self.storage: Storage = PluginStorage(core, self.group, self.kept)
        self.clock: Clock = PluginClock(core, self.group, self.kept)
        self.data_dir: Path = core.data_dir / "plugins" / plugin

    def wire(self, plugin: Plugin) -> None:
        """Declare its events, offer its services, and let it hear what it marked.

        Raises PluginError when its start or its stop is not async.
        """
        for step in ("start", "stop"):
            if not inspect.iscoroutinefunction(getattr(plugin, step)):
                raise PluginError(
                    f"{self.plugin}: its {step} is not async; write `async def {step}`", plugin=self.plugin
                )
        for struct in plugin.emits:
            type_ = event_type(struct)
            if not struct.__struct_config__.frozen:
                why = f"who hears {type_} could change it for others; make {struct.__name__} frozen"
                raise PluginError(
                    f"{self.plugin}: {why}: `class {struct.__name__}(msgspec.Struct, frozen=True)`", plugin=self.plugin
                )
            self.events.declare(type_, struct)
        for name, function in inspect.getmembers_static(type(plugin), callable):
            if (limits := service_limits(function)) is not None:
                self.services.register(f"{self.plugin}.{name}", getattr(plugin, name), limits=limits)
            for heard in hearings(function):
                self.events.subscribe(heard.type, getattr(plugin, name), subject=heard.subject, **heard.options)

    async def close(self) -> list[str]:
        """Undo everything and end all tasks; returns the names of tasks that would not end."""
        self.kept.undo_all()
        try:
            return await self.group.end()
        finally:
            self.group.is_over = True
            self.kept.close()


class InsideHost:
    """Runs one plugin: loads its class, wires it, starts it, and takes everything back when it goes."""

    def __init__(
        self,
        core: Core,
        manifest: Manifest,
        config: Any,  # noqa: ANN401 - whatever the plugin's Config is
        on_error: OnError | None = None,
        cls: type[Plugin] | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.manifest = manifest
        self.context: InsideContext | None = None
        self.plugin: Plugin | None = None
        self._core = core
        self._config = config
        self._on_error = on_error
        self._cls = cls
        self._tally = tally
        self._life = PluginTasks(manifest.id, lambda _name, _error: None)

    async def start(self) -> None:
        """Bring the plugin up; when that fails, nothing of it is left.

        Raises whatever the plugin raised.
        """
        cls = self._cls or load_class(self.manifest)
        ctx = self.context = InsideContext(self._core, self.manifest.id, self._config, self._on_error, self._tally)
        try:
            if self.manifest.origin != "bundled":
                guard(ctx, self.manifest)
            await asyncio.to_thread(_make, ctx.data_dir)
            plugin = self.plugin = cls(cast("Context", ctx))  # its events are more than the plugin is told of
            ctx.wire(plugin)
            await self._live("starts", plugin.start(), ctx.group.meter)
        except BaseException:
            with suppress(Exception):
                await self._life.end()
                await self.stop()
            raise

    async def stop(self) -> str:
        """Let the plugin say goodbye, then undo everything it registered; returns what went wrong, or nothing."""
        plugin, ctx, self.plugin, self.context = self.plugin, self.context, None, None
        problem = ""
        try:
            if plugin is not None and ctx is not None:
                step = self._live("stops", plugin.stop(), ctx.group.meter, _STOP_LIMIT)
                problem = "" if await step else f"it did not stop within {_STOP_LIMIT:g} s"
        except ENDS:
            raise
        except BaseException as error:
            problem = f"its stop failed: {type(error).__name__}: {error}"
            logging.getLogger("hub.plugins").exception(
                "Plugin %s failed while stopping", self.manifest.id, extra=logs.NOT_ON_TERMINAL
            )
        finally:
            alive = [] if ctx is None else await ctx.close()
            alive += await self._life.end()
        return f"tasks would not end: {', '.join(alive)}" if alive else problem

    async def _live(self, name: str, step: Coroutine[Any, Any, None], meter: Meter, limit: float | None = None) -> bool:
        """Take one step in a task of its own, so that a plugin that ignores its end holds nobody up."""
        task = self._life.start(name, step, meter)
        done, _ = await asyncio.wait([task], timeout=limit)
        if task.cancelled():
            raise HubError(f"{self.manifest.id}: something it waited for was cancelled")
        if done:
            task.result()
        return bool(done)


def _passed_over(task: asyncio.Task[Any]) -> None:
    """Take note of the error of a task that was cut off, which says nothing more."""
    if not task.cancelled():
        task.exception()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"folder {folder} cannot be used: {error.strerror}; make it writable for the hub's user"
        ) from error
