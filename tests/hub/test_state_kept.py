"""What whoever keeps the state is given, and what comes back of it after a restart."""

from typing import Any

from hub.testing import ManualClock
from hub.types import StateEntry
from tests.hub.home import Home, live


def reopened(rows: list[tuple[Any, ...]], clock: ManualClock | None = None) -> Home:
    home = Home(clock)
    home.state.restore(rows)
    return home


async def test_values_come_back_marked_until_they_are_confirmed(home: Home) -> None:
    home.state.set("lamp/on", True)
    home.state.set("lamp/on", False)
    home.state.set("lamp/level", {"now": 7})
    home.state.set("gone", 1)
    home.state.delete("gone")

    again = reopened([*home.state.changes().values()])
    entry = again.state.entry("lamp/on")

    assert [*again.state.list()] == ["lamp/level", "lamp/on"]
    assert entry is not None
    assert (entry.value, entry.version, entry.restored) == (False, 2, True)
    confirmed = again.state.set("lamp/on", False)
    assert (confirmed.version, confirmed.restored, confirmed.time) == (2, False, entry.time)
    assert again.changes == []
    assert again.state.changes() == {}
    changed = again.state.set("lamp/level", {"now": 8})
    assert (changed.version, changed.restored) == (2, False)
    assert again.state.changes() == {"lamp/level": ("lamp/level", {"now": 8}, 2, changed.time)}


async def test_a_later_row_lies_over_a_former(home: Home) -> None:
    rows = [("a", 1, 1, 5), ("b", 1, 1, 5), ("a", 2, 2, 6), ("b",), ("c",), ("c", None, 1, 7)]
    assert home.state.restore(rows) == 2
    assert home.state.list() == {
        "a": StateEntry(2, 2, 6, restored=True),
        "c": StateEntry(None, 1, 7, restored=True),
    }
    assert home.changes == []


async def test_what_was_changed_before_the_restore_stands_and_is_to_be_kept(home: Home) -> None:
    home.state.set("a", "new")
    home.state.set("c", "new")
    home.state.set("d", 1)
    home.state.delete("d")

    assert home.state.restore([("a", "old", 5, 1), ("b", "kept", 1, 1), ("d", 7, 7, 7)]) == 1
    assert {path: entry.value for path, entry in home.state.list().items()} == {"a": "new", "b": "kept", "c": "new"}
    assert {path: row[1:2] for path, row in home.state.changes().items()} == {"a": ("new",), "c": ("new",), "d": ()}


async def test_it_says_that_there_is_something_to_keep(home: Home) -> None:
    told: list[int] = []
    home.state.on_change = lambda: told.append(len(home.state))
    home.state.set("a", 1)
    home.state.set("a", 1)
    assert told == [1]
    home.state.set("a", 1, ttl=5)
    assert told == [1, 1]
    home.state.delete("a")
    home.state.delete("a")
    assert told == [1, 1, 0]


async def test_what_could_not_be_kept_is_given_again(home: Home) -> None:
    home.state.set("a", 1)
    home.state.set("b", 1)
    taken = home.state.changes()
    assert home.state.changes() == {}
    home.state.set("b", 2)
    home.state.put_back(taken)
    home.state.delete("a")
    assert {path: row[1:3] for path, row in home.state.changes().items()} == {"a": (), "b": (2, 2)}
    assert [row[:3] for row in home.state.rows()] == [("b", 2, 2)]


async def test_a_ttl_comes_back_and_begins_anew(clock: ManualClock) -> None:
    home = Home(clock)
    for path in ("a", "longer", "ended"):
        home.state.set(path, 1, "lamp", ttl=10)
    rows = [*home.state.changes().values()]
    home.state.set("longer", 1, "lamp", ttl=20)
    home.state.set("ended", 1)
    rows += home.state.changes().values()
    home.state._deadlines.clock.stop()

    again = reopened(rows, clock)
    await clock.advance(9.9)
    assert [*again.state.list()] == ["a", "ended", "longer"]
    await clock.advance(0.1)
    assert [(path, change.value) for path, change in again.changes] == [("a", None)]
    assert again.sources == ["lamp"]
    await clock.advance(10)
    assert [*again.state.list()] == ["ended"]
    assert again.state.changes() == {"a": ("a",), "longer": ("longer",)}
    assert live(clock) == 0


async def test_confirming_a_restored_value_ends_or_renews_its_ttl(clock: ManualClock) -> None:
    home = reopened([(path, 1, 3, 7, 10, "lamp") for path in ("ended", "renewed")], clock)
    await clock.advance(5)
    assert home.state.set("ended", 1).restored is False
    assert home.state.set("renewed", 1, "lamp", ttl=10) == StateEntry(1, 3, 7)
    assert home.state.changes() == {"ended": ("ended", 1, 3, 7)}
    await clock.advance(9.9)
    assert len(home.state) == 2
    await clock.advance(0.1)
    assert [*home.state.list()] == ["ended"]
