# ruff: noqa: D102 - what these methods promise stands in hub.context
"""What a plugin that does not come with the hub may do: whatever its manifest lists under [permissions].

Its Context is replaced by one that asks first. A refusal is a NotPermittedError that names the line to add.
"""

import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Protocol

import msgspec

from hub.api import Handler, Services, State, Task, Tasks
from hub.errors import ManifestError, NotPermittedError, PluginError
from hub.hosts.audit import Bounds, carried, watch
from hub.hosts.parts import OwnEvents, Registrations
from hub.manifest import FILE_NAME, Manifest
from hub.patterns import Matcher, PatternError, subject_matcher, type_matcher
from hub.tasks import TaskGroup
from hub.types import Event, Limits, ServiceInfo, StateEntry, Undo

TASK_LIMIT = 2000
KEPT_LIMIT = 1000
"""How many tasks, and how much else that must be undone, a plugin may have at a time: it leaks if it wants more."""

CHANGED = "state.changed"
_REMEMBERED = 8192


class Dialect(NamedTuple):
    """How patterns are written: parts by `separator`, `one` for any part, `rest` for any number of them."""

    matcher: Callable[[str], Matcher | None]
    separator: str
    one: str
    rest: str


TYPES = Dialect(type_matcher, ".", "*", "**")
SUBJECTS = Dialect(subject_matcher, "/", "+", "#")


class Guarded(Protocol):
    """The Context of a plugin inside the hub, as far as it is guarded."""

    events: OwnEvents
    services: Services
    state: State
    tasks: Tasks
    kept: Registrations
    data_dir: Path

    @property
    def group(self) -> TaskGroup:
        """What the tasks are in."""


def guard(ctx: Guarded, manifest: Manifest) -> None:
    """Hold a Context, and what its plugin does beside it, to the permissions of a manifest until all is undone.

    Raises ManifestError for a permission that is no pattern.
    """
    bounds = Bounds(manifest, ctx.data_dir)
    publish, hear, call, offer = (Rule(manifest, bounds, key, TYPES) for key in ("publish", "hear", "call", "offer"))
    read, write = (Rule(manifest, bounds, key, SUBJECTS) for key in ("read", "write"))
    ctx.events = GuardedEvents(ctx.events, publish, hear, read)
    ctx.services = GuardedServices(ctx.services, call, offer)
    ctx.state = GuardedState(ctx.state, read, write)
    ctx.tasks = GuardedTasks(ctx.group, bounds)
    ctx.kept.limit = KEPT_LIMIT
    ctx.kept.keep(watch(bounds))


def covers(allowed: str, wanted: str, dialect: Dialect = TYPES) -> bool:
    """Whether all that the pattern `wanted` can match is matched by `allowed` too; when in doubt it says no.

    A `rest` in `wanted` needs one in `allowed`.
    """
    _, separator, one, rest = dialect
    parts = allowed.split(separator)
    reached = _past_rests({0}, parts, rest)
    for part in wanted.split(separator):
        stays = {at for at in reached if parts[at : at + 1] == [rest]}
        fits = [part] if part == rest else [part, one]
        reached = _past_rests(stays | {at + 1 for at in reached if at < len(parts) and parts[at] in fits}, parts, rest)
    return len(parts) in reached


def _past_rests(reached: set[int], parts: list[str], rest: str) -> set[int]:
    """Add the places behind each `rest`, which may stand for nothing."""
    found = {*reached}
    for at, part in enumerate(parts):
        if at in found and part == rest:
            found.add(at + 1)
    return found


class Rule(dict[str, bool]):
    """One permission: which names it allows. What was decided once is looked up."""

    def __init__(self, manifest: Manifest, bounds: Bounds, key: str, dialect: Dialect) -> None:
        super().__init__()
        self._bounds = bounds
        self._key = key
        self._dialect = dialect
        self._patterns: list[str] = getattr(manifest.permissions, key)
        try:
            self._matchers = [dialect.matcher(pattern) for pattern in self._patterns]
        except PatternError as error:
            raise ManifestError(str(error), where=f"{manifest.folder / FILE_NAME}: permissions.{key}") from error

    def __missing__(self, name: str) -> bool:
        if len(self) >= _REMEMBERED:
            self.clear()
        allowed = self[name] = any(matches is None or matches(name) for matches in self._matchers)
        return allowed

    def check(self, name: str) -> None:
        """Refuse a name that is not allowed."""
        if not self[name]:
            self.refuse(name)

    def check_pattern(self, wanted: str) -> None:
        """Refuse a pattern that can match what is not allowed."""
        if not any(covers(pattern, wanted, self._dialect) for pattern in self._patterns):
            self.refuse(wanted)

    def refuse(self, name: str) -> NoReturn:
        """Say what may not be done, and the line to add."""
        quoted = json.dumps(name, ensure_ascii=False)
        raise NotPermittedError(self._bounds.refusal(f"{self._key} {name}", f"add {quoted} to {self._key} in"))


class GuardedEvents:
    """The bus: see `hub.api.Events`. Who hears changes of state reads it."""

    def __init__(self, events: OwnEvents, publish: Rule, hear: Rule, read: Rule) -> None:
        self._events = events
        self._publish = events.publish
        self._may_publish = publish
        self._may_hear = hear
        self._may_read = read

    def publish(self, type: str, subject: str, data: Any = None) -> Event:  # noqa: A002, ANN401
        if not self._may_publish[type]:
            self._may_publish.refuse(type)
        return self._publish(type, subject, data)

    def subscribe(self, type: str, handler: Handler, *, subject: str = "#", **options: Any) -> Undo:  # noqa: A002, ANN401
        matches = type_matcher(type)
        subject_matcher(subject)
        if type != CHANGED:
            self._may_hear.check_pattern(type)
        if matches is None or matches(CHANGED):
            self._may_read.check_pattern(subject)
        return self._events.subscribe(type, handler, subject=subject, **options)

    def history(self, type: str = "**", *, subject: str = "#", after: int = 0) -> Sequence[Event]:  # noqa: A002
        if "*" not in type and type != CHANGED:
            self._may_hear.check(type)
        return [event for event in self._events.history(type, subject=subject, after=after) if self._is_for(event)]

    def declare(self, type: str, struct: type[msgspec.Struct]) -> Undo:  # noqa: A002
        self._may_publish.check(type)
        return self._events.declare(type, struct)

    def _is_for(self, event: Event) -> bool:
        return self._may_read[event.subject] if event.type == CHANGED else self._may_hear[event.type]


class GuardedServices:
    """The registry: see `hub.api.Services`. The names of services are no secret."""

    def __init__(self, services: Services, call: Rule, offer: Rule) -> None:
        self._services = services
        self._may_call = call
        self._may_offer = offer
        self.list: Callable[[], Sequence[ServiceInfo]] = services.list

    def call(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> Coroutine[Any, Any, Any]:  # noqa: ANN401
        if not self._may_call[name]:
            self._may_call.refuse(name)
        return self._services.call(name, timeout=timeout, **arguments)

    def stream(self, name: str, /, *, timeout: float = 10.0, **arguments: Any) -> AsyncGenerator[Any]:  # noqa: ANN401
        self._may_call.check(name)
        return self._services.stream(name, timeout=timeout, **arguments)

    def register(self, name: str, function: Callable[..., Any], *, limits: Limits | None = None) -> Undo:
        self._may_offer.check(name)
        return self._services.register(name, function, limits=limits)


class GuardedState:
    """The state: see `hub.api.State`."""

    def __init__(self, state: State, read: Rule, write: Rule) -> None:
        self._state = state
        self._get = state.get
        self._set = state.set
        self._may_read = read
        self._may_write = write

    def get(self, path: str, default: Any = None) -> Any:  # noqa: ANN401
        if not self._may_read[path]:
            self._may_read.refuse(path)
        return self._get(path, default)

    def entry(self, path: str) -> StateEntry | None:
        self._may_read.check(path)
        return self._state.entry(path)

    def set(self, path: str, value: Any, *, ttl: float | None = None) -> StateEntry:  # noqa: ANN401
        if not self._may_write[path]:
            self._may_write.refuse(path)
        return self._set(path, value, ttl=ttl)

    def compare_and_set(self, path: str, value: Any, version: int) -> bool:  # noqa: ANN401
        self._may_write.check(path)
        return self._state.compare_and_set(path, value, version)

    def delete(self, path: str) -> bool:
        self._may_write.check(path)
        return self._state.delete(path)

    def list(self, prefix: str = "") -> Mapping[str, StateEntry]:
        may_read = self._may_read
        return {path: entry for path, entry in self._state.list(prefix).items() if may_read[path]}

    def watch(self, pattern: str, handler: Handler) -> Undo:
        subject_matcher(pattern)
        self._may_read.check_pattern(pattern)
        return self._state.watch(pattern, handler)


class GuardedTasks:
    """The plugin's tasks: see `hub.api.Tasks`. What a library does in them is done by the plugin."""

    def __init__(self, tasks: TaskGroup, bounds: Bounds) -> None:
        self._tasks = tasks
        self._bounds = bounds

    def start[T](self, name: str, work: Coroutine[Any, Any, T]) -> Task[T]:
        if len(self._tasks) >= TASK_LIMIT:
            work.close()
            owner = self._tasks.owner
            raise PluginError(
                f"{owner} may not have more than {TASK_LIMIT} tasks at a time; let old ones end", plugin=owner
            )
        return self._tasks.start(name, carried(self._bounds, work))
