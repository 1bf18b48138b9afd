"""The services on the journal."""

from pathlib import Path

import pytest

from hub.journal.desk import Desk
from hub.patterns import PatternError
from hub.storage.memory import MemoryEngine
from tests.hub.journal.recorder import Recorder, recording


async def filled(home: Recorder, count: int = 30) -> Desk:
    for number in range(count):
        home.say(number, type="said" if number % 3 else "bell")
        home.state.set("lamp/level", number)
    await home.journal.flush()
    return Desk(home.journal, MemoryEngine())


async def test_events_are_found_by_type_subject_and_time(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        desk = await filled(home)
        assert [one.data for one in (await desk.read(type="bell")).records] == [*range(0, 30, 3)]
        assert [one.data["value"] for one in (await desk.read(subject="lamp/#")).records] == [*range(30)]
        all_of_them = (await desk.read()).records
        middle = all_of_them[20].time, all_of_them[40].time
        assert (await desk.read(since=middle[0], until=middle[1])).records == [
            one for one in all_of_them if middle[0] <= one.time < middle[1]
        ]
        with pytest.raises(PatternError):
            await desk.read(type="..")


async def test_it_is_read_on_behind_the_page(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        desk = await filled(home)
        found, after = [], 0
        while (page := await desk.read(after=after, limit=3, type="bell")).upto > after:
            assert len(page.records) <= 3
            found += [one.data for one in page.records]
            after = page.upto
        assert found == [*range(0, 30, 3)]


async def test_a_cursor_goes_on_when_it_is_acknowledged(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        desk = await filled(home)
        page = await desk.read(cursor="sync", limit=10)
        assert (await desk.read(cursor="sync", limit=10)) == page
        await desk.acknowledge("sync", page.upto)
        assert (await desk.read(cursor="sync", limit=1)).records[0].seq == 11
        status = await desk.status()
        assert (status.cursors, status.gaps, status.stats.last) == ({"sync": 10}, [], 60)
        await desk.forget("sync")
        assert (await desk.status()).cursors == {}
        assert (await desk.read(cursor="sync", after=5, limit=1)).records[0].seq == 6
