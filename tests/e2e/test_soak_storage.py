"""The short form of `scripts/soak storage`: a journal at its limit loses nothing that it does not declare."""

import asyncio
import json
import subprocess
import sys
from typing import Any, cast

import pytest

from hub.journal import Gap, Journal, Page, Record
from scripts.tools.soak_storage import Reader

# Memory is judged over ten minutes, not over seconds.
SHORT = ("--minutes", "0.15", "--rate", "3500", "--mib", "6", "--growth", "1000")


@pytest.mark.timeout(120)
def test_what_was_sent_is_stored_or_declared_missing() -> None:
    command = [sys.executable, "-m", "scripts.tools.soak_storage", *SHORT, "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout + told.stderr
    found: dict[str, Any] = json.loads(told.stdout)
    assert found["faults"] == []
    assert found["missing"]["bulk"] > 0
    assert found["missing"]["alarm"] == 0
    for name, count in found["sent"].items():
        assert count == found["stored"][name] + found["missing"][name] > 0
    assert found["written_mib"] > 6
    assert found["cursors"]["forgetful"]["times"] > 2
    assert all(one["read"] + one["missing"] == one["place"] for one in found["cursors"].values())


def test_a_run_that_never_reaches_the_limit_proves_nothing() -> None:
    command = [sys.executable, "-m", "scripts.tools.soak_storage", "--minutes", "0.05", "--growth", "1000"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert told.returncode == 1
    assert "not at its limit" in told.stdout


def said(seq: int, n: int) -> Record:
    return Record(seq, "soak.said", "soak", "soak", 1, {"n": n}, "normal")


GOOD = Page([said(1, 1), said(2, 2), said(4, 4)], [Gap(3, 3, 1, "no space")], 4)
PAGES = [
    (Page([*GOOD.records, said(4, 5)], GOOD.gaps, 4), "reads 4 behind 4"),
    (Page([said(1, 1), said(3, 2)], [], 3), "reads 3 behind 1"),
    (Page([said(1, 1)], [], 3), "has heard of all up to 1"),
    (Page([said(1, 1), said(2, 3)], [], 2), "soak.said 3 follows 1"),
    (Page([said(1, 1), said(2, 1)], [], 2), "soak.said 1 follows 1"),
    (GOOD, ""),
]


class OnePage:
    """A journal, and a cursor of it, of one page."""

    def __init__(self, page: Page, stop: asyncio.Event) -> None:
        self.place = 0
        self._page = page
        self._stop = stop

    async def cursor(self, _name: str) -> "OnePage":
        return self

    async def read(self, _limit: int) -> Page:
        return self._page

    async def acknowledge(self, upto: int) -> None:
        self.place = upto
        self._stop.set()


@pytest.mark.parametrize(("page", "fault"), PAGES)
async def test_a_reader_finds_what_is_doubled_skipped_or_swapped(page: Page, fault: str) -> None:
    stop, reader = asyncio.Event(), Reader("one", 10)
    await reader.run(cast("Journal", OnePage(page, stop)), stop)
    if not fault:
        assert reader.faults == []
        assert reader.counts() == {"read": 3, "missing": 1, "place": 4, "times": 1}
    else:
        assert fault in reader.faults[0]


async def test_a_cursor_that_stands_elsewhere_is_found() -> None:
    stop, reader = asyncio.Event(), Reader("one", 10)
    journal = OnePage(GOOD, stop)
    journal.place = 7
    await reader.run(cast("Journal", journal), stop)
    assert reader.faults == ["the cursor one stands at 7, and 0 was acknowledged"]
