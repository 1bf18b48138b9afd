"""A damaged journal: it is set aside, what can be read of it is in a new one, and every loss is a gap."""

import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import StorageError
from hub.journal.file import JournalFile, Pending
from hub.journal.records import Gap
from hub.journal.retention import Limits
from hub.storage.aside import set_aside, waiting
from hub.storage.file import FileUnreachableError, Schema, open_file
from tests.hub.journal.recorder import recording
from tests.hub.journal.test_file import ROOM, event, opened, seqs

PAGE = 1024


def filled(folder: Path, commits: int = 120) -> JournalFile:
    """A closed file of several classes, larger than a few pages."""
    noise = random.Random(5)
    with closing(opened(folder)) as file:
        for number in range(commits):
            some = [(noise.randrange(3), event(f"s{number}", noise.randbytes(60).hex(), number + 1)) for _ in range(5)]
            file.store(Pending(some, [(f"s{number}", number, 1, 1)], is_snapshot=number == commits // 2))
    return file


def spoil(path: Path, first: int, count: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[first * PAGE : (first + count) * PAGE] = b"\x99" * (count * PAGE)
    path.write_bytes(content)


def exact(file: JournalFile) -> bool:
    """Whether what is stored and what is told as missing add up to all that was ever given."""
    return file.stored() + sum(gap.count for gap in file.missing()) == file.last


def test_what_can_be_read_is_salvaged_and_the_rest_is_a_gap(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    pages = path.stat().st_size // PAGE
    spoil(path, pages // 2, 3)
    with closing(opened(tmp_path, reserved=600)) as file:
        found = seqs(file)
        assert file.repaired.startswith(
            f"cannot read storage {path}: it is damaged; it was set aside as telemetry.db.dam"
        )
        assert file.repaired.endswith(f"a new one begun, with {len(found)} events that could be salvaged")
        assert 400 < len(found) < 600
        assert found[0] == 1
        assert found[-1] == file.last == 600
        assert exact(file)
        [gap] = file.missing()
        assert gap.why == "damaged"
        assert gap.first > 1
        assert file.read(0, 1000).gaps[0].why == "damaged"
        assert file.store(Pending([(1, event())], [])) == 601
    assert (tmp_path / "telemetry.db.damaged-1").exists()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_wherever_the_damage_is_no_number_is_given_twice_and_all_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    path = filled(folder, 40).path
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = int(data.draw(st.floats(0, 0.9999)) * len(content))
        size = data.draw(st.sampled_from([1, 30, 3000]))
        content[place : place + size] = data.draw(st.binary(min_size=1, max_size=1)) * len(
            content[place : place + size]
        )
    path.write_bytes(content)
    file = JournalFile(path, ROOM)
    try:
        file.open(200)
    except StorageError as error:
        # A header that tells of another program or a newer hub: refused, and left as it is.
        assert "another program" in str(error) or "newer hub" in str(error)  # noqa: PT017
        assert path.read_bytes() == content
        return
    with closing(file):
        place = 0
        while place := file.check(place):
            pass
        found = seqs(file)
        assert len(found) == file.stored()
        assert exact(file)
        assert file.last >= 200
        assert file.store(Pending([(1, event())], [])) == file.last > 200
        assert seqs(file)[-1] == file.last
        assert isinstance(file.states(), list)


def test_a_power_cut_behind_the_salvage_gives_no_number_twice(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    pages = path.stat().st_size // PAGE
    spoil(path, 3 * pages // 4, pages // 4 + 1)
    file = JournalFile(path, ROOM)
    load = file._load

    def cut(db: sqlite3.Connection) -> None:
        if file.repaired:
            sys.exit()
        load(db)

    file._load = cut  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        file.open(700)
    file.close()
    assert file.repaired.endswith("events that could be salvaged")
    with closing(JournalFile(path, ROOM)) as file:
        file.open(700)
        assert (file.repaired, file.last) == ("", 700)
        assert exact(file)


def test_a_gap_behind_the_last_event_outlives_the_salvage(tmp_path: Path) -> None:
    with closing(filled(tmp_path, 40)) as file:
        file.open()
        file.pass_over(1000)
        last = file.last
        db = file._db
        assert db is not None
        db.execute("UPDATE batch SET data = x'00' WHERE last = (SELECT min(last) FROM batch)")
        place = 0
        while place := file.check(place):
            pass
        assert file.repaired
        assert file.last == last
        assert exact(file)
    with closing(opened(tmp_path)) as file:
        assert file.last == last


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    path.write_bytes(b"no database")
    with closing(opened(tmp_path, reserved=7)) as file:
        assert "is not a SQLite file" in file.repaired
        assert file.missing() == [Gap(1, 7, 7, "lost with the file")]
        assert file.last == 7
    assert (tmp_path / "telemetry.db.damaged-1").read_bytes() == b"no database"


def test_of_damaged_files_the_newest_two_stay(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    for number in range(4):
        path.write_text(str(number))
        (tmp_path / "telemetry.db-wal").write_text("w")
        assert set_aside(path).name == f"telemetry.db.damaged-{number + 1}"
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {
        "telemetry.db.damaged-3": "2",
        "telemetry.db.damaged-3-wal": "w",
        "telemetry.db.damaged-4": "3",
        "telemetry.db.damaged-4-wal": "w",
    }


def test_a_power_cut_while_it_is_mended_is_made_good_at_the_next_start(tmp_path: Path) -> None:
    path = filled(tmp_path, 20).path
    whole = path.read_bytes()
    # Between the end of the salvage and the change of names.
    path.replace(waiting(path))
    path.write_bytes(b"the damaged one")
    with closing(opened(tmp_path, reserved=100)) as file:
        assert (file.stored(), file.repaired) == (100, "")
    assert (tmp_path / "telemetry.db.damaged-1").read_bytes() == b"the damaged one"
    # In the middle of the change.
    path.unlink()
    waiting(path).write_bytes(whole)
    with closing(opened(tmp_path, reserved=100)) as file:
        assert file.stored() == 100
    # In the middle of the salvage.
    spoil(path, path.stat().st_size // PAGE // 2)
    (tmp_path / "telemetry.db.salvage").write_bytes(whole[:5000])
    with closing(opened(tmp_path, reserved=100)) as file:
        assert 50 < file.stored() < 100
        assert exact(file)


def test_without_room_for_the_salvage_a_new_file_is_begun_all_the_same(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    spoil(path, path.stat().st_size // PAGE // 2, 3)

    def opener(path: Path, schema: Schema, *, may_make: bool) -> sqlite3.Connection:
        db = open_file(path, schema, may_make=may_make)
        if path.suffix == ".salvage":
            db.execute("PRAGMA max_page_count = 9")
        return db

    file = JournalFile(path, ROOM, opener)
    with closing(file):
        file.open(600)
        file.read(0, 1000)
        assert file.repaired.endswith("begun; nothing could be salvaged (database or disk is full)")
        assert (file.last, file.missing()) == (600, [Gap(1, 600, 600, "lost with the file")])


def test_a_damaged_file_that_cannot_be_set_aside_is_left_alone(tmp_path: Path) -> None:
    path = filled(tmp_path).path
    spoil(path, 0)
    content = path.read_bytes()
    (tmp_path / "telemetry.db.salvage").mkdir()
    with pytest.raises(StorageError, match="it cannot be set aside either: Is a directory"):
        opened(tmp_path)
    assert path.read_bytes() == content


def test_damage_that_only_a_full_look_finds_becomes_a_gap(tmp_path: Path) -> None:
    filled(tmp_path, 40)
    with closing(opened(tmp_path)) as file:
        assert file._db is not None
        file._db.execute(
            "UPDATE batch SET data = zeroblob(30) WHERE last IN (SELECT last FROM batch LIMIT 3 OFFSET 20)"
        )
        kept = file.stored()
        place, stretches = file.check(), 1
        while place := file.check(place):
            stretches += 1
        assert stretches > 1
        assert file.stored() < kept
        assert [gap.why for gap in file.missing()] == ["damaged"] * len(file.missing()) != []
        assert exact(file)


async def test_a_file_that_breaks_while_the_hub_runs_is_replaced_and_states_are_kept(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        heard: list[tuple[str, str]] = []
        home.journal.on_trouble = lambda trouble, file, _reason: heard.append((trouble, file))
        for number in range(300):
            home.state.set(f"s/{number}", number)
            home.say(random.Random(number).randbytes(200).hex())
            if number % 30 == 0:
                await home.journal.flush()
        await home.journal.flush()
        assert home.file._db is not None
        home.file._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        home.file._db.execute("PRAGMA cache_size = 0")
        home.file._db.execute("PRAGMA shrink_memory")
        spoil(home.file.path, 2, home.file.path.stat().st_size // PAGE - 4)
        page = await home.journal.read(0, 1000)
        assert heard == [("repaired", "telemetry.db")]
        assert page.upto == 600
        assert len(page.records) + sum(gap.count for gap in page.gaps) == 600
        home.say("more")
        await home.journal.flush()
        stats = home.journal.stats()
        assert (stats.last, stats.failure) == (601, "")
        assert stats.repaired == home.file.repaired
    async with recording(tmp_path) as again:
        assert {entry.value for entry in again.state.list("s/").values()} == {*range(300)}


async def test_a_disk_that_is_not_there_at_the_start_is_taken_up_when_it_comes(tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    folder.touch()  # no folder yet: opening fails as on a disk that is away
    async with recording(folder) as home:
        assert "cannot be opened" in home.journal.stats().failure
        assert (home.journal.stats().last, home.file.missing()) == (0, [])
        home.say(1, 2)
        with pytest.raises(StorageError, match="cannot be opened"):
            await home.journal.flush()
        folder.unlink()
        folder.mkdir()
        await home.journal.flush()
        assert await home.said() == [1, 2]


async def test_a_file_that_went_away_is_not_begun_anew_in_its_place(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say(1)
        await home.journal.flush()
        assert home.file._db is not None
        home.file._let_go()  # as after an error of the disk
        home.file.path.rename(tmp_path / "elsewhere")
        home.say(2)
        with pytest.raises(StorageError, match="is gone; bring its disk back"):
            await home.journal.flush()
        assert not home.file.path.exists()
        (tmp_path / "elsewhere").rename(home.file.path)
        await home.journal.flush()
        assert await home.said() == [1, 2]


def test_unreachable_is_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    path.mkdir()
    with pytest.raises(FileUnreachableError, match="cannot be opened"):
        opened(tmp_path, Limits(1000))
