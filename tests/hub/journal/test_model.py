"""The journal beside a plain list: whatever order of events, commits, failures, deaths and reads gives the same."""

import asyncio
import random
import tempfile
from collections.abc import Set as AbstractSet
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple, override

import pytest
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.errors import StorageError
from hub.journal import Gap, Record
from hub.journal.file import Pending
from hub.journal.retention import Limits
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock, settle
from tests.hub.journal.recorder import Recorder

TYPES = {"said": "normal", "bell": "alarm", "sensor.raw": "bulk"}
PATHS = st.sampled_from(["lamp", "lamp/level", "hall/smoke", "secret"])
SPEECHES = st.lists(
    st.tuples(st.sampled_from([*TYPES]), st.sampled_from([40, 1]), st.sampled_from([4000, 10])), min_size=1, max_size=3
)
OUTCOMES = st.sampled_from(["kept", "kept", "fails", "fails late"])
CURSORS = st.sampled_from(["cloud", "chart"])
NOISE = random.Random(4).randbytes(1 << 16)
LIMITS = Limits(100 << 10, (0, 60_000, 0), (3.0, 2.0, 1.0))


SPOILED = -1
"""The mark of what cannot be packed: it has a number, and is a gap."""


class Told(NamedTuple):
    """What the journal should give back of an event; `mark` is another for each, and none where a state has gone."""

    kind: str
    mark: int | None


def told_by(record: Record) -> Told:
    """Find in a record what was told."""
    return Told(record.kind, record.data["value"] if record.type == "state.changed" else record.data[0])


class AgainstAList(RuleBasedStateMachine):
    """`kept` came on the disk behind the number `base`; of `waiting` some may be there, from its first on."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.folder = tempfile.TemporaryDirectory()
        self.disk = Path(self.folder.name, "disk")
        self.disk.mkdir()
        self.clock = ManualClock()
        self.store = MemoryEngine(self.clock)
        self.marks = count(1)
        self.kept: list[Told] = []
        self.waiting: list[Told] = []
        self.base = 0
        self.states: dict[str, int | None] = {}
        self.maybe: dict[str, set[int | None]] = {}
        self.places = {"cloud": 0, "chart": 0}
        self.highest = 0
        self.runner.run(self.store.open())
        self.runner.run(self.start())

    async def start(self) -> None:
        self.home = Recorder(self.disk, self.clock, self.store, LIMITS)
        self.home.journal._rules._rules.insert(0, (None, "secret".__eq__, -1))
        await self.home.journal.open()

    def committed(self) -> None:
        self.kept += self.waiting
        self.waiting = []
        self.maybe = {}

    @rule(speeches=SPEECHES, outcome=OUTCOMES)
    def say(self, speeches: list[tuple[str, int, int]], outcome: str) -> None:
        async def publish() -> None:
            for type, number, size in speeches:  # noqa: A001
                for mark in islice(self.marks, number):
                    start = mark * 997 % (len(NOISE) - size)
                    self.waiting.append(Told(TYPES[type], mark))
                    self.home.bus.publish(type, "test", [mark, NOISE[start : start + size]])

        self.runner.run(publish())
        self.flush(outcome)

    @rule(kind=st.sampled_from([*TYPES]), value=st.sampled_from([2**64, "\ud800"]), outcome=OUTCOMES)
    def spoil(self, kind: str, value: object, outcome: str) -> None:
        async def publish() -> None:
            self.home.bus.publish(kind, "test", value)

        self.waiting.append(Told(TYPES[kind], SPOILED))
        self.runner.run(publish())
        self.flush(outcome)

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        async def do() -> None:
            if self.home.state.delete(path) and path != "secret":
                self.waiting.append(Told("alarm" if path == "hall/smoke" else "normal", None))

        self.maybe.setdefault(path, {self.states.get(path)}).add(None)
        self.states[path] = None
        self.runner.run(do())

    @rule(path=PATHS)
    def set(self, path: str) -> None:
        mark = next(self.marks)
        self.maybe.setdefault(path, {self.states.get(path)}).add(mark)
        self.states[path] = mark
        if path != "secret":
            self.waiting.append(Told("alarm" if path == "hall/smoke" else "normal", mark))
        self.runner.run(self.do_set(path, mark))

    async def do_set(self, path: str, mark: int) -> None:
        self.home.state.set(path, mark)

    @rule(outcome=OUTCOMES)
    def flush(self, outcome: str) -> None:
        store = self.home.file.store

        def fail(pending: Pending) -> int:
            if outcome == "fails late":
                store(pending)
            raise StorageError(outcome)

        if outcome.startswith("fails"):
            self.home.file.store = fail  # type: ignore[method-assign]
        try:
            self.runner.run(self.home.journal.flush())
            self.committed()
        except StorageError:
            assert outcome.startswith("fails")
        self.home.file.store = store  # type: ignore[method-assign]

    @rule(seconds=st.sampled_from([0.5, 5, 40, 100_000]))
    def advance(self, seconds: float) -> None:
        self.runner.run(self.clock.advance(seconds))

    @rule(name=CURSORS, part=st.integers(0, 3))
    def follow(self, name: str, part: int) -> None:
        async def take() -> None:
            cursor = await self.home.journal.cursor(name)
            assert cursor.place == self.places[name]
            page = await cursor.read(50)
            assert all(one.seq > cursor.place for one in page.records)
            for one in page.records[: len(page.records) * part // 3]:
                await cursor.acknowledge(one.seq)
                self.places[name] = one.seq

        self.runner.run(take())

    @rule()
    def restart(self) -> None:
        self.runner.run(self.home.journal.close())
        self.runner.run(self.home.tasks.cancel())
        self.committed()
        self.runner.run(self.start())
        self.restored({path: {value} for path, value in self.states.items()})

    @rule(paths=st.sets(PATHS), gone=st.sets(PATHS))
    def start_without_the_disk(self, paths: AbstractSet[str], gone: AbstractSet[str]) -> None:
        self.runner.run(self.home.journal.close())
        self.runner.run(self.home.tasks.cancel())
        self.committed()
        away = self.disk.with_name("away")
        self.disk.rename(away)
        self.disk.touch()
        self.runner.run(self.start())
        for path in sorted(paths):
            self.set(path)
        for path in sorted(gone & paths):
            self.delete(path)
        with pytest.raises(StorageError):
            self.runner.run(self.home.journal.flush())
        self.runner.run(self.at_rest())  # no commit under way makes the folder anew
        self.disk.unlink()
        away.rename(self.disk)
        self.runner.run(self.home.journal.flush())
        self.committed()
        there = self.home.state.list()
        assert {path: one.value for path, one in there.items()} == {
            path: value for path, value in self.states.items() if value is not None
        }
        assert {path for path, one in there.items() if not one.restored} == paths - gone

    @rule(file_too=st.sampled_from([False, False, False, True]))
    def die(self, file_too: bool) -> None:  # noqa: FBT001
        self.runner.run(self.abandon())
        if file_too:
            for one in self.disk.glob("telemetry.db*"):
                one.unlink()
        self.runner.run(self.start())
        if file_too:
            self.kept, self.waiting, self.states, self.maybe = [], [], {}, {}
            self.base = self.home.file.last
            assert self.base >= self.highest
            return
        self.kept += self.waiting[: self.home.file.last - self.base - len(self.kept)]
        self.waiting = []
        self.restored({path: self.maybe.get(path, {value}) for path, value in self.states.items()})
        self.maybe = {}

    async def abandon(self) -> None:
        home = self.home
        for undo in home.journal._undos:
            undo()
        await home.tasks.cancel()
        await home.journal._run(home.file.close)

    def restored(self, expected: dict[str, Any]) -> None:
        """Every state is one of those it may have been, and marked."""
        there = self.home.state.list()
        for path, values in expected.items():
            assert (there[path].value if path in there else None) in values
            assert path not in there or (there[path].restored and there[path].value is not None)
        self.states = {path: entry.value for path, entry in there.items()}

    async def at_rest(self) -> None:
        """Let a commit that an alarm or the clock began come to its end."""
        await settle()
        async with self.home.journal._committing:
            await settle()

    def everything(self) -> tuple[list[Record], list[Gap]]:
        async def read() -> tuple[list[Record], list[Gap]]:
            records: list[Record] = []
            gaps: list[Gap] = []
            place = 0
            while (page := await self.home.journal.read(place, 37)).upto > place:
                records += page.records
                gaps += page.gaps
                place = page.upto
            return records, gaps

        return self.runner.run(read())

    @invariant()
    def gives_back_what_was_told(self) -> None:
        self.runner.run(self.at_rest())
        records, gaps = self.everything()
        stretches = sorted([(one.seq, one.seq) for one in records] + [(gap.first, gap.last) for gap in gaps])
        last = stretches[-1][1] if stretches else 0
        assert len(records) + sum(gap.count for gap in gaps) == last
        assert sum(gap.count for gap in self.runner.run(self.home.journal.missing())) == last - len(records)
        assert all(here[1] < there[0] for here, there in pairwise(stretches))
        assert self.base + len(self.kept) <= last <= self.base + len(self.kept) + len(self.waiting)
        told = self.kept + self.waiting
        assert all(told_by(one) == told[one.seq - self.base - 1] for one in records)
        self.highest = max(self.highest, last)
        for kind in TYPES.values():
            there = [one.seq for one in records if one.kind == kind]
            known = [
                self.base + number
                for number, one in enumerate(told[: last - self.base], 1)
                if one.kind == kind and one.mark != SPOILED
            ]
            assert there == known[len(known) - len(there) :]  # of a class only the oldest are gone

    @override
    def teardown(self) -> None:
        self.runner.run(self.abandon())
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()


TestAgainstAList = AgainstAList.TestCase
TestAgainstAList.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
