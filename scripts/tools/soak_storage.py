"""Holds the journal at its limit for a while: nothing may grow, no record be missing that is not declared as a gap.

A hub without plugins is given state changes, events, bulk and alarms, one alarm a second. Periods in which bulk of some
1,100 bytes is most of it and periods in which it is ordinary events of that size take turns, so that both run out of
room; half of each payload is what zlib cannot save. Three cursors read along: one keeps up, one is slower than the
load, one is dropped and made anew all the time. After the first quarter the hub is stopped and started again.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from hub.assembly import Hub, rss_mib
from hub.journal import Journal, Page
from hub.journal.file import JournalFile
from hub.journal.records import KINDS
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.types import Event
from scripts.benchmarks._store import assembled

_MIB = 1_048_576
_ALARM, _NORMAL, _BULK = range(3)
_RULES = {"alarm": ["soak.alarm"], "bulk": ["soak.raw"]}
_TYPES = ("soak.alarm", "soak.said", "soak.raw")
_PATHS = [f"soak/{number}/reading" for number in range(200)]
_TURN_S = 0.01
_LOOK_S = 0.2
_LINE_S = 30.0
_PATIENCE_S = 120.0
_LEAST_MIN = 0.05
_SPARE_MIB = 8  # a commit or two, and what the limit leaves free at once
_LOG_MIB = 12  # of the write-ahead log: 4, and what a commit adds


class Plan(NamedTuple):
    """How long (s), how much a second, and what the journal may hold; memory may grow by `growth` % after `warm`."""

    seconds: float = 600.0
    rate: float = 500.0
    mib: int = 64
    growth: float = 3.0
    warm: float = 0.4
    periods: int = 10


class Result(NamedTuple):
    """What was found: counts by class, the largest sizes (MiB), the cursors; `faults` is empty when all is well."""

    sent: dict[str, int]
    stored: dict[str, int]
    missing: dict[str, int]
    written_mib: float
    file_mib: float
    log_mib: float
    rss_mib: float
    growth_percent: float
    cursors: dict[str, dict[str, int]]
    faults: list[str]


class Load:
    """What is published, and how many of each class were."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._dice = random.Random(1)  # noqa: S311 - any values will do
        self._rules = Rules(**_RULES)
        self._numbers = Counter[str]()
        self._alarmed = 0
        self.sent = [0, 0, 0]

    def hear(self, event: Event) -> None:
        """Count what the journal hears as well."""
        self.sent[self._rules.kind(event)] += 1

    async def run(self, hub: Hub, begun: float, until: float) -> None:
        """Publish at the plan's rate, whatever is done meanwhile."""
        start = time.monotonic()
        done = 0
        while (now := time.monotonic()) < until:
            due = int((now - start) * self._plan.rate)
            for _ in range(due - done):
                self._publish(hub, now - begun)
            done = due
            await asyncio.sleep(_TURN_S)

    def _publish(self, hub: Hub, seconds: float) -> None:
        plan, roll = self._plan, self._dice.random()
        is_bulky = int(seconds / plan.seconds * plan.periods) % 2 == 0
        if self._alarmed <= seconds:
            self._alarmed += 1
            self._tell(hub, _ALARM, 200, 600)
        elif roll < 0.5:  # noqa: PLR2004 - half of it
            value = {"reading": round(roll * 50, 3), "text": self._text(20, 200)}
            hub.core.state.set(self._dice.choice(_PATHS), value, "soak")
        elif (roll < 0.95) == is_bulky:  # noqa: PLR2004 - nine of ten
            self._tell(hub, _BULK, 400, 4000)
        else:
            self._tell(hub, _NORMAL, 400, 4000)

    def _tell(self, hub: Hub, kind: int, least: int, most: int) -> None:
        type_ = _TYPES[kind]
        self._numbers[type_] += 1
        hub.core.bus.publish(type_, "soak", {"n": self._numbers[type_], "text": self._text(least, most)}, "soak")

    def _text(self, least: int, most: int) -> str:
        return self._dice.randbytes(self._dice.randint(least, most) // 2).hex()


class Reader:
    """A cursor and its user, who checks that each number comes once or is declared missing, and counts."""

    def __init__(self, name: str, limit: int, pause: float = 0.0, *, forgets: bool = False) -> None:
        self.name = name
        self.faults: list[str] = []
        self.place = self.read = self.missing = self.times = 0
        self.is_hurried = False
        self._limit = limit
        self._pause = pause
        self._dice = random.Random(name) if forgets else None  # noqa: S311 - any moment will do
        self._last: dict[str, tuple[int, int]] = {}

    async def run(self, journal: Journal, stop: asyncio.Event) -> None:
        """Read until told to stop; one that forgets asks for its cursor anew now and then, a page unconfirmed."""
        while not stop.is_set():
            self.times += 1
            cursor = await journal.cursor(self.name)
            if cursor.place != self.place:
                self._fault(f"stands at {cursor.place}, and {self.place} was acknowledged")
            while not stop.is_set():
                page = await cursor.read(self._limit)
                if page.upto == self.place:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_S):
                            await cursor.grown()
                    continue
                if self._dice and self._dice.random() < 0.1:  # noqa: PLR2004 - one of ten
                    break
                self._check(page)
                self.place = page.upto
                await cursor.acknowledge(page.upto)
                await asyncio.sleep(0 if self.is_hurried else self._pause)

    def counts(self) -> dict[str, int]:
        """What it has heard of."""
        return {"read": self.read, "missing": self.missing, "place": self.place, "times": self.times}

    def _check(self, page: Page) -> None:
        spans = [(one.seq, one.seq) for one in page.records] + [(one.first, one.last) for one in page.gaps]
        at = self.place
        for first, last in sorted(spans):
            if first != at + 1:
                self._fault(f"reads {first} behind {at}")
            at = last
        if at != page.upto:
            self._fault(f"is told to go on behind {page.upto}, and has heard of all up to {at}")
        self.read += len(page.records)
        self.missing += sum(gap.count for gap in page.gaps)
        for one in page.records:
            if one.type in _TYPES:
                seq, n = self._last.get(one.type, (0, 0))
                if not 0 < one.data["n"] - n <= one.seq - seq:
                    self._fault(f"{one.type} {one.data['n']} follows {n}")
                self._last[one.type] = one.seq, one.data["n"]

    def _fault(self, text: str) -> None:
        if len(self.faults) < 10:  # noqa: PLR2004 - one tells it all
            self.faults.append(f"the cursor {self.name} {text}")


class _Soak:
    """A folder, what is done to the hub on it, and what was seen."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._load = Load(plan)
        self._readers = [
            Reader("fast", 1000),
            Reader("slow", 100, 250 / plan.rate),  # 2/5 of what comes
            Reader("forgetful", 500, forgets=True),
        ]
        self._memory: list[tuple[float, float]] = []
        self._sizes = [0.0, 0.0]
        self._written = 0
        self._faults: list[str] = []
        self._told = 0.0

    async def run(self) -> Result:
        """Load, restart, load, let all cursors come to the end, and count what is there."""
        begun, plan = time.monotonic(), self._plan
        for share in (0.25, 1.0):
            hub = self._assembled()
            await hub.start()
            try:
                await self._loaded(hub, begun, begun + plan.seconds * share, is_last=share == 1)
            finally:
                await hub.close()
            self._look(hub, begun)
        return self._judged(*self._counted())

    def _assembled(self) -> Hub:
        hub = assembled(self._folder, journal={"mib": self._plan.mib, **_RULES})
        for type_ in _TYPES:
            hub.core.bus.declare(type_, None, "soak")
        hub.core.bus.subscribe("**", self._load.hear, tasks=hub.tasks)
        return hub

    async def _loaded(self, hub: Hub, begun: float, until: float, *, is_last: bool) -> None:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for one in self._readers:
                group.create_task(one.run(hub.journal, stop))
            load = group.create_task(self._load.run(hub, begun, until))
            while not load.done():
                self._look(hub, begun)
                await asyncio.wait([load], timeout=_LOOK_S)
            await hub.journal.flush()
            if is_last:
                await self._caught_up(hub.journal.stats().last)
            stop.set()
        self._written += sum(hub.journal.stats().written.values())

    async def _caught_up(self, last: int) -> None:
        for one in self._readers:
            one.is_hurried = True
        until = time.monotonic() + _PATIENCE_S
        while slow := [one.name for one in self._readers if one.place < last]:
            if time.monotonic() > until:
                self._faults.append(f"cursors that never came to the end: {', '.join(slow)}")
                return
            await asyncio.sleep(_TURN_S)

    def _look(self, hub: Hub, begun: float) -> None:
        """Note memory and sizes."""
        seconds, stats = time.monotonic() - begun, hub.journal.stats()
        self._memory.append((seconds, rss_mib()))
        for at, name in enumerate(("telemetry.db", "telemetry.db-wal")):
            with suppress(FileNotFoundError):
                self._sizes[at] = max(self._sizes[at], (self._folder / name).stat().st_size / _MIB)
        if stats.failure:
            self._faults.append(stats.failure)
        if seconds >= self._told + _LINE_S:
            self._told = seconds
            kept = ", ".join(f"{name} {size / _MIB:.1f}" for name, size in stats.bytes.items())
            file, log = self._sizes
            _say(
                f"{seconds:6.0f} s  {rss_mib():6.1f} MiB  number {stats.last}  missing {stats.missing}  MiB: {kept}  "
                f"file {file:.1f}  log {log:.1f}"
            )

    def _counted(self) -> tuple[list[int], list[int]]:
        """What the file holds and what it declares missing, by class; sees that lesser classes went first."""
        path = self._folder / "telemetry.db"
        stored, oldest = [0, 0, 0], [0, 0, 0]
        with closing(JournalFile(path, Limits(1 << 40))) as file:
            file.open()
            at = 0
            while (page := file.read(at, 5000)).upto != at:
                for one in page.records:
                    kind = KINDS.index(one.kind)
                    stored[kind] += 1
                    oldest[kind] = oldest[kind] or one.seq
                at = page.upto
            last = file.last
        with closing(sqlite3.connect(path)) as db:
            rows = db.execute("SELECT kind, sum(count), max(last) FROM gap WHERE kind >= 0 GROUP BY kind").fetchall()
        missing = [0, 0, 0]
        for kind, count, newest in rows:
            missing[kind] = count
            for other in range(kind + 1, len(KINDS)):
                if 0 < oldest[other] <= newest:
                    self._faults.append(f"{KINDS[kind]} {newest} was dropped, and {KINDS[other]} {oldest[other]} kept")
        if sum(stored) + sum(missing) != last:
            self._faults.append(f"{last} numbers were given, {sum(stored)} are stored and {sum(missing)} missing")
        return stored, missing

    def _judged(self, stored: list[int], missing: list[int]) -> Result:
        growth, rss = self._growth()
        for kind, name in enumerate(KINDS):
            if stored[kind] != (left := self._load.sent[kind] - missing[kind]):
                self._faults.append(f"{name}: {stored[kind]} are stored; {left} of {self._load.sent[kind]} should be")
        if not any(missing) or missing[_ALARM]:
            self._faults.append(f"it was not at its limit, or beyond: missing are {_by_class(missing)}")
        file, log = self._sizes
        if file > self._plan.mib + _SPARE_MIB:
            self._faults.append(f"the file grew to {file:.1f} MiB, and {self._plan.mib} is the limit")
        if log > _LOG_MIB:
            self._faults.append(f"the write-ahead log grew to {log:.1f} MiB")
        if growth > self._plan.growth:
            self._faults.append(f"memory grew by {growth:.1f} %, to {rss:.1f} MiB")
        return Result(
            sent=_by_class(self._load.sent),
            stored=_by_class(stored),
            missing=_by_class(missing),
            written_mib=round(self._written / _MIB, 1),
            file_mib=round(file, 1),
            log_mib=round(log, 1),
            rss_mib=round(rss, 1),
            growth_percent=round(growth, 2),
            cursors={one.name: one.counts() for one in self._readers},
            faults=self._faults + [fault for one in self._readers for fault in one.faults],
        )

    def _growth(self) -> tuple[float, float]:
        """By how many percent memory grew from the first third after the warm-up to the last, and what it is there.

        The lowest counts: the allocator now and then keeps the space of a whole commit for a while.
        """
        begin, end = self._plan.warm * self._plan.seconds, self._plan.seconds
        part = (end - begin) / 3
        warm = min(rss for at, rss in self._memory if 0 <= at - begin < part)
        last = min(rss for at, rss in self._memory if end - part <= at <= end)
        return (last / warm - 1) * 100, last


def soak(plan: Plan) -> Result:
    """Soak a hub in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        return uvloop.run(_Soak(plan, Path(folder)).run())


def main() -> int:
    """Soak, and print the verdict."""
    plan = Plan()
    parser = argparse.ArgumentParser(prog="scripts/soak storage", description=__doc__)
    parser.add_argument("--minutes", type=float, default=plan.seconds / 60, help="how long (default: %(default)g)")
    parser.add_argument("--rate", type=float, default=plan.rate, help="events a second (default: %(default)g)")
    parser.add_argument("--mib", type=int, default=plan.mib, help="what the journal may hold (default: %(default)d)")
    parser.add_argument("--growth", type=float, default=plan.growth, help="of memory, in %% (default: %(default)g)")
    parser.add_argument("--json", action="store_true", help="print the verdict as one JSON object")
    options = parser.parse_args()
    if not (options.minutes >= _LEAST_MIN and options.rate > 0 and options.mib > 0):
        parser.error(f"--minutes is {_LEAST_MIN:g} at least, --rate and --mib are above 0")
    result = soak(Plan(options.minutes * 60, options.rate, options.mib, options.growth))
    if options.json:
        print(json.dumps(result._asdict()))
    else:
        for name, value in result._asdict().items():
            print(f"{name:<15} {_plain(value)}")
        print("\n".join(result.faults) or "Nothing grew, and nothing is missing that is not declared.")
    return 1 if result.faults else 0


def _by_class(counts: Sequence[int]) -> dict[str, int]:
    return {name: count for name, count in zip(KINDS, counts, strict=True)}  # noqa: C416 - a dict of plain texts


def _plain(value: Any) -> str:  # noqa: ANN401 - what a result holds
    return ", ".join(f"{name} {_plain(one)}" for name, one in value.items()) if isinstance(value, dict) else str(value)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
