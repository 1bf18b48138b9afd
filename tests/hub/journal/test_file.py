"""The journal's file: order, gaps, limits, states, and nothing half done."""

import itertools
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.errors import StorageError
from hub.journal.file import JournalFile, Pending
from hub.journal.records import KINDS, Gap
from hub.journal.retention import Limits
from hub.types import Event, StateChanged

ALARM, NORMAL, BULK = range(3)
DAY = 86_400_000_000_000
ROOM = Limits(1 << 30)
_times = itertools.count(1)


def event(subject: str = "a", value: Any = 1, time: int | None = None) -> Event:  # noqa: ANN401
    return Event("state.changed", subject, "test", 0, time or next(_times), StateChanged(value, None, 1))


def opened(folder: Path, limits: Limits = ROOM, reserved: int = 0) -> JournalFile:
    file = JournalFile(folder / "telemetry.db", limits)
    file.open(reserved)
    return file


def db_of(file: JournalFile) -> sqlite3.Connection:
    assert file._db is not None
    return file._db


def store(file: JournalFile, *kinds: int, states: Any = (), **more: Any) -> int:  # noqa: ANN401
    return file.store(Pending([(kind, event()) for kind in kinds], states, **more))


def seqs(file: JournalFile, after: int = 0, limit: int = 1000) -> list[int]:
    return [one.seq for one in file.read(after, limit).records]


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    file = opened(tmp_path)
    assert store(file, NORMAL, NORMAL) == 2
    assert store(file, BULK) == 3
    file.close()
    file = opened(tmp_path)
    assert (file.last, store(file, ALARM)) == (3, 4)
    assert file.read(0, 10).gaps == []
    assert [(one.seq, one.kind) for one in file.read(1, 10).records] == [(2, "normal"), (3, "bulk"), (4, "alarm")]
    file.close()
    file.close()
    with pytest.raises(StorageError, match="is closed"):
        file.read(0, 1)


def test_the_classes_of_one_commit_are_read_in_order_from_any_place(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as file:
        rng = random.Random(5)
        for size in (1, 7, 30, 2):
            store(file, *(rng.choice((ALARM, NORMAL, BULK)) for _ in range(size)))
        for after, limit in itertools.product(range(42), (1, 3, 40)):
            page = file.read(after, limit)
            assert [one.seq for one in page.records] == [*range(after + 1, min(after + limit, 40) + 1)]
            assert (page.gaps, page.upto) == ([], max(min(after + limit, 40), after))


def test_bulk_is_dropped_first_and_alarms_last_and_each_gap_is_told(tmp_path: Path) -> None:
    limit = 100_000
    with closing(opened(tmp_path, Limits(limit))) as file:
        noise = random.Random(1)
        sent = dict.fromkeys(KINDS, 0)

        def fill(kind: int, commits: int) -> None:
            for _ in range(commits):
                some = [(kind, event(value=noise.randbytes(300))) for _ in range(10)]
                file.store(Pending(some, [], is_snapshot=True, now=5))
                sent[KINDS[kind]] += 10

        fill(ALARM, 10)
        fill(NORMAL, 10)
        fill(BULK, 40)
        kept = file.kept_bytes
        assert kept[ALARM] > 0 < kept[NORMAL]
        assert all(gap.why == "no space left for it" for gap in file.missing())
        assert [gap.count for gap in file.missing()] == [600 - file.stored()]
        fill(NORMAL, 30)
        assert file.kept_bytes[BULK] == 0 < file.kept_bytes[ALARM]
        fill(ALARM, 60)
        assert file.kept_bytes[NORMAL] == file.kept_bytes[BULK] == 0

        records, gaps, after = 0, 0, 0
        while (page := file.read(after, 7)).upto > after:
            records, gaps, after = records + len(page.records), gaps + sum(gap.count for gap in page.gaps), page.upto
            assert {gap.why for gap in page.gaps} <= {"no space left for it"}
        assert records == file.stored()
        assert records + gaps == file.last == sum(sent.values())
        assert sum(gap.count for gap in file.missing()) == gaps
        assert sum(file.kept_bytes) <= limit
    assert (tmp_path / "telemetry.db").stat().st_size < 1.3 * limit


def test_bytes_are_shared_out_to_the_sources_of_the_events(tmp_path: Path) -> None:
    def told(source: str, count: int) -> list[tuple[int, Event]]:
        return [(NORMAL, Event("said", "a", source, 0, next(_times), number)) for number in range(count)]

    with closing(opened(tmp_path)) as file:
        file.store(Pending([*told("lamps", 30), *told("bell", 10)], []))
        once = dict(file.shares)
        assert sum(once.values()) == pytest.approx(sum(file.kept_bytes), abs=2)
        assert once["lamps"] == pytest.approx(3 * once["bell"], abs=3)
        file.store(Pending(told("bell", 1), [("a", 1, 1, 1)]))
        assert file.shares["lamps"] == once["lamps"]
        assert file.shares["bell"] > once["bell"]
        assert file.shares["hub"] > 0  # the row of a state


def test_a_class_may_have_a_limit_of_its_own(tmp_path: Path) -> None:
    with closing(opened(tmp_path, Limits(1 << 30, sizes=(0, 0, 2000)))) as file:
        for number in range(50):
            some = [(kind, event(value=random.Random(number).randbytes(100))) for kind in (BULK, NORMAL)]
            file.store(Pending(some, [], is_snapshot=True))
        assert 0 < file.kept_bytes[BULK] <= 2000
        assert len([one for one in file.read(0, 1000).records if one.kind == "normal"]) == 50


def test_what_is_too_old_goes_unless_the_clock_cannot_be_trusted(tmp_path: Path) -> None:
    for trusted, left in ((False, 3), (True, 2)):
        with closing(opened(tmp_path, Limits(1 << 30, days=(0, 10, 10)))) as file:
            if not file.last:
                for kind, day in ((NORMAL, 1), (ALARM, 1), (NORMAL, 8)):
                    file.store(Pending([(kind, event(time=day * DAY))], [], is_snapshot=True))
        with closing(opened(tmp_path, Limits(1 << 30, days=(0, 10, 10)))) as file:
            file.store(Pending([], [], is_snapshot=True, now=12 * DAY, trusted=trusted))
            assert file.stored() == left
    with closing(opened(tmp_path)) as file:
        assert file.missing() == [Gap(1, 1, 1, "older than it is kept")]
        assert file.read(0, 9).gaps == [Gap(1, 1, 1, "older than it is kept")]


def recorded(file: JournalFile, *days: float) -> None:
    """Record an event on each day; below 0, on that day of a clock that is not trusted."""
    for day in days:
        time = int(abs(day) * DAY)
        file.store(Pending([(NORMAL, event(time=time))], [], is_snapshot=True, now=0, trusted=day > 0))


@pytest.mark.parametrize(
    ("days", "left"),
    [
        ((-0.1, -0.2, 19), [1, 2, 3]),  # recorded in 1970, just before the clock was set
        ((-0.1, 5, -0.1, 6, 19), [5]),  # what stands before something old is old as well
        ((5, -0.1, 19, -0.1), [2, 3, 4]),
        ((-99, 5, 19, -99), [3, 4]),  # a future that never came
        ((-0.1,) * 100, [*range(1, 101)]),
        ((*(-0.1,) * 100, 5, 19), [102]),
        ((19, 0.1, 20), [1, 2, 3]),  # trusted, and wrong: it is as old as what stands before
    ],
)
def test_what_a_wrong_clock_recorded_is_as_old_as_what_was_recorded_next(
    tmp_path: Path, days: tuple[float, ...], left: list[int]
) -> None:
    limits = Limits(1 << 30, days=(0, 10, 0))
    with closing(opened(tmp_path)) as file:
        recorded(file, *days)
    with closing(opened(tmp_path, limits)) as file:
        file.store(Pending([], [], is_snapshot=True, now=20 * DAY))
        assert seqs(file) == left
        assert sum(file.kept_bytes) > 0


def test_events_dropped_in_memory_have_numbers_and_are_a_gap(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as file:
        store(file, NORMAL)
        assert store(file, NORMAL, dropped=(0, 2, 5)) == 9
        page = file.read(0, 10)
        assert [one.seq for one in page.records] == [1, 9]
        assert page.gaps == [Gap(2, 8, 7, "the disk could not be written")]
        assert file.missing() == [
            Gap(2, 3, 2, "the disk could not be written"),
            Gap(4, 8, 5, "the disk could not be written"),
        ]


def test_a_lost_file_begins_behind_the_numbers_that_may_have_been_used(tmp_path: Path) -> None:
    with closing(opened(tmp_path, reserved=500)) as file:
        assert (file.last, store(file, NORMAL)) == (500, 501)
        page = file.read(0, 10)
        assert (page.gaps, [one.seq for one in page.records]) == ([Gap(1, 500, 500, "lost with the file")], [501])
    with closing(opened(tmp_path, reserved=900)) as file:
        assert file.last == 501


@pytest.mark.parametrize("step", ["INSERT INTO batch", "INSERT INTO state", "DELETE FROM batch", "COMMIT"])
def test_a_commit_that_fails_leaves_nothing_and_can_be_done_again(tmp_path: Path, step: str) -> None:
    with closing(opened(tmp_path, Limits(20_000))) as file:
        noise = random.Random(2)

        def pending() -> Pending:
            some = [(BULK, event(value=noise.randbytes(500))) for _ in range(20)]
            return Pending(some, [("a", noise.random(), 1, 1)], is_snapshot=True, dropped=(0, 0, 1))

        file.store(pending())
        before = file.last, file.kept_bytes, file.shares, file.missing(), file.stored(), [*file.states()]
        db = db_of(file)

        def forbid(action: int, *names: str | None) -> int:
            actions = {
                "INSERT INTO batch": (sqlite3.SQLITE_INSERT, "batch"),
                "INSERT INTO state": (sqlite3.SQLITE_INSERT, "state"),
                "DELETE FROM batch": (sqlite3.SQLITE_DELETE, "batch"),
                "COMMIT": (sqlite3.SQLITE_TRANSACTION, "COMMIT"),
            }
            return sqlite3.SQLITE_DENY if (action, names[0]) == actions[step] else sqlite3.SQLITE_OK

        db.set_authorizer(forbid)
        again = pending()
        with pytest.raises(StorageError, match="not authorized"):
            file.store(again)
        db.set_authorizer(None)
        after = file.last, file.kept_bytes, file.shares, file.missing(), file.stored(), [*file.states()]
        assert after == before
        last = file.store(again)
        assert last == before[0] + 21
        assert file.stored() + sum(gap.count for gap in file.missing()) == last


def test_states_come_back_from_snapshot_events_and_rows(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as file:
        file.store(Pending([(NORMAL, event("a", 1, 11))], []))
        file.store(Pending([(BULK, event("b", 2, 12))], [("c", 3, 1, 13, 60.0, "x")]))
        file.store(Pending([(NORMAL, event("a", 4, 14))], []))
        rows = [("a", 1, 1, 11), ("b", 2, 1, 12), ["c", 3, 1, 13, 60.0, "x"], ("a", 4, 1, 14)]
        assert [*file.states()] == rows
        file.store(Pending([], [("s", 1, 1, 1)], is_snapshot=True))
        assert [*file.states()] == [["s", 1, 1, 1]]
        file.store(Pending([(NORMAL, event("b", 5, 15))], [("s",)]))
        file.store(Pending([(NORMAL, Event("hub.started", "hub", "hub", 0, 16, {}))], []))
        assert [*file.states()] == [["s", 1, 1, 1], ("b", 5, 1, 15), ["s"]]


def test_what_states_are_restored_from_is_not_dropped(tmp_path: Path) -> None:
    with closing(opened(tmp_path, Limits(20_000))) as file:
        for number in range(30):
            file.store(Pending([(BULK, event(f"s{number}", random.Random(number).randbytes(900)))], []))
        was_over = file.is_over
        assert len([*file.states()]) == 30
        file.store(Pending([], [("s", 1, 1, 1)], is_snapshot=True))
        assert (was_over, file.is_over) == (True, False)
        assert file.stored() < 30


def test_damaged_batches_are_gaps_and_the_rest_is_read(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as file:
        for _ in range(3):
            store(file, NORMAL, NORMAL, states=[("x", 1, 1, 1, 5.0, "y")])
        db_of(file).execute("UPDATE batch SET data = x'00' WHERE last = 4")
        db_of(file).execute("UPDATE state SET data = x'00' WHERE id = 2")
        page = file.read(0, 10)
        assert [one.seq for one in page.records] == [1, 2, 5, 6]
        assert page.gaps == [Gap(3, 4, 2, "damaged")]
        assert [row[0] for row in file.states()] == ["a", "a", "x", "a", "a", "x"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        ("CREATE TABLE recipes (name TEXT)", r"belongs to another program; name another file in \[journal\] path"),
        ("PRAGMA user_version = 99", "was written by a newer hub"),
    ],
)
def test_a_file_that_is_not_this_hubs_is_refused(tmp_path: Path, make: str, told: str) -> None:
    with closing(sqlite3.connect(tmp_path / "telemetry.db")) as db:
        db.execute(make)
    content = (tmp_path / "telemetry.db").read_bytes()
    with pytest.raises(StorageError, match=told):
        opened(tmp_path)
    assert (tmp_path / "telemetry.db").read_bytes() == content


def test_what_is_kept_is_known_after_a_restart_when_the_newest_was_dropped(tmp_path: Path) -> None:
    limits = Limits(1 << 30, days=(0, 0, 1))
    with closing(opened(tmp_path, limits)) as file:
        store(file, NORMAL)
        file.store(Pending([(BULK, event(time=1))] * 50, []))
        file._retention._commits = 0
        file.store(Pending([], [], is_snapshot=True, now=3 * DAY))
        [gap] = file.missing()
        assert (gap.why, gap.count) == ("older than it is kept", 50)
        kept = file.kept_bytes
    with closing(opened(tmp_path, limits)) as file:
        assert file.kept_bytes == kept
        assert kept[BULK] == 0
        file.store(Pending([(BULK, event(time=3 * DAY))], []))
        assert file.kept_bytes[BULK] > 0


def test_a_journal_of_which_all_was_dropped_keeps_its_limits(tmp_path: Path) -> None:
    limits = Limits(1 << 30, days=(0, 1, 0))
    noise = random.Random(7)
    with closing(opened(tmp_path, limits)) as file:
        for _ in range(40):
            file.store(Pending([(NORMAL, event(value=noise.randbytes(2000), time=1))], []))
        file._retention._commits = 0
        file.store(Pending([], [], is_snapshot=True, now=3 * DAY))
        assert file.stored() == 0
    with closing(opened(tmp_path, Limits(1 << 30, (0, 10_000, 0)))) as file:
        for _ in range(20):
            file.store(Pending([(NORMAL, event(value=noise.randbytes(2000)))], [], is_snapshot=True))
        assert 0 < file.kept_bytes[NORMAL] <= 10_000
        assert file.last == 60
