"""A restored hub gives no number of the journal that it may have given since the backup."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from hub.backup.passing import leap_since, pass_over_numbers
from hub.backup.restoring import restore
from hub.backup.shelf import rescue_registry
from hub.errors import StorageError
from hub.journal.file import JournalFile, Pending
from hub.journal.numbers import LEAP, NAMESPACE, Numbers
from hub.journal.retention import Limits
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.types import Event
from tests.hub.backup.homes import back_up, home, quiet

GIVEN = 70


async def _numbers(registry: Path, given: int = 0) -> tuple[int, int]:
    engine = SqliteEngine(registry, tasks=TaskGroup("test"))
    await engine.open()
    try:
        numbers = Numbers(engine.namespace(NAMESPACE))
        if given:
            await numbers.settle(given)
        certain = await numbers.load()
        return numbers.reserved, certain
    finally:
        await engine.close()


def recorded(folder: Path, values: Sequence[object]) -> int:
    """Go on with the journal as a hub does; returns the first of the new numbers."""
    with closing(JournalFile(folder / "telemetry.db", Limits(1 << 30))) as file:
        file.open(*asyncio.run(_numbers(folder / "hub.db")))
        before = file.last
        file.store(Pending([(1, Event("said", "test", "test", 0, 1, value)) for value in values], []))
        assert file.stored() + sum(gap.count for gap in file.missing()) == file.last
    asyncio.run(_numbers(folder / "hub.db", file.last))
    return before + 1


@pytest.mark.parametrize("telemetry", [False, True])
def test_after_a_restore(tmp_path: Path, telemetry: bool) -> None:  # noqa: FBT001
    one = home(tmp_path / "data")
    assert recorded(one.data, range(GIVEN)) == 1
    backup = back_up(one, tmp_path / "shelf", telemetry=telemetry)
    assert recorded(one.data, range(100_000)) == GIVEN + 1
    restore(Path(backup.file), one.data, "", quiet, force=True)
    assert recorded(one.data, ["new"]) > GIVEN + LEAP


def test_when_the_registry_is_rescued_and_the_journal_is_lost_as_well(tmp_path: Path) -> None:
    one = home(tmp_path / "data")
    recorded(one.data, range(GIVEN))
    back_up(one, tmp_path / "shelf")
    (tmp_path / "new").mkdir()
    assert rescue_registry(tmp_path / "shelf", tmp_path / "new" / "hub.db", quiet) is not None
    assert recorded(tmp_path / "new", ["new"]) > GIVEN + LEAP


def test_a_later_restore_of_the_same_backup_leaps_further() -> None:
    now = int(time.time())  # noqa: TID251 - as a backup notes it
    second, hour = (leap_since((now - ago) * 1_000_000_000) for ago in (1, 3600))
    assert LEAP < second < hour - 3_500_000
    assert leap_since((now + 3600) * 1_000_000_000) == LEAP, "a clock that is not set counts no time"


def test_what_is_no_registry_is_told(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"nothing of that kind" * 100)
    with pytest.raises(StorageError, match=r"hub.db cannot be written: file is not a database"):
        pass_over_numbers(tmp_path / "hub.db", LEAP)
