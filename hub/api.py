"""All that a plugin author imports: version 1 of the contract between the hub and its plugins.

    from hub.api import Event, Plugin, on, service

    class Doorbell(Plugin):
        @on("device.button", subject="device/front-door/#")
        async def ring(self, event: Event) -> None:
            await self.ctx.services.call("chime.play", tone="westminster")

        @service
        async def tones(self) -> list[str]:
            '''The tones there are.'''
            return ["westminster", "bell"]

This module holds protocols, values and decorators and no engine, so a plugin can run inside the hub, in a
process of its own or on another machine without changing a line.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, overload
from weakref import WeakKeyDictionary

import msgspec

from hub.context import (
    Clock,
    Context,
    Events,
    Handler,
    Overflow,
    Predicate,
    Services,
    State,
    Storage,
    Task,
    Tasks,
    Transaction,
    Watcher,
)
from hub.errors import (
    ConfigError,
    EventError,
    HubError,
    InvalidArgumentError,
    NotPermittedError,
    PluginError,
    ServiceBusyError,
    ServiceError,
    ServiceFailedError,
    ServiceTimeoutError,
    ServiceUnavailableError,
    StateError,
    StorageConflictError,
    StorageError,
    UnknownServiceError,
)
from hub.patterns import subject_matcher, type_matcher
from hub.stats import HubStatistics, PluginStats, ServiceStats, SubscriberStats
from hub.types import (
    Call,
    Event,
    HubStatus,
    Limits,
    LoopBlocked,
    PluginInfo,
    ServiceInfo,
    StateChanged,
    StateEntry,
    Undo,
)

API_VERSION = "1"


class Plugin:
    """The base of every plugin: methods marked `@on` and `@service` are wired when it starts, and undone when it goes.

    `Config` is a msgspec.Struct with the settings and their defaults. `emits` lists the structs, marked `@event`, that
    the plugin publishes. `start` returns when the plugin is ready; `stop` runs before everything is undone.
    """

    Config: ClassVar[type[msgspec.Struct] | None] = None
    emits: ClassVar[tuple[type[msgspec.Struct], ...]] = ()

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx

    async def start(self) -> None:
        """Become ready; raise to refuse, with one sentence that says why."""

    async def stop(self) -> None:
        """Say goodbye; what was registered is undone afterwards."""


class Hearing(NamedTuple):
    """What `@on` notes on a function."""

    type: str
    subject: str
    options: dict[str, Any]


def on[F: Callable[..., object]](type: str, *, subject: str = "#", **options: Any) -> Callable[[F], F]:  # noqa: A002, ANN401
    """Mark a function to hear events by type and subject pattern; it may be marked more than once.

    `options` are those of `Events.subscribe`: priority, queue, overflow, timeout, concurrency, predicate.
    Raises PatternError for a malformed pattern.
    """
    type_matcher(type)
    subject_matcher(subject)

    def mark(function: F) -> F:
        heard = [*hearings(function), Hearing(type, subject, options)]
        function.__hub_hearings__ = heard  # type: ignore[attr-defined]
        return function

    return mark


@overload
def service[F: Callable[..., object]](function: F, /) -> F: ...
@overload
def service[F: Callable[..., object]](*, limits: Limits) -> Callable[[F], F]: ...
def service(function: Any = None, /, *, limits: Limits | None = None) -> Any:
    """Mark an async method as the service `<plugin id>.<its name>`, bare or as `@service(limits=Limits(...))`.

    One that yields gives a stream.
    """

    def mark(marked: Any) -> Any:  # noqa: ANN401 - a function
        marked.__hub_service__ = limits or Limits()
        return marked

    return mark if function is None else mark(function)


def event[S: type[msgspec.Struct]](type: str) -> Callable[[S], S]:  # noqa: A002 - CloudEvents' name
    """Mark a frozen struct as the data of an event type; a plugin that publishes it lists it in `emits`."""
    type_matcher(type)

    def mark(struct: S) -> S:
        _EVENT_TYPES[struct] = type
        return struct

    return mark


def hearings(function: object) -> list[Hearing]:
    """What `@on` noted on a function; empty for an unmarked one."""
    return list(getattr(function, "__hub_hearings__", ()))


def service_limits(function: object) -> Limits | None:
    """The limits that `@service` noted on a function; `None` for an unmarked one."""
    found: Limits | None = getattr(function, "__hub_service__", None)
    return found


def event_type(struct: type[msgspec.Struct]) -> str:
    """The event type that `@event` gave to a struct.

    Raises EventError for an unmarked one.
    """
    try:
        return _EVENT_TYPES[struct]
    except KeyError:
        raise EventError(f"{struct.__name__} is not marked as an event; put @event('...') above the class") from None


_EVENT_TYPES: WeakKeyDictionary[type[msgspec.Struct], str] = WeakKeyDictionary()  # a reloaded plugin makes new ones

# fmt: off - a screen has few lines
__all__ = [
    "API_VERSION",
    "Call",
    "Clock",
    "ConfigError",
    "Context",
    "Event",
    "EventError",
    "Events",
    "Handler",
    "Hearing",
    "HubError",
    "HubStatistics",
    "HubStatus",
    "InvalidArgumentError",
    "Limits",
    "LoopBlocked",
    "NotPermittedError",
    "Overflow",
    "Plugin",
    "PluginError",
    "PluginInfo",
    "PluginStats",
    "Predicate",
    "ServiceBusyError",
    "ServiceError",
    "ServiceFailedError",
    "ServiceInfo",
    "ServiceStats",
    "ServiceTimeoutError",
    "ServiceUnavailableError",
    "Services",
    "State",
    "StateChanged",
    "StateEntry",
    "StateError",
    "Storage",
    "StorageConflictError",
    "StorageError",
    "SubscriberStats",
    "Task",
    "Tasks",
    "Transaction",
    "Undo",
    "UnknownServiceError",
    "Watcher",
    "event",
    "event_type",
    "hearings",
    "on",
    "service",
    "service_limits",
]
# fmt: on
