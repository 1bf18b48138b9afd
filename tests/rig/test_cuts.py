"""The power is cut at random moments, and the hub keeps what it promised."""

import logging
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.storage.file import open_file
from tests.rig.connection import opener
from tests.rig.disk import Disk
from tests.rig.powercut import Cut, cut_all

FIXED = 20_000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """A disk without power makes the hub say much."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def faults(cuts: Iterator[Cut]) -> list[str]:
    return [
        f"{fault} (look again with scripts/powercut --seed {cut.seed} --cuts {cut.number})"
        for cut in cuts
        for fault in cut.verdict.faults
    ]


def test_the_contract_holds_through_many_cuts() -> None:
    assert faults(cut_all(40, FIXED)) == []


def test_the_contract_holds_through_cuts_that_nobody_has_seen_before() -> None:
    assert faults(cut_all(24, random.SystemRandom().randrange(10**9))) == []


def test_a_seed_always_cuts_the_same() -> None:
    one, other = ([cut[:4] for cut in cut_all(10, FIXED)] for _ in range(2))
    assert one == other


def test_files_whose_making_was_cut_off_are_opened_and_finished(tmp_path: Path) -> None:
    for turn in range(1, 40):
        for seed in range(6):
            disk = Disk(random.Random(seed))
            disk.cut_at = turn
            try:
                opener(disk)(disk.path("hub.db")).close()
            except (StorageError, sqlite3.Error):
                assert disk.is_off
            found = disk.restarted()
            folder = tmp_path / f"{turn}-{seed}"
            folder.mkdir()
            for name, node in found.names.items():
                (folder / name).write_bytes(node.now)
            for connection in (opener(found)(found.path("hub.db")), open_file(folder / "hub.db")):
                with closing(connection):
                    assert connection.execute("SELECT count(*) FROM kv").fetchall() == [(0,)]
