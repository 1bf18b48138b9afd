"""Power cuts under load lose nothing that was acknowledged; and the rig that says so would notice if they did."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, override

import pytest

from scripts.rig.cuts import Life, run
from scripts.rig.disk import Disk, File
from scripts.rig.house import House
from scripts.rig.judge import Report

LIVES = 40

pytestmark = pytest.mark.allow_blocking("a thread's work is done in the loop here, so that each run is the same again")


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(100)


@pytest.mark.parametrize("seed", [1, random.SystemRandom().randrange(1_000_000_000)], ids=["always", "any"])
def test_what_was_acknowledged_outlives_every_cut(seed: int) -> None:
    report = run(60, seed)
    assert report.is_good, (seed, report)
    assert report.cuts >= 60
    assert report.durable_writes > 100
    assert report.events > 1000
    assert report.lost_in_window > 0, "cuts that lose nothing prove nothing"
    assert report.gaps > 0, "retention was not at work"


def found(make: Callable[..., House]) -> Report:
    """What many short lives of such a house bring to light."""
    report = Report()
    for seed in range(LIVES):
        Life(seed, report, make).run(3)
    return report


def test_the_same_seed_gives_the_same_run() -> None:
    assert run(12, 5) == run(12, 5)


class Hasty(House):
    """Tells SQLite that nothing needs to be synced."""

    @override
    async def open(self) -> None:
        await super().open()
        for file in (self.storage._file._file, self.file):
            if file._db is not None:
                with suppress(sqlite3.Error):
                    file._db.execute("PRAGMA synchronous = OFF")


class Liar(Disk):
    """Says that it has synced, and has not."""

    @override
    def sync(self, name: str, file: File) -> None:
        if self._dice.random() < 0.5:
            super().sync(name, file)


class Forgetful(House):
    """Commits later than it says."""

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments)
        self.journal._window = 9.0
        self.storage._window = 30.0


class Repeating(House):
    """Gives numbers again that it gave before."""

    @override
    async def open(self) -> None:
        await super().open()
        if self.file.last > 5 and self.file._db is not None:
            with suppress(sqlite3.Error):
                self.file._db.execute("DELETE FROM batch WHERE last > ?", (self.file.last - 5,))
                self.first = self.file.last = self.file._db.execute("SELECT max(upto) FROM batch").fetchone()[0] or 0


class Mute(House):
    """Drops without a word."""

    @override
    async def open(self) -> None:
        await super().open()
        self.file._retention.miss = lambda *_: None  # type: ignore[method-assign]


def test_storage_that_does_not_sync_is_found() -> None:
    assert found(Hasty).lost_acknowledged > 0


def test_a_disk_that_lies_is_found() -> None:
    def lying(disk: Disk, *others: Any) -> House:  # noqa: ANN401
        disk.__class__ = Liar
        return House(disk, *others)

    report = found(lying)
    assert report.lost_acknowledged + report.corrupt > 0


def test_a_window_that_is_not_kept_is_found() -> None:
    report = found(Forgetful)
    assert report.lost_acknowledged == 0
    assert report.max_window_s > report.window_s
    assert report.max_storage_window_s > report.storage_window_s
    assert not report.is_good


def test_numbers_that_are_used_twice_are_found() -> None:
    assert found(Repeating).other_faults > 0


def test_gaps_that_are_not_told_are_found() -> None:
    assert found(Mute).other_faults > 0
