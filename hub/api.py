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
from typing import ClassVar, NamedTuple

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
)
from hub.errors import (
    ConfigError,
    EventError,
    HubError,
    InvalidArgumentError,
    PluginError,
    ServiceError,
    ServiceFailedError,
    ServiceTimeoutError,
    StateError,
    StorageError,
    UnknownServiceError,
)
from hub.patterns import subject_matcher, type_matcher
from hub.types import Call, Event, PluginInfo, ServiceInfo, StateChanged, StateEntry, Undo

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
    priority: int


def on[F: Callable[..., object]](type: str, *, subject: str = "#", priority: int = 0) -> Callable[[F], F]:  # noqa: A002
    """Mark a function to hear events by type and subject pattern; it may be marked more than once.

    Raises PatternError for a malformed pattern.
    """
    type_matcher(type)
    subject_matcher(subject)

    def mark(function: F) -> F:
        heard = [*hearings(function), Hearing(type, subject, priority)]
        function.__hub_hearings__ = heard  # type: ignore[attr-defined]
        return function

    return mark


def service[F: Callable[..., object]](function: F) -> F:
    """Mark an async method as the service `<plugin id>.<its name>`."""
    function.__hub_service__ = True  # type: ignore[attr-defined]
    return function


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


def is_service(function: object) -> bool:
    """Whether `@service` marks the function."""
    return bool(getattr(function, "__hub_service__", False))


def event_type(struct: type[msgspec.Struct]) -> str:
    """The event type that `@event` gave to a struct.

    Raises EventError for an unmarked one.
    """
    try:
        return _EVENT_TYPES[struct]
    except KeyError:
        raise EventError(f"{struct.__name__} is not marked as an event; put @event('...') above the class") from None


_EVENT_TYPES: dict[type[msgspec.Struct], str] = {}

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
    "InvalidArgumentError",
    "Overflow",
    "Plugin",
    "PluginError",
    "PluginInfo",
    "Predicate",
    "ServiceError",
    "ServiceFailedError",
    "ServiceInfo",
    "ServiceTimeoutError",
    "Services",
    "State",
    "StateChanged",
    "StateEntry",
    "StateError",
    "Storage",
    "StorageError",
    "Task",
    "Tasks",
    "Undo",
    "UnknownServiceError",
    "event",
    "event_type",
    "hearings",
    "is_service",
    "on",
    "service",
]
