"""What the bus counts: exactly what happened, however often it is asked, and time that is right on the whole."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from hub.bus import EventBus
from hub.stats import SubscriberStats
from hub.tasks import TaskGroup
from hub.types import Event
from tests.harness import eventually

SECOND = 1_000_000_000


class FakeTime:
    """A clock that moves only when a handler uses time."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns

    def takes(self, seconds: float) -> Callable[[Event], None]:
        def handler(_event: Event) -> None:
            self.ns += round(seconds * SECOND)

        return handler


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    made = FakeTime()
    monkeypatch.setattr("hub.bus.perf_counter_ns", made)
    monkeypatch.setattr("hub.tasks.perf_counter_ns", made)
    return made


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def bus(faults: list[str]) -> EventBus:
    made = EventBus(lambda _owner, event, error: faults.append(f"{error} {event.data}"), history=100)
    for name in ("a", "b"):
        made.declare(name, None, "hub")
    return made


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("lamp")
    yield group
    assert await group.cancel() == []


def figures(bus: EventBus, *names: str) -> list[Any]:
    return [tuple(getattr(one, name) for name in names) for one in bus.stats()]


async def test_a_subscriber_has_its_figures_and_equal_times_add_up(
    bus: EventBus, tasks: TaskGroup, clock: FakeTime
) -> None:
    bus.subscribe("a", clock.takes(0.5), tasks=tasks, subject="x/+", priority=1)
    bus.subscribe("**", clock.takes(0.25), tasks=tasks)
    for _ in range(3):
        bus.publish("a", "x/y")
        bus.publish("a", "z")
        bus.publish("b", "x/y")

    assert bus.stats() == [
        SubscriberStats("lamp", "a", "x/+", 3, 0, 0, 0, 0, 1.5),
        SubscriberStats("lamp", "**", "#", 9, 0, 0, 0, 0, 2.25),
    ]
    assert bus.stats() == bus.stats()
    assert bus.event_counts() == {"a": 6, "b": 3}


async def test_the_first_events_are_timed_one_by_one(bus: EventBus, tasks: TaskGroup, clock: FakeTime) -> None:
    spent = 0.0

    def uneven(event: Event) -> None:
        nonlocal spent
        spent += event.data
        clock.takes(event.data)(event)

    bus.subscribe("a", uneven, tasks=tasks)
    for number in range(64):
        bus.publish("a", "x", number / 8)

    assert figures(bus, "events", "busy_s") == [(64, spent)]


async def test_then_every_32nd_event_stands_for_those_before_it(
    bus: EventBus, tasks: TaskGroup, clock: FakeTime
) -> None:
    bus.subscribe("a", lambda event: clock.takes(event.data)(event), tasks=tasks)
    for _ in range(64):
        bus.publish("a", "x", 0)
    for _ in range(31):
        bus.publish("a", "x", 8)
    bus.publish("a", "x", 1)
    for _ in range(31):
        bus.publish("a", "x", 8)
    bus.publish("a", "x", 2)
    for _ in range(31):
        bus.publish("a", "x", 8)
    assert figures(bus, "events", "busy_s") == [(159, 96)]

    bus.publish("a", "x", 3)
    for _ in range(60):  # after it was asked, some are timed one by one again
        bus.publish("a", "x", 1)
    assert figures(bus, "events", "busy_s") == [(220, 252)]


async def test_equal_events_add_up_though_few_are_timed(bus: EventBus, tasks: TaskGroup, clock: FakeTime) -> None:
    bus.subscribe("a", clock.takes(0.125), tasks=tasks)
    bus.subscribe("a", clock.takes(0.5), tasks=tasks)
    bus.subscribe("b", lambda _event: bus.publish("a", "from b"), tasks=tasks)
    for _ in range(64 + 5 * 32 - 3):
        bus.publish("a", "x")
    for _ in range(3):
        bus.publish("b", "x")

    assert figures(bus, "events", "busy_s") == [(224, 28.0), (224, 112.0), (3, 0.0)]


async def test_an_event_from_a_handler_is_always_timed_and_stands_for_those_before_it(
    bus: EventBus, tasks: TaskGroup, clock: FakeTime
) -> None:
    bus.subscribe("a", lambda event: clock.takes(event.data)(event), tasks=tasks)
    bus.subscribe("b", lambda _event: bus.publish("a", "from b", 1), tasks=tasks)
    for _ in range(64):
        bus.publish("a", "x", 0)
    bus.publish("b", "x")
    bus.publish("b", "x")
    assert figures(bus, "events", "busy_s")[0] == (66, 2)
    for _ in range(5):
        bus.publish("a", "x", 0)
    bus.publish("b", "x")

    assert figures(bus, "events", "busy_s")[0] == (72, 8)


async def test_each_time_is_its_own_subscribers_also_when_it_fails(
    bus: EventBus, tasks: TaskGroup, clock: FakeTime, faults: list[str]
) -> None:
    def fails(event: Event) -> None:
        clock.takes(2)(event)
        raise ValueError(event.subject)

    bus.subscribe("a", fails, tasks=tasks, priority=1)
    bus.subscribe("a", clock.takes(1), tasks=tasks)
    for _ in range(100):
        bus.publish("a", "x")

    assert figures(bus, "events", "errors", "busy_s") == [(100, 100, 192.0), (100, 0, 96.0)]
    assert len(faults) == 100


async def test_events_whose_time_is_not_taken_are_kept_and_their_faults_told(
    bus: EventBus, tasks: TaskGroup, faults: list[str]
) -> None:
    def fails(event: Event) -> None:
        raise ValueError(event.data)

    def looks(event: Event) -> None:
        kept.append(bus.history()[-1].data)
        assert event.data == kept[-1]

    kept: list[int] = []
    bus.subscribe("a", fails, tasks=tasks)
    bus.subscribe("a", looks, tasks=tasks)
    for number in range(200):
        bus.publish("a", "x", number)

    assert faults == [f"{number} {number}" for number in range(200)]
    assert kept == [*range(200)]


async def test_who_hears_a_subject_is_found_out_once(
    bus: EventBus, tasks: TaskGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def matcher(_pattern: str) -> Callable[[str], bool]:
        def matches(text: str) -> bool:
            asked.append(text)
            return True

        return matches

    monkeypatch.setattr("hub.bus.type_matcher", matcher)
    bus.subscribe("a", lambda event: event.subject == "x" and bus.publish("a", "z"), tasks=tasks)
    for subject in ("x", "y", "x", "y", "z"):
        bus.publish("a", subject)
    assert asked == ["a"]

    monkeypatch.setattr("hub.bus.subject_matcher", matcher)
    bus.subscribe("a", lambda _event: None, tasks=tasks)
    asked.clear()
    for subject in ("x", "y", "x", "y", "z"):
        bus.publish("a", subject)
    assert asked == ["a", "a", "x", "z", "y"]


async def test_what_a_predicate_refuses_is_not_heard_but_costs(
    bus: EventBus, tasks: TaskGroup, clock: FakeTime
) -> None:
    def picks(event: Event) -> bool:
        clock.takes(1)(event)
        return bool(1 / event.data > 0)

    bus.subscribe("a", clock.takes(2), tasks=tasks, predicate=picks)
    for number in (1, -1, 0, 2, -2):
        bus.publish("a", "x", number)

    assert figures(bus, "events", "errors", "busy_s") == [(3, 1, 9.0)]


async def test_an_async_subscriber_is_charged_for_its_steps_and_counted_by_what_it_got(
    bus: EventBus, tasks: TaskGroup, clock: FakeTime, faults: list[str]
) -> None:
    gate = asyncio.Event()

    async def slow(event: Event) -> None:
        clock.takes(1)(event)
        await gate.wait()
        clock.takes(2)(event)
        if event.data == 5:
            raise ValueError("five")

    bus.subscribe("a", slow, tasks=tasks, queue=2)
    bus.publish("a", "x", 0)
    await eventually(lambda: clock.ns)
    for number in range(1, 6):
        bus.publish("a", "x", number)

    names = ("events", "errors", "late", "dropped", "waiting", "busy_s")
    assert figures(bus, *names) == [(1, 0, 0, 3, 2, 1.0)]
    gate.set()
    await eventually(lambda: faults == ["five 5"])
    assert figures(bus, *names) == [(3, 1, 0, 3, 0, 9.0)]


async def test_what_was_told_before_somebody_came_or_went_is_counted_for_those_who_were_there(
    bus: EventBus, tasks: TaskGroup
) -> None:
    undo = bus.subscribe("a", lambda _event: None, tasks=tasks, priority=2)
    bus.publish("a", "x")
    bus.subscribe("a", lambda _event: None, tasks=tasks, priority=1)
    bus.publish("a", "x")
    undo()
    undo()
    bus.publish("a", "x")

    assert figures(bus, "events") == [(2,)]
    assert bus.event_counts() == {"a": 3}


async def test_a_subscriber_that_asks_while_it_hears_counts_what_it_hears(bus: EventBus, tasks: TaskGroup) -> None:
    seen: list[Any] = []
    bus.subscribe("a", lambda _event: seen.extend(figures(bus, "events")), tasks=tasks)
    for _ in range(200):
        bus.publish("a", "x")

    assert seen == [(number,) for number in range(1, 201)]


async def test_types_that_went_are_forgotten_when_they_become_many_and_no_subscriber_is_miscounted(
    bus: EventBus, tasks: TaskGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus._REMEMBERED", 5)
    bus.subscribe("**", lambda _event: None, tasks=tasks)
    undos = []
    for number in range(20):
        undos.append(bus.declare(f"t{number}", None, "hub"))
        bus.publish(f"t{number}", "x")
        if number < 3:
            assert bus.event_counts() == {f"t{known}": 1 for known in range(number + 1)}
        undos[-1]()
        assert len(bus._topics) <= 5
    bus.publish("a", "x")

    assert figures(bus, "events") == [(21,)]
    assert bus.event_counts()["a"] == 1
    bus.declare("t0", None, "hub")
    undos[0]()
    bus.publish("t0", "x")
    assert bus.event_counts()["t0"] == 1
