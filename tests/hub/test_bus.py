"""The event bus: order, isolation, undo, declared types, and loops that harm nobody."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.bus import EventBus
from hub.errors import EventError
from hub.patterns import PatternError
from hub.tasks import TaskGroup
from hub.types import Event
from tests.harness import eventually


class Rung(msgspec.Struct, frozen=True):
    times: int


class Other(msgspec.Struct, frozen=True):
    times: int


class Faults(list[tuple[str, str, str]]):
    def note(self, owner: str, event: Event, error: Exception) -> None:
        self.append((owner, event.type, str(error)))


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def bus(faults: Faults) -> EventBus:
    made = EventBus(faults.note)
    for name in ("a", "b", "c"):
        made.declare(name, None, "hub")
    return made


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("lamp")
    yield group
    assert await group.cancel() == []


async def test_an_event_carries_its_attributes_and_reaches_its_hearers(
    bus: EventBus, tasks: TaskGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Event] = []
    monkeypatch.setattr("hub.bus.time_ns", lambda: 77)
    bus.subscribe("a", heard.append, tasks=tasks)

    event = bus.publish("a", "door/front", {"n": 1}, "bell")

    assert heard == [event]
    assert (event.type, event.subject, event.source, event.data) == ("a", "door/front", "bell", {"n": 1})
    assert event.id == f"77-{event.seq}"
    following = bus.publish("a", "x")
    assert (following.seq, following.source, following.data) == (event.seq + 1, "hub", None)
    assert bus.published == event.seq + 1


async def test_every_hearer_sees_publish_order_even_of_events_from_within_handlers(
    bus: EventBus, tasks: TaskGroup
) -> None:
    early: list[int] = []
    late: list[int] = []
    slow: list[int] = []

    def chain(event: Event) -> None:
        if event.data:
            bus.publish("b", "x", event.data - 1)
            bus.publish("a", "x", event.data - 1)

    async def hears(event: Event) -> None:
        await asyncio.sleep(0)
        slow.append(event.seq)

    bus.subscribe("**", lambda event: early.append(event.seq), tasks=tasks, priority=1)
    bus.subscribe("a", chain, tasks=tasks)
    bus.subscribe("**", lambda event: late.append(event.seq), tasks=tasks, priority=-1)
    bus.subscribe("**", hears, tasks=tasks)
    bus.publish("a", "x", 5)

    assert early == late == [*range(1, 12)]
    await eventually(lambda: slow == early)


@given(st.lists(st.integers(0, 3), max_size=20))
def test_order_holds_for_any_cascade(cascade: list[int]) -> None:
    bus = EventBus()
    bus.declare("a", None, "hub")
    tasks = TaskGroup("t")
    seen: list[list[int]] = [[], [], []]
    plan = iter(cascade)

    def hearer(number: int) -> Any:  # noqa: ANN401
        def hear(event: Event) -> None:
            seen[number].append(event.seq)
            for _ in range(next(plan, 0)):
                bus.publish("a", f"s{number}")

        return hear

    for number in range(3):
        bus.subscribe("a", hearer(number), tasks=tasks)
    bus.publish("a", "start")

    assert seen[0] == seen[1] == seen[2] == [*range(1, bus.published + 1)]


async def test_a_failing_handler_is_reported_with_its_owner_and_hurts_nobody(
    bus: EventBus, tasks: TaskGroup, faults: Faults
) -> None:
    heard: list[Event] = []

    def breaks(_event: Event) -> None:
        raise ValueError("no bulb")

    def asks_the_dead(_event: Event) -> None:
        dead = asyncio.get_running_loop().create_future()
        dead.cancel()
        dead.result()

    async def breaks_later(_event: Event) -> None:
        await asyncio.sleep(0)
        raise ValueError("no switch")

    bus.subscribe("a", breaks, tasks=tasks)
    bus.subscribe("a", asks_the_dead, tasks=tasks)
    bus.subscribe("a", breaks_later, tasks=tasks)
    bus.subscribe("a", heard.append, tasks=tasks)
    bus.subscribe("b", lambda _event: bus.publish("a", "nested"), tasks=tasks)

    bus.publish("a", "x")
    await eventually(lambda: len(faults) == 3)
    bus.publish("b", "x")
    await eventually(lambda: len(faults) == 6)

    assert [event.subject for event in heard] == ["x", "nested"]
    said = [
        ("lamp", "a", "no bulb"),
        ("lamp", "a", "it asked for the result of something that was cancelled"),
        ("lamp", "a", "no switch"),
    ]
    assert faults == said * 2


async def test_without_a_listener_a_fault_goes_to_the_log(tasks: TaskGroup, caplog: pytest.LogCaptureFixture) -> None:
    bus = EventBus()
    bus.declare("a", None, "hub")

    def breaks(_event: Event) -> None:
        raise ValueError("no bulb")

    bus.subscribe("a", breaks, tasks=tasks)
    bus.publish("a", "door")

    assert caplog.messages == ["lamp failed on a door: no bulb"]
    assert "ValueError: no bulb" in caplog.text


async def test_a_handler_that_would_end_the_process_fails_and_ends_nothing(
    bus: EventBus, tasks: TaskGroup, faults: Faults
) -> None:
    heard: list[str] = []

    def stops(event: Event) -> None:
        raise SystemExit(3) if event.subject == "stop" else KeyboardInterrupt

    def cascades(event: Event) -> None:
        if event.subject == "first":
            bus.publish("a", "stop")
            bus.publish("a", "rest")

    bus.subscribe("a", cascades, tasks=tasks, priority=1)
    bus.subscribe("a", stops, tasks=tasks)
    bus.subscribe("a", lambda event: heard.append(event.subject), tasks=tasks)
    bus.publish("a", "first")
    bus.publish("a", "last")

    assert heard == ["first", "stop", "rest", "last"]
    said = [
        f"it tried to end the process ({kind})"
        for kind in ("KeyboardInterrupt", "SystemExit", "KeyboardInterrupt", "KeyboardInterrupt")
    ]
    assert faults == [("lamp", "a", text) for text in said]


@pytest.mark.parametrize("nested", [False, True])
async def test_even_what_the_bus_does_not_catch_leaves_it_alive(tasks: TaskGroup, nested: bool) -> None:  # noqa: FBT001
    heard: list[str] = []

    def refuses(_owner: str, _event: Event, error: Exception) -> None:
        raise error

    def breaks(event: Event) -> None:
        if nested and event.subject == "first":
            fragile.publish("a", "second")
            fragile.publish("a", "third")
        elif event.subject in {"first", "second"}:
            raise ValueError(event.subject)
        heard.append(event.subject)

    fragile = EventBus(refuses)
    fragile.declare("a", None, "hub")
    fragile.subscribe("a", breaks, tasks=tasks)
    with pytest.raises(ValueError, match="second" if nested else "first"):
        fragile.publish("a", "first")
    fragile.publish("a", "last")

    await eventually(lambda: heard == (["first", "third", "last"] if nested else ["last"]))


async def test_types_and_subjects_choose_the_hearers(bus: EventBus, tasks: TaskGroup) -> None:
    heard: list[tuple[str, str]] = []
    bus.declare("light.on", None, "hub")

    def note(name: str) -> Any:  # noqa: ANN401
        return lambda event: heard.append((name, event.subject))

    bus.subscribe("light.*", note("pattern"), tasks=tasks)
    bus.subscribe("light.on", note("hall"), tasks=tasks, subject="hall/+")
    bus.subscribe("a", note("never"), tasks=tasks)
    for _ in range(2):
        bus.publish("light.on", "hall/lamp")
        bus.publish("light.on", "attic/lamp")

    assert heard == [("pattern", "hall/lamp"), ("hall", "hall/lamp"), ("pattern", "attic/lamp")] * 2
    bus.subscribe("b", note("attic"), tasks=tasks, subject="attic/#")
    bus.publish("b", "attic/lamp")
    bus.publish("b", "hall/lamp")
    assert heard[6:] == [("attic", "attic/lamp")]


async def test_many_subjects_do_not_pile_up(bus: EventBus, tasks: TaskGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.bus._REMEMBERED", 4)
    heard: list[str] = []
    bus.subscribe("a", lambda event: heard.append(event.subject), tasks=tasks, subject="x/+")
    for number in range(50):
        bus.publish("a", f"x/{number}")

    assert len(heard) == 50
    assert len(bus._topics["a"].by_subject) <= 4


async def test_a_higher_priority_hears_earlier_and_equals_in_the_order_of_subscribing(
    bus: EventBus, tasks: TaskGroup
) -> None:
    heard: list[str] = []
    for name, terms in (("low", {"priority": -1}), ("one", {}), ("high", {"priority": 1}), ("two", {"priority": 0})):
        bus.subscribe("a", lambda _event, name=name: heard.append(name), tasks=tasks, **terms)  # type: ignore[arg-type, misc]
    bus.publish("a", "x")

    assert heard == ["high", "one", "two", "low"]


async def test_a_predicate_chooses_and_its_fault_is_its_owners(bus: EventBus, tasks: TaskGroup, faults: Faults) -> None:
    heard: list[int] = []
    slow: list[int] = []

    async def hears(event: Event) -> None:
        slow.append(event.data)

    bus.subscribe("a", lambda event: heard.append(event.data), tasks=tasks, predicate=lambda event: event.data > 1)
    bus.subscribe("a", hears, tasks=tasks, predicate=lambda event: event.data > 2)
    for number in (1, 2, 3):
        bus.publish("a", "x", number)
    bus.publish("a", "x", "three")

    await eventually(lambda: slow == [3])
    assert heard == [2, 3]
    assert [owner for owner, _, _ in faults] == ["lamp", "lamp"]


async def test_who_is_undone_hears_nothing_more_not_even_the_event_under_way(bus: EventBus, tasks: TaskGroup) -> None:
    heard: list[str] = []

    async def slow(_event: Event) -> None:
        heard.append("slow")

    undos = [
        bus.subscribe("a", lambda _event: [undo() for undo in undos], tasks=tasks, priority=1),
        bus.subscribe("a", lambda _event: heard.append("plain"), tasks=tasks),
        bus.subscribe("a", slow, tasks=tasks),
    ]
    assert bus.counts() == {"lamp": 3}
    bus.publish("a", "x")
    bus.publish("a", "x")
    for undo in undos:
        undo()

    await eventually(lambda: not tasks.names)
    assert heard == []
    assert bus.counts() == {}


async def test_an_async_handler_that_takes_itself_back_may_finish(bus: EventBus, tasks: TaskGroup) -> None:
    heard: list[str] = []

    async def once(event: Event) -> None:
        undo()
        await asyncio.sleep(0)
        heard.append(event.subject)

    undo = bus.subscribe("a", once, tasks=tasks)
    bus.publish("a", "first")
    bus.publish("a", "second")

    await eventually(lambda: not tasks.names)
    assert heard == ["first"]


async def test_who_subscribes_from_within_a_handler_hears_the_next_event(bus: EventBus, tasks: TaskGroup) -> None:
    heard: list[str] = []
    done: list[object] = []

    def subscribes(_event: Event) -> None:
        if not done:
            done.append(bus.subscribe("a", lambda event: heard.append(event.subject), tasks=tasks))

    bus.subscribe("a", subscribes, tasks=tasks)
    bus.publish("a", "first")
    bus.publish("a", "second")

    assert heard == ["second"]


async def test_a_worker_ends_with_its_owner(bus: EventBus, tasks: TaskGroup) -> None:
    heard: list[Event] = []

    async def hears(event: Event) -> None:
        await asyncio.sleep(0)
        heard.append(event)

    bus.subscribe("a", hears, tasks=tasks, subject="door/#")
    assert tasks.names == ["lamp:hears a door/#"]
    assert await tasks.cancel() == []
    bus.publish("a", "door/front")
    await asyncio.sleep(0)

    assert heard == []


async def test_an_endless_chain_of_events_leaves_the_loop_to_others(
    bus: EventBus, tasks: TaskGroup, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    bus.subscribe("c", lambda event: heard.append(event.subject), tasks=tasks)
    undo_one = bus.subscribe("a", lambda _event: bus.publish("b", "pong"), tasks=tasks)
    undo_two = bus.subscribe("b", lambda _event: bus.publish("a", "ping"), tasks=tasks)

    with caplog.at_level(logging.WARNING, "hub.bus"):
        bus.publish("a", "begin", source="bell")
        bus.publish("c", "still")
        await eventually(lambda: heard == ["still"] and bus.published > 3000)
    undo_one()
    undo_two()
    await asyncio.sleep(0)
    bus.publish("c", "after")

    await eventually(lambda: heard == ["still", "after"])
    assert caplog.messages == ["a begin from bell set off over 1000 events without a pause; the rest waits a moment"]


async def test_an_undeclared_type_is_refused_naming_source_and_type(bus: EventBus) -> None:
    with pytest.raises(EventError) as error:
        bus.publish("bell.rung", "x", None, "bell")
    why = "the type is not declared; list its struct in `emits`"
    assert str(error.value) == f"bell may not publish 'bell.rung': {why}"


async def test_data_must_fit_its_struct(bus: EventBus) -> None:
    bus.declare("bell.rung", Rung, "bell")

    assert bus.publish("bell.rung", "x", {"times": 2}).data == Rung(2)
    assert bus.publish("bell.rung", "x", Rung(3)).data == Rung(3)
    with pytest.raises(EventError, match=r"bell published 'bell.rung' with data that does not fit: .*times"):
        bus.publish("bell.rung", "x", {"times": "two"}, "bell")
    with pytest.raises(EventError, match="does not fit"):
        bus.publish("bell.rung", "x", Other(1))


async def test_two_owners_may_share_a_struct_but_not_dispute_it(bus: EventBus) -> None:
    first = bus.declare("bell.rung", Rung, "bell")
    second = bus.declare("bell.rung", Rung, "gong")
    with pytest.raises(EventError, match=r"horn and bell, gong both declare 'bell\.rung' with different data"):
        bus.declare("bell.rung", Other, "horn")

    first()
    first()
    bus.publish("bell.rung", "x", Rung(1))
    second()
    with pytest.raises(EventError, match="not declared"):
        bus.publish("bell.rung", "x", Rung(1))
    bus.declare("bell.rung", Other, "horn")
    second()
    bus.publish("bell.rung", "x", Other(1))


async def test_one_owner_may_declare_twice_and_takes_each_back(bus: EventBus) -> None:
    bus.declare("bell.rung", Rung, "bell")()
    first, _second = bus.declare("bell.rung", Rung, "bell"), bus.declare("bell.rung", Rung, "bell")
    first()

    assert bus.publish("bell.rung", "x", Rung(1)).data == Rung(1)


async def test_an_event_published_in_time_is_delivered_though_its_type_went_meanwhile(
    bus: EventBus, tasks: TaskGroup
) -> None:
    heard: list[str] = []
    undo = bus.declare("bell.rung", Rung, "bell")

    def goes(_event: Event) -> None:
        bus.publish("bell.rung", "last", Rung(1))
        undo()

    bus.subscribe("a", goes, tasks=tasks)
    bus.subscribe("bell.*", lambda event: heard.append(event.subject), tasks=tasks)
    bus.publish("a", "x")

    assert heard == ["last"]
    with pytest.raises(EventError, match="not declared"):
        bus.publish("bell.rung", "x", Rung(1))


@pytest.mark.parametrize("type_", ["bell.*", "**"])
async def test_no_pattern_can_be_declared(bus: EventBus, type_: str) -> None:
    with pytest.raises(EventError) as error:
        bus.declare(type_, None, "bell")

    assert str(error.value) == f"bell: an event type cannot be declared by pattern, {type_!r} has a *"


@pytest.mark.parametrize("type_", ["a..b", ""])
async def test_only_a_well_formed_name_can_be_declared(bus: EventBus, type_: str) -> None:
    with pytest.raises(PatternError):
        bus.declare(type_, None, "bell")
