"""The journal beside bus and state: when it commits, what comes back, what a sick file does, and its cursors."""

import asyncio
import logging
import random
import shutil
import threading
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.journal import Gap
from hub.journal.file import JournalFile
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock, settle
from tests.harness import eventually
from tests.hub.home import live
from tests.hub.journal.recorder import WINDOW, Recorder, recording

NOISE = random.Random(3).randbytes(5000)


def break_disk(home: Recorder, *, broken: bool = True) -> None:
    """Let every write to the journal's file fail as on a full disk, or no more."""
    pages = "PRAGMA max_page_count = 1" if broken else "PRAGMA max_page_count = 1000000"
    assert home.file._db is not None
    home.file._db.execute(pages)


async def test_what_is_told_is_kept_within_the_window(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say("a")
        await home.clock.advance(WINDOW - 0.1)
        home.say("b", "c")
        assert (await home.said(), home.journal.stats().waiting, live(home.clock)) == ([], 3, 1)
        await home.clock.advance(0.1)
        await eventually(lambda: home.file.last == 3)
        assert await home.said() == ["a", "b", "c"]
        await eventually(lambda: home.journal.stats().commits == 1)
        assert (home.journal.stats().waiting, live(home.clock)) == (0, 0)


async def test_who_waits_for_a_commit_and_is_cancelled_has_nothing_stored_twice(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        reached, release = threading.Event(), threading.Event()

        def hold(statement: str) -> None:
            if statement == "COMMIT":
                reached.set()
                release.wait(10)

        assert home.file._db is not None
        home.file._db.set_trace_callback(hold)
        home.say("a")
        flushing = home.tasks.start("flush", home.journal.flush())
        await eventually(reached.is_set)
        flushing.cancel()
        await settle()
        home.say("b")
        release.set()
        await home.journal.flush()
        assert (flushing.cancelled(), await home.said()) == (True, ["a", "b"])


async def test_an_alarm_and_whatever_came_before_it_is_kept_at_once(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say("before")
        home.state.set("kitchen/smoke", True)
        await eventually(lambda: home.file.last == 2)
        records = (await home.journal.read()).records
        assert [(one.subject, one.kind) for one in records] == [("test", "normal"), ("kitchen/smoke", "alarm")]


async def test_many_events_do_not_wait_for_the_window(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say(*range(2000))
        await eventually(lambda: home.file.last == 2000)
        assert await home.said(1990) == [*range(1990, 2000)]


async def test_what_is_ignored_is_not_recorded_and_its_state_is_kept_all_the_same(tmp_path: Path) -> None:
    store = MemoryEngine()
    async with recording(tmp_path, store=store) as home:
        home.say(1, type="noise")
        home.say(2, type="sensor.raw")
        home.state.set("secret", 5)
        await home.journal.flush()
        assert [one.kind for one in (await home.journal.read()).records] == ["bulk"]
    async with recording(tmp_path, store=store) as again:
        entry = again.state.entry("secret")
        assert entry is not None
        assert (entry.value, entry.restored) == (5, True)


async def test_states_come_back_with_versions_and_lifetimes(tmp_path: Path) -> None:
    clock = ManualClock()
    async with recording(tmp_path, clock) as home:
        for value in (1, 2):
            home.state.set("lamp/level", value)
        home.state.set("motion", True, "sensor", ttl=30)
        home.state.set("gone", 1)
        home.state.delete("gone")
        home.state.set("none", None)
        await home.journal.flush()
        home.state.set("short", 1, ttl=60)
        home.state.set("short", 1)
        home.state._deadlines.clock.stop()
    async with recording(tmp_path, clock) as again:
        entries = again.state.list()
        assert {path: (entry.value, entry.version, entry.restored) for path, entry in entries.items()} == {
            "lamp/level": (2, 2, True),
            "motion": (True, 1, True),
            "none": (None, 3, True),  # it was set after a state of version 2 had been deleted
            "short": (1, 3, True),
        }
        await clock.advance(30)
        assert (again.changes[-1][0], again.sources[-1]) == ("motion", "sensor")
        await clock.advance(60)
        assert again.state.get("short") == 1


async def test_states_are_restored_from_a_file_that_was_cut_off(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        for number in range(12_000):
            home.state.set(f"s/{number % 40}", number)
            if number % 1500 == 0:
                await home.journal.flush()
        await home.journal.flush()
        home.say("lost")
        shutil.copytree(tmp_path, tmp_path / "cut")
        last = home.file.last
    async with recording(tmp_path / "cut") as again:
        assert {entry.value for entry in again.state.list().values()} == {*range(11_960, 12_000)}
        assert again.file.last == last
        assert again.file._snapshot > 0
        again.say("next")
        await again.journal.flush()
        assert await again.said(last) == ["next"]


async def test_while_the_file_cannot_be_written_nothing_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hub.journal")
    async with recording(tmp_path) as home:
        break_disk(home)
        home.state.set("a", 1)
        home.say(NOISE)
        with pytest.raises(
            StorageError, match=r"cannot write storage .*telemetry.db: the disk is full; free some spac"
        ):
            await home.journal.flush()
        home.say(2)
        await home.clock.advance(1.5 * WINDOW)
        assert (home.file.last, home.journal.stats().waiting) == (0, 3)
        await home.clock.advance(4 * WINDOW)
        assert home.journal.stats().failure.endswith("free some space")
        told = [one for one in caplog.messages if "disk is full" in one]
        assert len(told) == 1
        assert told[0].endswith("; events and states are kept in memory and tried again")
        break_disk(home, broken=False)
        await eventually(lambda: live(home.clock) > 0 or home.file.last == 3)
        await home.clock.advance(30)
        await eventually(lambda: home.file.last == 3)
        await eventually(lambda: not home.journal.stats().failure)
        assert caplog.messages[-1].endswith("is written again; nothing was lost that is not told as a gap")
    async with recording(tmp_path) as again:
        assert again.state.get("a") == 1


async def test_too_much_for_the_memory_is_dropped_bulk_first_and_told_as_a_gap(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        break_disk(home)
        home.say(*range(4000))
        home.say(*range(4000), type="sensor.raw")
        home.state.set("lamp", 1)
        home.say(*range(10_999))
        home.say(*range(3), type="bell")
        with pytest.raises(StorageError, match="disk is full"):
            await home.journal.flush()
        home.say(*range(5001, 12_000))
        home.say("last", type="sensor.raw")
        await eventually(lambda: home.journal.stats().waiting == 20_000)
        break_disk(home, broken=False)
        await home.journal.flush()
        stats = home.journal.stats()
        assert (stats.last, stats.missing, stats.waiting) == (26_003, 6003, 0)
        assert [gap.why for gap in await home.journal.missing()] == ["the disk could not be written"] * 2
        page = await home.journal.read(0, 30_000)
        assert page.gaps == [Gap(4001, 10_003, 6003, "the disk could not be written")]
        assert not any(one.type == "sensor.raw" for one in page.records)
        assert [one.data for one in page.records if one.type == "bell"] == [0, 1, 2]
        assert page.records[-1].data == 11_999
    async with recording(tmp_path) as again:
        assert again.state.get("lamp") == 1


async def test_a_stop_that_cannot_keep_all_says_so(tmp_path: Path) -> None:
    async def stop_with_a_full_disk() -> None:
        async with recording(tmp_path) as home:
            break_disk(home)
            home.say(NOISE)

    with pytest.raises(StorageError, match="1 events could not be kept when the hub stopped: cannot write storage"):
        await stop_with_a_full_disk()


async def test_a_commit_that_is_cut_off_loses_nothing(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.state.set("a", 1)
        task = home.tasks.start("flush", home.journal.flush())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await home.journal.flush()
        assert {one.subject for one in (await home.journal.read()).records} == {"a"}


async def test_who_gave_up_waiting_for_a_commit_leaves_it_to_the_window(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        release = threading.Event()
        home.say("a")
        busy = asyncio.get_running_loop().run_in_executor(home.journal._thread, release.wait, 10)
        flushing = home.tasks.start("flush", home.journal.flush())
        await settle()
        flushing.cancel()
        await settle()
        release.set()
        await busy
        assert home.file.last == 0
        await home.clock.advance(WINDOW)
        await eventually(lambda: home.file.last == 1)


async def test_what_ended_or_has_a_ttl_is_so_after_a_restart_however_many_events_waited(tmp_path: Path) -> None:
    clock = ManualClock()
    async with recording(tmp_path, clock) as home:
        home.state.set("gone", 1)
        home.say(*range(4500))  # more than a commit takes, and less than would make the next a snapshot
        home.state.delete("gone")
        home.state.set("motion", True, "sensor", ttl=30)
        await home.journal.flush()
        home.state._deadlines.clock.stop()
    async with recording(tmp_path, clock) as home:
        assert "gone" not in home.state.list()
        assert home.state.get("motion") is True
        await clock.advance(30)
        assert "motion" not in home.state.list()


async def test_a_disk_that_does_not_answer_fills_no_memory(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        release = threading.Event()
        busy = asyncio.get_running_loop().run_in_executor(home.journal._thread, release.wait, 10)
        for _ in range(5):
            home.say(*range(25_000))
            await settle()
        assert home.journal.stats().waiting < 100_000
        release.set()
        await busy
        await home.journal.flush()
        assert (home.file.last, home.journal.stats().waiting) == (125_000, 0)
        [gap] = await home.journal.missing()
        stored = await home.journal._run(home.file.stored)
        assert (gap.why, stored + gap.count) == ("the disk could not be written", 125_000)


async def test_what_was_not_recorded_yet_cannot_be_acknowledged(tmp_path: Path) -> None:
    store = MemoryEngine()
    async with recording(tmp_path, store=store) as home:
        home.say(1)
        await home.journal.flush()
        for place in (10**9, 2**70):
            await (await home.journal.cursor("sync")).acknowledge(place)
        await store.namespace("_journal").set("cursor/old", 10**15)
        cursors = [await home.journal.cursor("sync"), await home.journal.cursor("old")]
        cursors.append(await home.journal.cursor("new", after=10**9))
        home.say(2)
        await home.journal.flush()
        assert [[one.data for one in (await cursor.read()).records] for cursor in cursors] == [[2]] * 3


async def test_a_forgotten_cursor_is_not_brought_back_by_who_still_holds_it(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say(1, 2, 3)
        await home.journal.flush()
        held = await home.journal.cursor("sync")
        await held.acknowledge(1)
        await held.forget()
        await held.acknowledge(3, durable=True)
        assert await home.journal.cursors() == {}
        again = await home.journal.cursor("sync")
        await again.acknowledge(2)
        await held.forget()
        assert await home.journal.cursors() == {"sync": 2}
        assert await home.journal.cursor("sync") is again


@pytest.mark.parametrize(("after", "limit"), [(2**63, 10), (2**80, 10), (-5, 10), (0, -1), (0, 0)])
async def test_no_question_makes_the_file_look_damaged(tmp_path: Path, after: int, limit: int) -> None:
    async with recording(tmp_path) as home:
        home.say(1)
        await home.journal.flush()
        page = await home.journal.read(after, limit)
        assert (len(page.records), page.gaps) == (int(after < 0), [])
        assert home.file.repaired == ""


async def test_a_cursor_reads_again_what_it_has_not_acknowledged(tmp_path: Path) -> None:
    store = MemoryEngine()
    async with recording(tmp_path, store=store) as home:
        cursor = await home.journal.cursor("sync")
        home.say(*range(5))
        await home.journal.flush()
        page = await cursor.read(2)
        assert [one.data for one in page.records] == [0, 1]
        await cursor.acknowledge(page.upto, durable=True)
        assert [one.data for one in (await cursor.read(2)).records] == [2, 3]
        await cursor.acknowledge(1)
    async with recording(tmp_path, store=store) as again:
        cursor = await again.journal.cursor("sync")
        assert [one.data for one in (await cursor.read()).records] == [2, 3, 4]
        assert await again.journal.cursors() == {"sync": 2}
        assert (await again.journal.cursor("late", after=4)).place == 4
        await cursor.forget()
        assert await again.journal.cursors() == {}


async def test_a_cursor_waits_for_more(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        cursor = await home.journal.cursor("sync")
        waiting = home.tasks.start("waits", cursor.grown())
        await settle()
        assert not waiting.done()
        home.say(1, type="bell")
        await eventually(waiting.done)
        await cursor.grown()


async def test_numbers_are_not_given_twice_when_the_file_is_lost(tmp_path: Path) -> None:
    store = MemoryEngine()
    async with recording(tmp_path, store=store) as home:
        home.say(*range(10))
    (tmp_path / "telemetry.db").unlink()
    async with recording(tmp_path, store=store) as again:
        again.say("new")
        await again.journal.flush()
        page = await again.journal.read()
        assert page.gaps == [Gap(1, 10, 10, "lost with the file")]
        assert [one.seq for one in page.records] == [11]
        again.say(*range(100))
        await again.journal.flush()
        # As after a power cut that took the file.
        other = JournalFile(tmp_path / "other" / "telemetry.db", Limits(1 << 30))
        await asyncio.to_thread(other.open, await store.namespace("_journal").get("reserved"))
        other.close()
        assert other.last >= again.file.last == 111


async def marks(home: Recorder, *values: object) -> list[bool]:
    """Say something and have it kept; whether it is trusted to be rightly timed."""
    home.say(*values)
    await home.journal.flush()
    return [one.trusted for one in (await home.journal.read(0, 9000)).records if one.data in values]


async def test_an_untrusted_clock_is_noted(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.state.set("clock/trusted", False)
        await home.journal.flush()
        assert await marks(home, "1970") == [False]
        home.say("still 1970")
        home.state.set("clock/trusted", True)
        assert await marks(home, "now") == [False], "it stands beside what was recorded before"
        assert await marks(home, "right") == [True]


async def test_before_the_hub_has_started_nobody_has_judged_the_clock_and_without_a_judge_it_is_right(
    tmp_path: Path,
) -> None:
    async with recording(tmp_path) as home:
        assert await marks(home, "1970, and nobody has looked yet") == [False]
        home.say(None, type="hub.started")
        assert await marks(home, "nobody judges") == [True]


async def test_a_verdict_from_before_the_start_says_nothing_of_the_clock(tmp_path: Path) -> None:
    store = MemoryEngine()
    async with recording(tmp_path, store=store) as home:
        home.state.set("clock/trusted", True)
    async with recording(tmp_path, store=store) as again:
        assert await marks(again, "not judged yet") == [False]
        again.say("1970")
        again.state.set("clock/trusted", True)  # as before, which no event tells
        assert await marks(again, "now") == [False]
        assert [one.trusted for one in (await again.journal.read()).records if one.data == "1970"] == [False]
        assert await marks(again, "right") == [True]


async def test_a_verdict_whose_change_is_not_recorded_counts_all_the_same(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.journal._rules = Rules(ignore=["state.changed clock/#"])
        home.state.set("clock/trusted", False)
        await home.journal.flush()
        home.say(*range(4000), "1970")  # more than one commit takes
        home.state.set("clock/trusted", True)
        assert await marks(home, "now") == [False]
        assert not any(one.trusted for one in (await home.journal.read(0, 9000)).records)
        assert await marks(home, "right") == [True]


async def test_the_file_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say(1)
        await home.journal.flush()
        assert (tmp_path / "telemetry.db").stat().st_mode & 0o077 == 0
