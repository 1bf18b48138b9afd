"""An event that cannot become bytes costs itself alone, and is told as a gap."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

import msgspec
import pytest

from hub.errors import StorageError
from hub.journal import Gap, records
from hub.journal.file import Pending
from tests.harness import eventually
from tests.hub.journal.recorder import recording

WHY = "could not be encoded"


class Key(msgspec.Struct, frozen=True):
    of: int


class Sullen:
    """Its `__repr__`, by which the journal would keep it, fails."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    @override
    def __repr__(self) -> str:
        raise self._error


def _nested() -> object:
    value: list[Any] = []
    for _ in range(200_000):
        value = [value]
    return value


def _endless() -> object:
    value: list[Any] = []
    value.append(value)
    return value


SPOILED: dict[str, Callable[[], object]] = {
    "too long a number": lambda: 2**64,
    "half of a surrogate pair": lambda: "\ud800",
    "too deep": _nested,
    "endless": _endless,
    "fails": lambda: Sullen(RuntimeError("no")),
    "looks like damage": lambda: Sullen(UnicodeDecodeError("utf-8", b"x", 0, 1, "no")),
    "exits": lambda: Sullen(SystemExit(1)),
    "raw, and nonsense": lambda: msgspec.Raw(b"\xc1"),
    "a key that is none": lambda: {Key(1): 1},
    "too large": lambda: bytes(records._LARGEST),
}


@pytest.mark.parametrize("make", SPOILED.values(), ids=SPOILED)
async def test_all_others_of_the_commit_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make: Callable[[], object]
) -> None:
    async with recording(tmp_path) as home:
        home.say("before", "beside")
        home.bus.publish("said", "test", make(), "camera")
        home.say("behind")
        home.say("raw", type="sensor.raw")
        await home.journal.flush()
        page = await home.journal.read()
        assert [one.data for one in page.records] == ["before", "beside", "behind", "raw"]
        assert page.gaps == await home.journal.missing() == [Gap(3, 3, 1, WHY)]
        [told] = [one for one in caplog.records if one.levelno == logging.ERROR]
        assert "said 'test' of 'camera' is not recorded, as it cannot be encoded: " in told.getMessage()
        assert (await home.journal.check(), home.file.repaired) == ("", "")
    async with recording(tmp_path) as home:
        home.say("next")
        await home.journal.flush()
        assert [one.seq for one in (await home.journal.read()).records] == [1, 2, 4, 5, 6]


async def test_a_subject_that_is_no_text_costs_its_event_alone(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say("before")
        home.bus.publish("said", None, "lost", "camera")  # type: ignore[arg-type]
        home.say("behind")
        await home.journal.flush()
        page = await home.journal.read()
        assert ([one.data for one in page.records], page.gaps) == (["before", "behind"], [Gap(2, 2, 1, WHY)])


async def test_numbers_go_on_when_a_commit_has_nothing_that_can_be_kept(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.say(2**64, type="bell")
        await eventually(lambda: home.file.last == 1)
    async with recording(tmp_path) as home:
        assert home.file.last == 1
        home.say("next")
        await home.journal.flush()
        page = await home.journal.read()
        assert ([one.seq for one in page.records], page.gaps) == ([2], [Gap(1, 1, 1, WHY)])


async def test_the_state_is_kept_when_its_event_cannot_be(tmp_path: Path) -> None:
    async with recording(tmp_path) as home:
        home.state.set("a", 1, "\ud800")
        home.state.set("b", 1)
        await home.journal.flush()
    async with recording(tmp_path) as home:
        assert {path: one.value for path, one in home.state.list().items()} == {"a": 1, "b": 1}


async def test_a_row_of_a_state_that_cannot_be_encoded_costs_itself_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with recording(tmp_path) as home:
        home.state.set("a", 1, "\ud800", ttl=100)
        home.state.set("b", 1, ttl=100)
        await home.journal.flush()
        assert "state 'a' of '\\ud800' is not kept" in caplog.text
    async with recording(tmp_path) as home:
        assert home.state.get("b") == 1


async def test_a_fault_that_nobody_thought_of_does_not_end_the_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with recording(tmp_path) as home:
        store = home.file.store

        def faulty(pending: Pending) -> int:
            raise LookupError("never thought of", pending.now)

        home.file.store = faulty  # type: ignore[method-assign]
        home.say("a", type="bell")
        await eventually(lambda: "never thought of" in home.journal.stats().failure)
        with pytest.raises(StorageError, match=r"LookupError: .'never thought of"):
            await home.journal.flush()
        home.file.store = store  # type: ignore[method-assign]
        await home.clock.advance(60)
        await eventually(lambda: not home.journal.stats().failure)
        assert await home.said() == ["a"]
        assert "the journal failed" in caplog.text
