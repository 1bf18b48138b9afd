"""What a hub was told and what it promised, noted beside it, to be held against what a cut leaves."""

import asyncio
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from hub.journal import Page, Record
from hub.types import Event

type Told = tuple[float, int, bytes]
"""When an event was told, its class, and what it says."""


class Moments[K: Hashable]:
    """The history of a map: its `base`, and each change with its time; the first `promised` changes must stay."""

    def __init__(self) -> None:
        self.base: dict[K, Any] = {}
        self.steps: list[tuple[float, dict[K, Any]]] = []
        self.promised = 0

    def begin(self, base: Mapping[K, Any]) -> None:
        self.base, self.steps, self.promised = dict(base), [], 0

    def promise(self, steps: int) -> None:
        self.promised = max(self.promised, steps)

    def last_held(self, found: Mapping[K, Any]) -> int | None:
        """After how many of the changes the map last was like `found`."""
        differs = {key for key in {*self.base, *found} if self.base.get(key) != found.get(key)}
        last = None if differs else 0
        for count, (_, changes) in enumerate(self.steps, 1):
            for key, value in changes.items():
                if value == found.get(key):
                    differs.discard(key)
                else:
                    differs.add(key)
            if not differs:
                last = count
        return last

    def broken(self, found: Mapping[K, Any]) -> int:
        """How many of the promised values are there neither as promised nor as any later."""
        promised = dict(self.base)
        for _, changes in self.steps[: self.promised]:
            promised.update(changes)
        later: dict[K, list[Any]] = {}
        for _, changes in self.steps[self.promised :]:
            for key, value in changes.items():
                later.setdefault(key, []).append(value)
        return sum(found.get(key) not in (value, *later.get(key, ())) for key, value in promised.items())


class Seen(NamedTuple):
    """A record that somebody has read: its class and what it says."""

    kind: str
    said: bytes


class Ledger:
    """One house's, over all its lives. Nothing is noted any more when the power is gone (`is_off`)."""

    def __init__(self) -> None:
        self.storage = Moments[tuple[str, str]]()
        self.states = Moments[str]()
        self.events: list[Told] = []
        self.events_promised = 0
        self.last = 0  # the number before the first of `events`
        self.seen: dict[int, Seen] = {}
        self.faults: list[str] = []
        self._latest: WeakKeyDictionary[object, int] = WeakKeyDictionary()  # change of the storage, by task
        self.is_off: Callable[[], bool] = lambda: True

    def put(self, now: float, changes: Mapping[tuple[str, str], Any]) -> None:
        if not self.is_off():
            self.storage.steps.append((now, dict(changes)))
            self._latest[asyncio.current_task()] = len(self.storage.steps)

    def become(self, now: float, path: str, row: object) -> None:
        if not self.is_off():
            self.states.steps.append((now, {path: row}))

    def tell(self, now: float, kind: int, event: Event) -> None:
        if not self.is_off():
            self.events.append((now, kind, said(event)))

    def counts(self) -> dict[str, int]:
        """How much there is of each that may be promised to `kept`."""
        return {"storage": len(self.storage.steps), "states": len(self.states.steps), "events": len(self.events)}

    def kept(self, *, storage: int = 0, states: int = 0, events: int = 0) -> None:
        """So many changes and events were acknowledged as being on the disk."""
        if not self.is_off():
            self.storage.promise(storage)
            self.states.promise(states)
            self.events_promised = max(self.events_promised, events)

    def kept_of_mine(self) -> None:
        """What the current task has changed last in the storage was acknowledged as being on the disk."""
        self.kept(storage=self._latest.get(asyncio.current_task(), 0))

    def read(self, after: int, page: Page) -> None:
        """Somebody has read a page: no number is ever another event's, and none is passed over without a word."""
        if self.is_off():
            return
        self.faults += not_covered(after, page)
        for record in page.records:
            known = self.seen.setdefault(record.seq, Seen(record.kind, said(record)))
            if known.said != said(record):
                self.faults.append(f"reused: number {record.seq} was another event's when it was read before")


def said(event: Event | Record) -> bytes:
    """All that an event says, without its number."""
    return msgspec.msgpack.encode((event.type, event.subject, event.source, event.time, event.data))


def not_covered(after: int, page: Page) -> list[str]:
    """Say which numbers behind `after` a page passes over."""
    spans = sorted([(one.seq, one.seq) for one in page.records] + [(gap.first, gap.last) for gap in page.gaps])
    faults = []
    for first, last in spans:
        if first != after + 1:
            faults.append(f"corrupt: a page goes on with {first} behind {after}")
        after = last
    if after != page.upto:
        faults.append(f"corrupt: a page ends with {after} and says {page.upto}")
    return faults
