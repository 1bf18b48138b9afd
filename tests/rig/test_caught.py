"""A hub that breaks its promises is caught; else the rig would prove nothing."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, override

import pytest

from hub.journal.file import JournalFile, Pending
from hub.journal.rules import Rules
from tests.rig.house import House, NotedStorage, Plan
from tests.rig.powercut import cut_all

CUTS = 40
SEED = 40_000


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def kinds(until: str, **options: Any) -> set[str]:  # noqa: ANN401 - those of `cuts`
    """The kinds of faults that are found, until it is the one."""
    found: set[str] = set()
    for cut in cut_all(CUTS, SEED, **options):
        found |= {fault.partition(":")[0] for fault in cut.verdict.faults}
        if until in found:
            break
    return found


class Hasty(House):
    """Its storage says that a write is durable before it is."""

    class Storage(NotedStorage):
        @override
        async def _commit_now(self) -> None:
            self._commit_soon()

    storage_class = Storage


class Piecemeal(House):
    """Its storage commits each row of a transaction by itself."""

    class Storage(NotedStorage):
        @override
        async def _write(self, rows: list[Any]) -> None:
            for row in rows:
                await super()._write([row])

    storage_class = Storage


class Slow(House):
    """It takes its time with what is not durable."""

    @override
    async def open(self) -> None:
        self.storage._window *= 8
        self.journal._window *= 8
        await super().open()


class Deaf(House):
    """It takes no event for an alarm."""

    @override
    async def open(self) -> None:
        self.journal._rules = Rules(ignore=["noise"])
        await super().open()


class Rash(House):
    """Its journal says that events are on the disk when they are not."""

    @override
    async def open(self) -> None:
        async def flush() -> None: ...

        self.journal.flush = flush  # type: ignore[method-assign]
        await super().open()


class Forgetful(House):
    """Its journal keeps no states but those that events tell."""

    class File(JournalFile):
        @override
        def store(self, pending: Pending) -> int:
            return super().store(pending._replace(states=[], is_snapshot=False))

    file_class = File


class Lossy(House):
    """Its journal now and then keeps an event of another number."""

    class File(JournalFile):
        @override
        def store(self, pending: Pending) -> int:
            return super().store(pending._replace(events=[*pending.events][::-1]))

    file_class = File


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"plan": Plan(pages=10, after_open="PRAGMA synchronous = OFF")}, "lost"),
        ({"plan": Plan(pages=10, after_open="PRAGMA synchronous = NORMAL")}, "lost"),
        ({"plan": Plan(pages=3), "lies": True}, "corrupt"),
        ({"plan": Plan(after_open="PRAGMA synchronous = OFF")}, "reused"),
        ({"plan": Plan(), "house": Hasty}, "lost"),
        ({"plan": Plan(), "house": Piecemeal}, "torn"),
        ({"plan": Plan(pace=5, is_calm=True), "house": Slow}, "late"),
        ({"plan": Plan(), "house": Deaf}, "late"),
        ({"plan": Plan(), "house": Rash}, "lost"),
        ({"plan": Plan(), "house": Forgetful}, "lost"),
        ({"plan": Plan(), "house": Lossy}, "corrupt"),
    ],
    ids=lambda one: one if isinstance(one, str) else one.get("house", one["plan"].after_open or "lies"),
)
def test_it_is_caught(options: Mapping[str, Any], found: str) -> None:
    assert found in kinds(found, **options)


def test_a_hub_that_breaks_none_is_not() -> None:
    assert kinds("", plan=Plan(pages=10)) == set()
