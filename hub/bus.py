"""The event bus: facts go out, nobody waits, and one bad handler hurts nobody else.

Plain handlers are called at once; async ones are fed by standing workers from a bounded queue. An event that a
plain handler publishes is delivered when the current one is through, so every subscriber sees publish order.
"""

import asyncio
import inspect
import logging
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns, time_ns  # noqa: TID251 - for people; `seq` orders
from typing import Any, get_args

import msgspec

from hub.api import Handler, Overflow, Predicate
from hub.errors import EventError
from hub.mailbox import Mailbox
from hub.patterns import subject_matcher, type_matcher
from hub.stats import SubscriberStats
from hub.tasks import Meter, TaskGroup, as_fault
from hub.types import Event, Undo

type OnHandlerError = Callable[[str, Event, Exception], None]

_REMEMBERED = 8192
_BURST = 1000
_STORM = 100_000
_EXACT = 64
_SAMPLE = 32
_WORKERS = 100
_OVERFLOWS = get_args(Overflow.__value__)
_LOG = logging.getLogger("hub.bus")


class _Subscription(Meter):
    """One subscriber and what it costs; `deliver` is what the bus calls, replaced by a no-op once it is undone."""

    __slots__ = ("deliver", "errors", "events", "mailbox", "matches", "owner", "patterns", "priority", "suits")

    def __init__(self, owner: str, type: str, subject: str, handler: Handler, priority: int) -> None:  # noqa: A002
        super().__init__()
        self.owner = owner
        self.patterns = type, subject
        self.matches, self.suits = type_matcher(type) or _anything, subject_matcher(subject) or _anything
        self.deliver = handler
        self.priority = priority
        self.mailbox: Mailbox | None = None
        self.events = self.errors = 0

    def stats(self) -> SubscriberStats:
        box = self.mailbox
        late, dropped, waiting = (box.late, box.dropped, box.waiting) if box else (0, 0, 0)
        heard = self.events - dropped - waiting
        return SubscriberStats(self.owner, *self.patterns, heard, self.errors, late, dropped, waiting, self.ns / 1e9)


class _Audience:
    """Who hears events of one type and some subjects; the last of each `step` is timed, the `left`-th from now."""

    __slots__ = ("events", "left", "members", "step")

    def __init__(self, members: tuple[_Subscription, ...]) -> None:
        self.members = members
        self.events = 0
        self.step = self.left = 1

    def settle(self) -> int:
        """Count for everybody the events since the last time; returns how many."""
        events = self.events + self.step - self.left
        self.events -= events
        for one in self.members:
            one.events += events
        return events


class _Topic:
    """One event type: its struct, whose it is, how often it was published, and who of the `subscribed` hears it."""

    def __init__(self, name: str, subscribed: list[_Subscription]) -> None:
        self.struct: type[msgspec.Struct] | None = None
        self.owners: dict[object, str] = {}
        self._name = name
        self._subscribed = subscribed
        self._published = 0
        self._audiences: dict[tuple[_Subscription, ...], _Audience] = {}
        self.forget()

    def forget(self) -> None:
        """Find out anew who hears it."""
        self.published()
        self._audiences = {}
        self.by_subject: dict[str, _Audience] = {}
        self.everyone: _Audience | None = None
        self._hearing: list[_Subscription] = []

    def audience(self, subject: str) -> _Audience:
        """Find who hears `subject`; the same members are the same audience."""
        if len(self.by_subject) >= _REMEMBERED:
            self.forget()
        if not self.by_subject:
            self._hearing = [one for one in self._subscribed if one.matches(self._name)]
        members = tuple(one for one in self._hearing if one.suits(subject))
        found = self._audiences.setdefault(members, _Audience(members))
        if all(one.suits is _anything for one in self._hearing):
            self.everyone = found
        else:
            self.by_subject[subject] = found
        return found

    def published(self) -> int:
        """Count what was published, also for everybody who heard it."""
        self._published += sum(audience.settle() for audience in self._audiences.values())
        return self._published


class EventBus:
    """Publish and subscribe by type and subject, keeping the last `history` events. It belongs to one event loop."""

    def __init__(self, on_error: OnHandlerError | None = None, *, history: int = 0) -> None:
        self._on_error = on_error or _log
        self._subscriptions: list[_Subscription] = []
        self._topics: dict[str, _Topic] = {}
        self._declared: dict[str, _Topic] = {}
        self._recent: deque[Event] = deque(maxlen=history)
        self._pending: deque[tuple[_Topic, Event]] = deque()
        self._busy = False
        self._paused = False
        self._seq = 0

    def declare(self, type: str, struct: type[msgspec.Struct] | None, owner: str) -> Undo:  # noqa: A002
        """Make `type` publishable with `struct` as its data (`None`: anything JSON-like).

        Several owners may declare the same type with the same struct; another struct is refused, naming both.
        """
        if "*" in type:
            raise EventError(f"{owner}: an event type cannot be declared by pattern, {type!r} has a *")
        type_matcher(type)
        if len(self._topics) >= _REMEMBERED:
            self._regroup()
            self._topics = dict(self._declared)
        topic = self._topics.setdefault(type, _Topic(type, self._subscriptions))
        if topic.owners and topic.struct is not struct:
            others = ", ".join(sorted({*topic.owners.values()}))
            raise EventError(f"{owner} and {others} both declare {type!r} with different data")
        claim = object()
        topic.struct = struct
        topic.owners[claim] = owner
        self._declared[type] = topic

        def undo() -> None:
            if topic.owners.pop(claim, None) is not None and not topic.owners:
                topic.struct = None  # it may be a plugin's that goes, with all its code
                del self._declared[type]

        return undo

    def publish(self, type: str, subject: str, data: Any = None, source: str = "hub") -> Event:  # noqa: A002, ANN401, C901
        """Tell a fact; subscribers' faults are theirs.

        Raises EventError when the type is not declared, the data does not fit its struct, or a handler adds to more
        events than can be delivered.
        """
        try:
            topic = self._declared[type]
        except KeyError:
            how = "list its struct in `emits`"
            raise EventError(f"{source} may not publish {type!r}: the type is not declared; {how}") from None
        struct = topic.struct
        if struct is not None and data.__class__ is not struct:
            data = _fitted(type, struct, data, source)
        self._seq = seq = self._seq + 1
        event = Event(type, subject, source, seq, time_ns(), data)
        if self._busy:
            if len(self._pending) >= _STORM and not self._paused:
                self._seq -= 1
                raise EventError(f"{type} storms: {_STORM} events that handlers set off wait, {source} may not add")
            self._pending.append((topic, event))
            return event
        self._busy = True
        try:
            audience = topic.everyone or topic.by_subject.get(subject) or topic.audience(subject)
            left = audience.left - 1
            if left:
                audience.left = left
                self._recent.append(event)
                for one in audience.members:
                    try:
                        one.deliver(event)
                    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the handler's
                        self._failed(one, event, error)
            else:
                self._deliver_timed(topic, event)
        finally:
            if self._pending:
                self._drain(event)
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
        timeout: float = 30.0,
        concurrency: int = 1,
    ) -> Undo:
        """Hear events; see `hub.api.Events.subscribe`. An async handler's workers are tasks of its owner's.

        Raises PatternError for a malformed pattern, EventError for terms that cannot be kept.
        """
        for holds, rule in (
            (queue >= 1, f"queue must hold at least 1 event, not {queue}"),
            (0 < concurrency <= _WORKERS, f"concurrency must be 1 to {_WORKERS}, not {concurrency}"),
            (timeout > 0, f"timeout must be more than 0 s, not {timeout:g}"),
            (overflow in _OVERFLOWS, f"overflow must be one of {', '.join(_OVERFLOWS)}, not {overflow!r}"),
            (overflow != "block" or self._recent.maxlen, "overflow 'block' needs `[hub] event_history` above 0"),
        ):
            if not holds:
                raise EventError(f"{tasks.owner}: a subscription's {rule}")
        one = _Subscription(tasks.owner, type, subject, handler, priority)
        if any(map(inspect.iscoroutinefunction, (handler, handler.__class__.__call__))):
            one.mailbox = box = Mailbox(handler, queue, overflow, partial(self._failed, one), timeout, self._recent)
            one.deliver = box.put
            for _ in range(concurrency):
                tasks.start(f"hears {type} {subject}", box.run(), one)
        if predicate is not None:
            one.deliver = _guarded(predicate, one)
        self._subscriptions.append(one)
        self._subscriptions.sort(key=lambda each: -each.priority)
        self._regroup()
        return partial(self._unsubscribe, one)

    def history(self, type: str = "**", *, subject: str = "#", after: int = 0) -> list[Event]:  # noqa: A002
        """Recent events, oldest first; see `hub.api.Events.history`."""
        matches, suits = type_matcher(type) or _anything, subject_matcher(subject) or _anything
        return [one for one in self._recent if one.seq > after and matches(one.type) and suits(one.subject)]

    def stats(self) -> list[SubscriberStats]:
        """What every subscriber heard and costs."""
        self.event_counts()  # settles it
        return [one.stats() for one in self._subscriptions]

    def event_counts(self) -> dict[str, int]:
        """How many events were published, by type."""
        return {type: count for type, topic in self._topics.items() if (count := topic.published())}  # noqa: A001

    def counts(self) -> dict[str, int]:
        """Subscriptions by owner."""
        return dict(Counter(one.owner for one in self._subscriptions))

    @property
    def published(self) -> int:
        """How many events this bus has seen."""
        return self._seq

    def _unsubscribe(self, one: _Subscription) -> None:
        if one.deliver is _nothing:
            return
        one.deliver = _nothing
        self._subscriptions.remove(one)
        self._regroup()
        if one.mailbox is not None:
            one.mailbox.close()

    def _regroup(self) -> None:
        for topic in self._topics.values():
            topic.forget()

    def _drain(self, first: Event | None = None) -> None:
        """Deliver what waits, and take its time; if that is too much at once, the rest when the loop has been round."""
        pending = self._pending
        self._paused = False
        try:
            for _ in range(_BURST):
                self._deliver_timed(*pending.popleft())
                if not pending:
                    break
        finally:
            self._busy = self._paused = bool(pending)
            if pending:
                asyncio.get_running_loop().call_soon(self._drain)
        if pending and first is not None:
            what = f"{first.type} {first.subject} from {first.source}"
            _LOG.warning("%s set off over %d events without a pause; the rest waits a moment", what, _BURST)

    def _deliver_timed(self, topic: _Topic, event: Event) -> None:
        """Call all who hear it; its time stands for the events before it whose time was not taken as well."""
        self._recent.append(event)
        audience = topic.everyone or topic.by_subject.get(event.subject) or topic.audience(event.subject)
        stands_for = audience.step - audience.left + 1
        audience.events += stands_for
        audience.step = audience.left = 1 if audience.events < _EXACT else _SAMPLE
        begun = perf_counter_ns()
        for one in audience.members:
            try:
                one.deliver(event)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is the handler's
                self._failed(one, event, error)
            ended = perf_counter_ns()
            one.ns += (ended - begun) * stands_for
            begun = ended

    def _failed(self, one: _Subscription, event: Event, error: BaseException) -> None:
        one.errors += 1
        if isinstance(error, asyncio.CancelledError):
            error = EventError("it asked for the result of something that was cancelled")
        self._on_error(one.owner, event, as_fault(error))


def _fitted(type: str, struct: type[msgspec.Struct], data: Any, source: str) -> msgspec.Struct:  # noqa: A002, ANN401
    try:
        return msgspec.convert(data, struct)
    except msgspec.ValidationError as error:
        raise EventError(f"{source} published {type!r} with data that does not fit: {error}") from error


def _guarded(predicate: Predicate, one: _Subscription) -> Handler:
    deliver = one.deliver

    def guarded(event: Event) -> None:
        if predicate(event):
            deliver(event)
        else:
            one.events -= 1

    return guarded


def _anything(_text: str) -> bool:
    return True


def _nothing(_event: Event) -> None:
    """Stand in for a subscriber that is gone."""


def _log(owner: str, event: Event, error: Exception) -> None:
    _LOG.error("%s failed on %s %s: %s", owner, event.type, event.subject, error, exc_info=error)
