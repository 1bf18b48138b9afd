"""The event bus: facts go out, nobody waits, and one bad handler hurts nobody else.

Plain handlers are called at once; async ones are fed by a standing worker from a bounded queue. An event that a
plain handler publishes is delivered when the current one is through, so every subscriber sees publish order.
"""

import asyncio
import inspect
import logging
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable
from time import time_ns
from typing import Any

import msgspec

from hub.api import Handler, Overflow, Predicate
from hub.errors import EventError
from hub.mailbox import Mailbox
from hub.patterns import Matcher, subject_matcher, type_matcher
from hub.tasks import TaskGroup
from hub.types import Event, Undo

type OnHandlerError = Callable[[str, Event, Exception], None]

_SUBJECTS = 8192
_BURST = 1000
_LOG = logging.getLogger("hub.bus")


class Subscription:
    """One subscriber; `deliver` is what the bus calls, replaced by a no-op once it is undone."""

    __slots__ = ("deliver", "handler", "owner", "priority", "subject", "type")

    def __init__(self, handler: Handler, owner: str, matchers: tuple[Matcher | None, Matcher | None]) -> None:
        self.handler = handler
        self.deliver = handler
        self.owner = owner
        self.type, self.subject = matchers
        self.priority = 0


class _Route:
    """What is known of one event type: its struct, and who hears it, by subject where that matters."""

    __slots__ = ("by_subject", "everyone", "struct", "subscribers")

    def __init__(self, struct: type | None, subscribers: tuple[Subscription, ...]) -> None:
        self.struct = struct
        self.subscribers = subscribers
        self.everyone = all(one.subject is None for one in subscribers)
        self.by_subject: dict[str, tuple[Subscription, ...]] = {}

    def resolve(self, subject: str) -> tuple[Subscription, ...]:
        found = tuple(one for one in self.subscribers if one.subject is None or one.subject(subject))
        if len(self.by_subject) >= _SUBJECTS:
            self.by_subject.clear()
        self.by_subject[subject] = found
        return found


class EventBus:
    """Publish and subscribe by type and subject. Not thread-safe: it belongs to one event loop."""

    def __init__(self, on_error: OnHandlerError | None = None) -> None:
        self._on_error = on_error or _log
        self._subscriptions: list[Subscription] = []
        self._routes: dict[str, _Route] = {}
        self._declared: dict[str, tuple[type[msgspec.Struct] | None, dict[object, str]]] = {}
        self._pending: deque[Event] = deque()
        self._busy = False
        self._seq = 0

    def declare(self, type: str, struct: type[msgspec.Struct] | None, owner: str) -> Undo:  # noqa: A002
        """Make `type` publishable with `struct` as its data (`None`: anything JSON-like).

        Several owners may declare the same type with the same struct; another struct is refused, naming both.
        """
        if "*" in type:
            raise EventError(f"{owner}: an event type cannot be declared by pattern, {type!r} has a *")
        type_matcher(type)
        known, owners = self._declared.setdefault(type, (struct, {}))
        if known is not struct:
            others = ", ".join(sorted({*owners.values()}))
            raise EventError(f"{owner} and {others} both declare {type!r} with different data")
        claim = object()
        owners[claim] = owner
        self._routes.pop(type, None)

        def undo() -> None:
            if owners.pop(claim, None) is not None and not owners:
                del self._declared[type]
                self._routes.pop(type, None)

        return undo

    def publish(self, type: str, subject: str, data: Any = None, source: str = "hub") -> Event:  # noqa: A002, ANN401
        """Tell a fact; subscribers' faults are theirs.

        Raises EventError when the type is not declared or the data does not fit its struct.
        """
        route = self._routes.get(type)
        if route is None:
            route = self._declared_route(type, source)
        struct = route.struct
        if struct is not None and data.__class__ is not struct:
            data = _fitted(type, struct, data, source)
        self._seq = seq = self._seq + 1
        event = Event(type, subject, source, seq, time_ns(), data)
        if self._busy:
            self._pending.append(event)
            return event
        self._busy = True
        try:
            found = route.subscribers if route.everyone else route.by_subject.get(subject)
            for one in route.resolve(subject) if found is None else found:
                try:
                    one.deliver(event)
                except (Exception, CancelledError) as error:  # noqa: BLE001 - a handler's fault is its own
                    self._failed(one, event, error)
        finally:
            if self._pending:
                self._drain_after(event)
            else:
                self._busy = False
        return event

    def subscribe(  # noqa: PLR0913 - the public contract of `hub.api.Events` and its owner
        self,
        type: str,  # noqa: A002
        handler: Handler,
        *,
        tasks: TaskGroup,
        subject: str = "#",
        predicate: Predicate | None = None,
        priority: int = 0,
        queue: int = 1000,
        overflow: Overflow = "drop_oldest",
    ) -> Undo:
        """Hear events; see `hub.api.Events.subscribe`. An async handler's worker is one of the owner's `tasks`.

        Raises PatternError for a malformed pattern, EventError for a queue below one.
        """
        if queue < 1:
            raise EventError(f"{tasks.owner}: a subscription's queue must hold at least 1 event, not {queue}")
        one = Subscription(handler, tasks.owner, (type_matcher(type), subject_matcher(subject)))
        one.priority = priority
        worker: Mailbox | None = None
        if inspect.iscoroutinefunction(handler):
            worker = Mailbox(handler, queue, overflow, lambda event, error: self._failed(one, event, error))
            task = tasks.start(f"hears {type} {subject}", worker.run())
            one.deliver = worker.put
        if predicate is not None:
            one.deliver = _guarded(predicate, one.deliver)
        self._subscriptions.append(one)
        self._subscriptions.sort(key=lambda each: -each.priority)
        self._routes.clear()

        def undo() -> None:
            if one.deliver is _nothing:
                return
            one.deliver = _nothing
            self._subscriptions.remove(one)
            self._routes.clear()
            if worker is not None:
                worker.close()
                if task is not asyncio.current_task():  # a handler that takes itself back may finish
                    task.cancel()

        return undo

    def counts(self) -> dict[str, int]:
        """Subscriptions by owner."""
        found: dict[str, int] = {}
        for one in self._subscriptions:
            found[one.owner] = found.get(one.owner, 0) + 1
        return found

    @property
    def published(self) -> int:
        """How many events this bus has seen."""
        return self._seq

    def _route(self, type: str) -> _Route:  # noqa: A002
        struct, owners = self._declared.get(type, (None, None))
        heard = tuple(one for one in self._subscriptions if one.type is None or one.type(type))
        route = _Route(struct, heard)
        if owners:  # what is cached may be published
            self._routes[type] = route
        return route

    def _declared_route(self, type: str, source: str) -> _Route:  # noqa: A002
        if type not in self._declared:
            raise EventError(f"{source} may not publish {type!r}: the type is not declared; list its struct in `emits`")
        return self._route(type)

    def _drain_after(self, first: Event) -> None:
        self._drain()
        if self._busy:
            _LOG.warning(
                "%s %s from %s set off over %d events without a pause; the rest waits a moment",
                *(first.type, first.subject, first.source, _BURST),
            )

    def _drain(self) -> None:
        pending = self._pending
        try:
            for _ in range(_BURST):
                self._deliver_late(pending.popleft())
                if not pending:
                    break
        finally:
            self._busy = bool(pending)
            if pending:
                asyncio.get_running_loop().call_soon(self._drain)

    def _deliver_late(self, event: Event) -> None:
        route = self._routes.get(event.type) or self._route(event.type)
        found = route.subscribers if route.everyone else route.by_subject.get(event.subject)
        for one in route.resolve(event.subject) if found is None else found:
            try:
                one.deliver(event)
            except (Exception, CancelledError) as error:  # noqa: BLE001 - a handler's fault is its own
                self._failed(one, event, error)

    def _failed(self, one: Subscription, event: Event, error: Exception | CancelledError) -> None:
        if isinstance(error, CancelledError):
            error = EventError("it asked for the result of something that was cancelled")
        self._on_error(one.owner, event, error)


def _fitted(type: str, struct: type[msgspec.Struct], data: Any, source: str) -> msgspec.Struct:  # noqa: A002, ANN401
    try:
        return msgspec.convert(data, struct)
    except msgspec.ValidationError as error:
        raise EventError(f"{source} published {type!r} with data that does not fit: {error}") from error


def _guarded(predicate: Predicate, deliver: Handler) -> Handler:
    def guarded(event: Event) -> None:
        if predicate(event):
            deliver(event)

    return guarded


def _nothing(_event: Event) -> None:
    """Stand in for a subscriber that is gone."""


def _log(owner: str, event: Event, error: Exception) -> None:
    _LOG.error("%s failed on %s %s: %s", owner, event.type, event.subject, error, exc_info=error)
