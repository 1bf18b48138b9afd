"""What a Context is made of: all of it can be undone, what a plugin did is counted, and it cannot fill the state."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import Event, Limits
from hub.bus import EventBus
from hub.errors import EventError, StateError
from hub.hosts.core import Core
from hub.hosts.inside import InsideContext
from hub.hosts.parts import Registrations, Tally
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock, settle
from tests.harness import eventually


class Rung(msgspec.Struct, frozen=True):
    times: int


def new_core(folder: Path = Path("/nowhere")) -> Core:
    bus = EventBus(history=10)
    bus.declare("bell.rung", Rung, "bell")
    return Core(bus, ServiceRegistry(), StateEngine(bus), MemoryEngine(), ManualClock(), folder)


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    made = new_core(tmp_path)
    await made.storage.open()
    yield made
    await made.storage.close()


async def test_the_whole_context_is_there_and_undone(core: Core) -> None:
    ctx = InsideContext(core, "bell", {})
    told: list[tuple[str, int]] = []
    busy = 0

    async def count(to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    async def slow(_event: Event) -> None:
        nonlocal busy
        busy += 1
        await asyncio.Event().wait()

    ctx.services.register("bell.count", count, limits=Limits(rate=5))
    ctx.storage.watch("a", lambda key, value: told.append((key, value)))
    ctx.events.subscribe("bell.rung", slow, subject="back", concurrency=2)
    for number in range(3):
        core.bus.publish("bell.rung", "back", Rung(number))
    for key in ("a/1", "b"):
        await ctx.storage.set(key, 1)
    async with ctx.storage.transaction() as changes:
        changes.set("a/2", 2)
    await settle()

    assert [item async for item in ctx.services.stream("bell.count", to=3)] == [0, 1, 2]
    assert [one.limits for one in ctx.services.list()] == [Limits(rate=5)]
    assert told == [("a/1", 1), ("a/2", 2)]
    assert busy == 2
    first, *rest = ctx.events.history("bell.*", subject="back")
    assert (first.data, len(rest)) == (Rung(0), 2)
    assert ctx.events.history("bell.*", subject="back", after=first.seq) == rest
    assert await ctx.close() == []
    await core.storage.namespace("bell").set("a/3", 1)
    assert len(told) == 2
    assert (core.bus.counts(), core.services.list()) == ({}, [])


async def test_state_may_have_a_lifetime(core: Core) -> None:
    ctx = InsideContext(core, "bell", {})
    with pytest.raises(StateError, match="ttl"):
        ctx.state.set("bell/on", True, ttl=-1)
    assert ctx.state.set("bell/on", True, ttl=60).version == 1
    ctx.state.delete("bell/on")
    await ctx.close()


async def test_a_handler_may_have_a_deadline_of_its_own(core: Core) -> None:
    ctx = InsideContext(core, "bell", {})
    late: list[str] = []

    async def slow(_event: Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            late.append("cancelled")

    ctx.events.subscribe("bell.rung", slow, timeout=0.01)
    core.bus.publish("bell.rung", "back", Rung(1))
    await eventually(lambda: late)
    await ctx.close()


def test_registrations_are_undone_newest_first_and_once() -> None:
    order: list[int] = []
    kept = Registrations()
    undos = [kept.keep(lambda number=number: order.append(number)) for number in range(4)]  # type: ignore[misc]
    undos[2]()
    undos[2]()
    kept.undo_all()
    undos[0]()
    kept.undo_all()
    assert order == [2, 3, 1, 0]

    kept.keep(lambda: order.append(4))
    kept.close()
    kept.keep(lambda: order.append(5))
    assert order[4:] == [4, 5]


async def test_events_and_changes_are_counted_over_all_lives(core: Core) -> None:
    tally = Tally()
    first, other = InsideContext(core, "bell", {}, tally=tally), InsideContext(core, "gong", {})
    first.events.publish("bell.rung", "x", {"times": 1})
    with pytest.raises(EventError):
        first.events.publish("bell.rung", "x", {"times": "one"})
    with pytest.raises(EventError):
        first.events.publish("bell.cracked", "x")
    assert tally.published == 1

    first.state.set("lamp/on", True)
    first.state.set("lamp/on", True)
    first.state.set("lamp/on", False)
    assert tally.published == 3
    assert first.state.compare_and_set("lamp/on", True, 2)
    assert first.state.compare_and_set("lamp/on", True, 3)
    assert not first.state.compare_and_set("lamp/on", False, 1)
    assert first.state.compare_and_set("lamp/level", 5, 0)
    assert tally.published == 5
    assert first.state.delete("lamp/level")
    assert not first.state.delete("lamp/level")
    assert tally.published == 6

    again = InsideContext(core, "bell", {}, tally=tally)
    again.events.publish("bell.rung", "x", {"times": 1})
    other.state.set("lamp/on", False)
    assert tally.published == 7


async def test_a_plugin_may_not_fill_the_state(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.hosts.parts.PATH_LIMIT", 3)
    clock = core.clock
    assert isinstance(clock, ManualClock)
    tally = Tally()
    ctx, other = InsideContext(core, "bell", {}, tally=tally), InsideContext(core, "gong", {})
    other.state.set("gong/on", True)
    with pytest.raises(StateError):
        ctx.state.set("no//", object())
    for number in range(3):
        ctx.state.set(f"bell/{number}", number)
    sentence = r"bell may not have more than 3 state paths; delete old ones, or use the storage"
    with pytest.raises(StateError, match=sentence):
        ctx.state.set("bell/3", 3)
    with pytest.raises(StateError, match=sentence):
        InsideContext(core, "bell", {}, tally=tally).state.compare_and_set("bell/3", 3, 0)
    assert "bell/3" not in core.state.list()

    ctx.state.set("bell/0", "what it has may change")
    ctx.state.set("gong/on", False)
    other.state.set("gong/off", True)
    ctx.state.delete("bell/0")
    ctx.state.set("bell/3", 3)

    other.state.delete("bell/1")
    ctx.state.set("bell/1", "its own again")
    other.state.delete("bell/1")
    with pytest.raises(StateError, match=sentence):
        ctx.state.set("bell/4", 4)  # what others delete is looked for once a second
    await clock.advance(1)
    ctx.state.set("bell/4", 4)
    with pytest.raises(StateError, match=sentence):
        ctx.state.set("bell/5", 5)


STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "add", "delete", "others"]), st.integers(0, 5), st.integers(0, 1)), max_size=40
)


@given(STEPS)
def test_what_is_counted_is_what_happened(steps: list[tuple[str, int, int]]) -> None:
    core, tally = new_core(), Tally()
    ctx, other = InsideContext(core, "bell", {}, tally=tally), InsideContext(core, "gong", {})
    changes: list[str] = []
    ctx.state.watch("#", lambda event: changes.append(event.source))
    for what, number, value in steps:
        path = f"lamp/{number}"
        if what == "set":
            ctx.state.set(path, value)
        elif what == "add":
            ctx.state.compare_and_set(path, value, 0)
        elif what == "delete":
            ctx.state.delete(path)
        else:
            other.state.set(path, value)

    assert tally.published == changes.count("bell")
    assert len(tally.paths) <= 6
    ctx.kept.close()
