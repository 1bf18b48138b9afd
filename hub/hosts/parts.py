# ruff: noqa: D102 - what these methods promise stands in hub.context
"""What a Context is made of: the hub's engines as one plugin sees them. All it registers can be undone.

The calls that are made thousands of times a second (publish, set, call) do as little here as possible.
"""

import inspect
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from hub.api import Events, Handler, Overflow, Predicate, Watcher
from hub.errors import PluginError, StateError
from hub.hosts.core import Core
from hub.tasks import TaskGroup, as_fault
from hub.types import Event, Limits, ServiceInfo, StateEntry, Undo

PATH_LIMIT = 20_000
"""State paths that one plugin may create."""

_LOOK_S = 1.0  # how often, at most, a full plugin's paths are looked through for those that are gone


class OwnEvents(Events, Protocol):
    """Events as a host has them: it declares what the plugin emits."""

    def declare(self, type: str, struct: type[msgspec.Struct]) -> Undo:  # noqa: A002
        """Make a type publishable."""


class Tally:
    """What a plugin did so far, over all its lives: the events and changes it `published`, the state `paths` it has."""

    __slots__ = ("looked", "paths", "published")

    def __init__(self) -> None:
        self.published = 0
        self.paths: set[str] = set()
        self.looked = 0.0


class Registrations:
    """What one plugin has registered, at most `limit` at a time, to be undone in reverse order when it goes."""

    def __init__(self, owner: str = "") -> None:
        self.limit = sys.maxsize
        self._owner = owner
        self._undos: dict[int, Undo] = {}
        self._next = 0
        self._is_closed = False

    def keep(self, undo: Undo) -> Undo:
        """Remember an undo; the one returned forgets it again. What comes after the end is undone at once.

        Raises PluginError, and undoes it, when there are too many.
        """
        if self._is_closed:
            undo()
            return undo
        if len(self._undos) >= self.limit:
            undo()
            what = f"more than {self.limit} subscriptions, services, timers and watches at a time"
            raise PluginError(f"{self._owner} may not have {what}; undo what it needs no more", plugin=self._owner)
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

    def close(self) -> None:
        """Undo everything, and whatever is still to come."""
        self._is_closed = True
        self.undo_all()


class PluginEvents:
    """The bus: see `hub.api.Events`."""

    def __init__(self, core: Core, tasks: TaskGroup, kept: Registrations, tally: Tally) -> None:
        self._bus = core.bus
        self._publish = core.bus.publish
        self._owner = tasks.owner
        self._tasks = tasks
        self._kept = kept
        self._tally = tally

    def publish(self, type: str, subject: str, data: Any = None) -> Event:  # noqa: A002, ANN401
        event = self._publish(type, subject, data, self._owner)
        self._tally.published += 1
        return event

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
        timeout: float = 30.0,
        concurrency: int = 1,
    ) -> Undo:
        undo = self._bus.subscribe(
            type,
            handler,
            tasks=self._tasks,
            subject=subject,
            predicate=predicate,
            priority=priority,
            queue=queue,
            overflow=overflow,
            timeout=timeout,
            concurrency=concurrency,
        )
        return self._kept.keep(undo)

    def history(self, type: str = "**", *, subject: str = "#", after: int = 0) -> Sequence[Event]:  # noqa: A002
        return self._bus.history(type, subject=subject, after=after)

    def declare(self, type: str, struct: type[msgspec.Struct]) -> Undo:  # noqa: A002
        return self._kept.keep(self._bus.declare(type, struct, self._owner))


class PluginServices:
    """The registry: see `hub.api.Services`."""

    def __init__(self, core: Core, owner: str, kept: Registrations) -> None:
        self._registry = core.services
        self._owner = owner
        self._kept = kept

    def call(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> Coroutine[Any, Any, Any]:  # noqa: ANN401
        return self._registry.call(name, arguments, caller=self._owner, timeout=timeout)

    def stream(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> AsyncGenerator[Any]:  # noqa: ANN401
        return self._registry.stream(name, arguments, caller=self._owner, timeout=timeout)

    def register(self, name: str, function: Callable[..., Any], *, limits: Limits | None = None) -> Undo:
        return self._kept.keep(self._registry.register(name, function, self._owner, limits))

    def list(self) -> Sequence[ServiceInfo]:
        return self._registry.list()


class PluginState:
    """The state: see `hub.api.State`. A plugin may create at most `PATH_LIMIT` paths."""

    def __init__(self, core: Core, owner: str, events: Events, tally: Tally) -> None:
        self._set = core.state.set
        self._engine = core.state
        self._monotonic = core.clock.monotonic
        self._owner = owner
        self._events = events
        self._tally = tally
        self.get = core.state.get
        self.entry = core.state.entry
        self.list: Callable[..., Mapping[str, StateEntry]] = core.state.list

    def set(self, path: str, value: Any, *, ttl: float | None = None) -> StateEntry:  # noqa: ANN401
        old = self.entry(path)
        if old is None:
            self._check_room(path)
        # A keyword costs time.
        entry = self._set(path, value, self._owner) if ttl is None else self._set(path, value, self._owner, ttl=ttl)
        if old is None:
            self._tally.paths.add(path)
            self._tally.published += 1
        elif entry.version != old.version:
            self._tally.published += 1
        return entry

    def compare_and_set(self, path: str, value: Any, version: int) -> bool:  # noqa: ANN401
        old = self.entry(path)
        if old is None:
            self._check_room(path)
        is_set = self._engine.compare_and_set(path, value, version, self._owner)
        if is_set and old is None:
            self._tally.paths.add(path)
        if is_set and ((entry := self.entry(path)) is None or entry.version != version):
            self._tally.published += 1
        return is_set

    def delete(self, path: str) -> bool:
        is_gone = self._engine.delete(path, self._owner)
        if is_gone:
            self._tally.published += 1
            self._tally.paths.discard(path)
        return is_gone

    def watch(self, pattern: str, handler: Handler) -> Undo:
        return self._events.subscribe("state.changed", handler, subject=pattern)

    def _check_room(self, path: str) -> None:
        tally = self._tally
        if len(tally.paths) < PATH_LIMIT or path in tally.paths:
            return
        if (now := self._monotonic()) - tally.looked >= _LOOK_S:
            tally.looked = now
            tally.paths = {one for one in tally.paths if self.entry(one) is not None}
        if len(tally.paths) >= PATH_LIMIT:
            raise StateError(
                f"{self._owner} may not have more than {PATH_LIMIT} state paths; delete old ones, or use the storage"
            )


class PluginStorage:
    """The plugin's namespace: see `hub.api.Storage`."""

    def __init__(self, core: Core, tasks: TaskGroup, kept: Registrations) -> None:
        space = core.storage.namespace(tasks.owner)
        self._watch = space.watch
        self._tasks = tasks
        self._kept = kept
        self.get = space.get
        self.set = space.set
        self.delete = space.delete
        self.get_many = space.get_many
        self.set_many = space.set_many
        self.list = space.list
        self.compare_and_set = space.compare_and_set
        self.transaction = space.transaction

    def watch(self, prefix: str, watcher: Watcher) -> Undo:
        _check_plain(self._tasks.owner, "a watcher", watcher)

        def tell(key: str, value: Any) -> None:  # noqa: ANN401 - JSON-like
            try:
                watcher(key, value)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                self._tasks.report(f"watcher of {key}", as_fault(error))

        return self._kept.keep(self._watch(prefix, tell))


class PluginClock:
    """The clock: see `hub.api.Clock`."""

    def __init__(self, core: Core, tasks: TaskGroup, kept: Registrations) -> None:
        self._call_later = core.clock.call_later
        self._tasks = tasks
        self._kept = kept
        self.now = core.clock.now
        self.monotonic = core.clock.monotonic
        self.sleep = core.clock.sleep

    def call_later(self, delay: float, callback: Callable[[], object]) -> Undo:
        _check_plain(self._tasks.owner, "what a timer calls", callback)

        def due() -> None:
            undo()
            try:
                callback()
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                self._tasks.report("timer", as_fault(error))

        undo = self._kept.keep(self._call_later(delay, due))
        return undo


def _check_plain(owner: str, what: str, function: Callable[..., object]) -> None:
    """Refuse what would only make a coroutine that nobody runs."""
    if inspect.iscoroutinefunction(function):
        raise PluginError(f"{owner}: {what} must be a plain function; it may start a task", plugin=owner)
