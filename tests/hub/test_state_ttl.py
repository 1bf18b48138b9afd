"""State with a time to live: it ends, it is renewed, and it survives a restart."""

from typing import Any

import pytest

from hub.errors import StateError
from hub.testing import ManualClock
from hub.types import Event, StateChanged
from tests.hub.home import Home, live


async def test_a_value_with_a_ttl_is_deleted_when_it_is_over(clock: ManualClock) -> None:
    home = Home(clock)
    entry = home.state.set("motion", True, "sensor", ttl=30)
    home.state.set("other", 1)
    assert (entry.value, entry.version) == (True, 1)
    await clock.advance(29.999)
    assert home.state.get("motion") is True
    await clock.advance(0.001)
    assert home.state.entry("motion") is None
    assert home.changes[2:] == [("motion", StateChanged(value=None, old=True, version=2))]
    assert home.sources == ["sensor", "hub", "sensor"]
    await clock.advance(1e6)
    assert len(home.changes) == 3
    assert len(home.state) == 1


@pytest.mark.parametrize("jump", [1.8e9, -3600.0], ids=["from 1970", "an hour back"])
async def test_a_ttl_does_not_notice_that_somebody_sets_the_clock(clock: ManualClock, jump: float) -> None:
    home = Home(clock)
    home.state.set("motion", True, ttl=30)
    clock.jump(jump)
    await clock.advance(29.999)
    assert home.state.get("motion") is True
    await clock.advance(0.001)
    assert home.state.entry("motion") is None


@pytest.mark.parametrize("again", [True, False], ids=["same", "other"])
async def test_setting_it_again_renews_the_ttl_or_ends_it(clock: ManualClock, *, again: bool) -> None:
    home = Home(clock)
    for path in ("renewed", "shortened", "ended", "swapped", "deleted"):
        home.state.set(path, True, "first", ttl=10)
    await clock.advance(5)
    home.state.set("renewed", again, "second", ttl=10)
    home.state.set("shortened", again, ttl=2)
    home.state.set("ended", again)
    assert home.state.compare_and_set("swapped", again, 1)
    home.state.delete("deleted")
    home.state.set("deleted", again)
    home.changes.clear()
    home.sources.clear()
    await clock.advance(2)
    assert [path for path, _ in home.changes] == ["shortened"]
    await clock.advance(7.9)
    assert len(home.changes) == 1
    await clock.advance(0.1)
    assert home.sources == ["hub", "second"]
    await clock.advance(100)
    assert [*home.state.list()] == ["deleted", "ended", "swapped"]
    assert live(clock) == 0


async def test_the_same_value_with_another_ttl_is_no_change(clock: ManualClock) -> None:
    home = Home(clock)
    for value in (True, [1], (1,)):
        entry = home.state.set("x", value, ttl=5)
        assert home.state.set("x", value, ttl=7) is entry
        assert home.state.set("x", value) is entry
        assert home.state.set("x", value, ttl=9) is entry
    assert [change.value for _, change in home.changes] == [True, [1]]
    await clock.advance(9)
    assert home.state.entry("x") is None


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), 1e11, True, "5"])
async def test_what_is_no_ttl_is_refused_and_changes_nothing(clock: ManualClock, ttl: Any) -> None:  # noqa: ANN401
    home = Home(clock)
    home.state.set("x", 1, ttl=5)
    for path, value in (("new", 1), ("x", 1), ("x", 2), ("x", [1])):
        with pytest.raises(
            StateError, match=f"^state '{path}': a ttl must be a number of seconds above 0, at most 1000"
        ):
            home.state.set(path, value, ttl=ttl)
    assert [*home.state.list()] == ["x"]
    assert home.state.get("x") == 1
    assert len(home.changes) == 1
    await clock.advance(5)
    assert len(home.state) == 0


async def test_a_refused_value_leaves_the_ttl_as_it_was(clock: ManualClock) -> None:
    home = Home(clock)
    home.state.set("x", 1, ttl=5)
    with pytest.raises(StateError):
        home.state.set("x", object())
    with pytest.raises(StateError):
        home.state.set("x", object(), ttl=50)
    assert not home.state.compare_and_set("x", 2, 7)
    await clock.advance(5)
    assert len(home.state) == 0


async def test_the_end_is_told_in_the_name_of_who_set_it_last(clock: ManualClock) -> None:
    home = Home(clock)
    home.state.set("lamp/on", True, "lamps", ttl=10)
    home.state.set("lamp/on", True, "rules", ttl=10)
    await clock.advance(11)
    assert home.sources == ["lamps", "rules"]
    assert home.changes[-1][1].value is None


async def test_one_timer_serves_all_and_none_runs_for_nothing(clock: ManualClock) -> None:
    home = Home(clock)
    home.state.set("x", 1)
    assert live(clock) == 0
    for number in range(50):
        home.state.set(f"path/{number}", number, ttl=100 - number)
        assert live(clock) == 1
    for _ in range(5000):
        home.state.set("path/0", 0, ttl=100)
    assert len(home.state._deadlines._heap) < 300
    await clock.advance(100)
    assert [*home.state.list()] == ["x"]
    assert [path for path, _ in home.changes[51:]] == [f"path/{number}" for number in reversed(range(50))]
    assert live(clock) == 0


async def test_who_hears_of_the_end_may_set_it_again(clock: ManualClock) -> None:
    home = Home(clock)

    def again(event: Event) -> None:
        if event.data.value is None:
            home.state.set("x", event.data.old + 1, "echo", ttl=1e-6)

    home.bus.subscribe("state.changed", again, tasks=home.tasks)
    home.state.set("x", 1, ttl=1)
    await clock.advance(1)
    assert home.state.get("x") == 2
    await clock.advance(0.0015)
    assert home.state.get("x") == 3


async def test_what_is_deleted_before_its_time_leaves_nothing_behind(clock: ManualClock) -> None:
    home = Home(clock)
    home.state.set("motion", True, ttl=30)
    assert home.state.delete("motion")
    assert home.state.changes() == {"motion": ("motion",)}
    assert home.state.restore([("motion", True, 3, 7)]) == 1
    assert home.state.rows() == [("motion", True, 3, 7)]
    await clock.advance(30)
    assert home.state.get("motion") is True
    assert (len(home.changes), live(clock)) == (2, 0)
