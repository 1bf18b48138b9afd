"""The terms of a subscription: queue, overflow, time, workers; and what of the past the bus still has."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import msgspec
import pytest

from hub.bus import EventBus
from hub.errors import EventError
from hub.patterns import PatternError
from hub.tasks import TaskGroup
from hub.types import Event
from tests.harness import eventually


@pytest.fixture
def faults() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def bus(faults: list[tuple[str, str]]) -> EventBus:
    made = EventBus(lambda owner, event, error: faults.append((owner, f"{event.subject}: {error}")), history=4)
    for name in ("a", "b.c"):
        made.declare(name, None, "hub")
    return made


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("lamp")
    yield group
    assert await group.cancel() == []


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"queue": 0}, "queue must hold at least 1 event, not 0"),
        ({"concurrency": 0}, "concurrency must be 1 to 100, not 0"),
        ({"concurrency": 101}, "concurrency must be 1 to 100, not 101"),
        ({"timeout": 0.0}, "timeout must be more than 0 s, not 0"),
        ({"timeout": -0.5}, "timeout must be more than 0 s, not -0.5"),
        ({"timeout": float("nan")}, "timeout must be more than 0 s, not nan"),
        (
            {"overflow": "oldest"},
            "overflow must be one of drop_oldest, drop_newest, latest, block, not 'oldest'",
        ),
    ],
)
async def test_terms_that_cannot_be_kept_are_refused(
    bus: EventBus, tasks: TaskGroup, terms: dict[str, Any], why: str
) -> None:
    with pytest.raises(EventError) as error:
        bus.subscribe("a", print, tasks=tasks, **terms)

    assert str(error.value) == f"lamp: a subscription's {why}"
    assert bus.counts() == {}


@pytest.mark.parametrize("concurrency", [1, 100])
async def test_the_least_terms_are_kept_and_the_most(bus: EventBus, tasks: TaskGroup, concurrency: int) -> None:
    heard: list[str] = []

    async def hears(event: Event) -> None:
        heard.append(event.subject)

    bus.subscribe("a", hears, tasks=tasks, queue=1, concurrency=concurrency, timeout=0.5)
    bus.publish("a", "x")
    await eventually(lambda: heard == ["x"])


async def test_blocking_needs_a_history(tasks: TaskGroup) -> None:
    bus = EventBus()
    with pytest.raises(EventError) as error:
        bus.subscribe("a", print, tasks=tasks, overflow="block")

    assert str(error.value) == "lamp: a subscription's overflow 'block' needs `[hub] event_history` above 0"


async def test_a_malformed_pattern_is_refused(bus: EventBus, tasks: TaskGroup) -> None:
    with pytest.raises(PatternError):
        bus.subscribe("a", print, tasks=tasks, subject="#/a")
    with pytest.raises(PatternError):
        bus.subscribe("a..b", print, tasks=tasks)
    with pytest.raises(PatternError):
        bus.history("a..b")
    with pytest.raises(PatternError):
        bus.history(subject="#/a")

    assert bus.counts() == {}


class Slow:
    """An async handler that is an object, and holds its first event until `gate` opens."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.gate = asyncio.Event()
        self.calls = 0

    async def __call__(self, event: Event) -> None:
        self.calls += 1
        await self.gate.wait()
        self.heard.append(event.subject)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"queue": 2, "overflow": "drop_newest"}, ["0", "1", "2"]),
        ({"queue": 2, "overflow": "drop_oldest"}, ["0", "4", "5"]),
        ({"queue": 2}, ["0", "4", "5"]),
        ({"queue": 2, "overflow": "latest"}, ["0", "4", "5"]),
        ({"queue": 2, "overflow": "block"}, ["0", "2", "3", "4", "5"]),
        ({"queue": 2, "concurrency": 2}, ["0", "1", "4", "5"]),
        ({}, ["0", "1", "2", "3", "4", "5"]),
    ],
)
async def test_a_full_queue_keeps_its_rule(
    bus: EventBus, tasks: TaskGroup, terms: dict[str, Any], expected: list[str]
) -> None:
    slow = Slow()
    bus.subscribe("a", slow, tasks=tasks, **terms)
    for number in range(6):
        bus.publish("a", str(number))
        await eventually(lambda number=number: slow.calls >= min(number + 1, terms.get("concurrency", 1)))  # type: ignore[misc]
    slow.gate.set()

    await eventually(lambda: sorted(slow.heard) == expected)
    assert slow.heard == expected or "concurrency" in terms


async def test_any_kind_of_async_handler_is_fed_by_workers(bus: EventBus, tasks: TaskGroup) -> None:
    slow = Slow()
    slow.gate.set()

    async def hears(prefix: str, event: Event) -> None:
        slow.heard.append(prefix + event.subject)

    bus.subscribe("a", slow, tasks=tasks)
    bus.subscribe("a", slow.__call__, tasks=tasks)
    bus.subscribe("a", partial(hears, "p"), tasks=tasks, concurrency=3)
    assert tasks.names == ["lamp:hears a #"] * 5
    bus.publish("a", "x")

    await eventually(lambda: sorted(slow.heard) == ["px", "x", "x"])


async def test_who_takes_longer_than_its_time_is_counted_and_cancelled(
    bus: EventBus, tasks: TaskGroup, faults: list[tuple[str, str]]
) -> None:
    slow = Slow()
    bus.subscribe("a", slow, tasks=tasks, timeout=0.01)
    bus.publish("a", "x")
    await eventually(lambda: faults)
    slow.gate.set()
    bus.publish("a", "y")

    await eventually(lambda: slow.heard == ["y"])
    assert faults == [("lamp", "x: it took longer than 0.01 s and was cancelled; its `timeout` can be longer")]
    [one] = bus.stats()
    assert (one.events, one.errors, one.late) == (2, 1, 1)


async def test_without_terms_a_handler_has_half_a_minute_and_room_for_a_thousand(
    bus: EventBus, tasks: TaskGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()
    now = 0.0
    monkeypatch.setattr("hub.mailbox.monotonic", lambda: now)
    asked: list[float] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", lambda left, *_rest: asked.append(left))
    bus.subscribe("a", slow, tasks=tasks)
    bus.publish("a", "first")
    await asyncio.sleep(0)
    for number in range(1003):
        bus.publish("a", str(number))

    [one] = bus.stats()
    assert (one.waiting, one.dropped, asked) == (1000, 3, [30.0])


async def test_the_past_is_told_by_type_subject_and_number_as_far_as_it_goes(bus: EventBus) -> None:
    assert bus.history() == []
    events = [bus.publish(type_, subject) for type_ in ("a", "b.c") for subject in ("x", "x/y", "z")]

    assert bus.history() == events[2:]
    assert bus.history("b.*") == events[3:]
    assert bus.history("**", subject="x/#") == events[3:5]
    assert bus.history("a", subject="z") == [events[2]]
    assert bus.history(after=4) == events[4:]
    assert bus.history("b.c", subject="+", after=4) == [events[5]]
    assert bus.history(after=1) == events[2:]
    assert bus.history(after=6) == bus.history(after=10**30) == []


async def test_the_past_holds_what_has_been_delivered(bus: EventBus, tasks: TaskGroup) -> None:
    seen: list[list[str]] = []

    def looks(event: Event) -> None:
        if event.subject == "first":
            bus.publish("a", "second")
        seen.append([one.subject for one in bus.history()])

    bus.subscribe("a", looks, tasks=tasks)
    bus.publish("a", "first")

    assert seen == [["first"], ["first", "second"]]


async def test_without_a_history_there_is_no_past() -> None:
    bus = EventBus()
    bus.declare("a", None, "hub")
    bus.publish("a", "x")

    assert bus.history() == []


async def test_a_handler_cannot_set_off_more_events_than_there_is_room_for(
    bus: EventBus, tasks: TaskGroup, faults: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus._STORM", 5)
    heard: list[str] = []

    def bursts(event: Event) -> None:
        heard.append(event.subject)
        while event.subject == "first":
            bus.publish("a", "more", source="gale")

    bus.subscribe("a", bursts, tasks=tasks)
    bus.publish("a", "first")

    assert heard == ["first"] + ["more"] * 5
    assert faults == [("lamp", "first: a storms: 5 events that handlers set off wait, gale may not add")]
    assert bus.published == 6


async def test_while_a_storm_waits_others_may_publish_and_are_heard_in_turn(
    bus: EventBus, tasks: TaskGroup, faults: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus._STORM", 5)
    monkeypatch.setattr("hub.bus._BURST", 3)
    heard: list[str] = []

    def bursts(event: Event) -> None:
        heard.append(event.subject)
        for number in range(5 if event.subject == "first" else 0):
            bus.publish("a", str(number))

    bus.subscribe("a", bursts, tasks=tasks)
    bus.publish("a", "first")
    before = len(heard)
    for number in range(6):
        bus.publish("a", f"late {number}")

    assert heard == ["first", "0", "1", "2"][:before]
    assert 0 < before < 6
    await eventually(lambda: len(heard) == 12)
    assert heard == ["first", *map(str, range(5)), *(f"late {number}" for number in range(6))]
    assert faults == []
    bus.publish("a", "straight")
    assert heard[-1] == "straight"


async def test_in_a_resumed_storm_handlers_are_held_again(
    bus: EventBus, tasks: TaskGroup, faults: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.bus._STORM", 5)
    monkeypatch.setattr("hub.bus._BURST", 2)
    refused = 0

    def doubles(event: Event) -> None:
        nonlocal refused
        for _ in range(2 if event.seq < 40 else 0):
            try:
                bus.publish("a", event.subject)
            except EventError:
                refused += 1

    bus.subscribe("a", doubles, tasks=tasks)
    bus.publish("a", "x")

    await eventually(lambda: refused and bus.published >= 40 and bus.event_counts() == {"a": bus.published})
    assert faults == []


async def test_data_of_a_type_whose_struct_changed_hands_fits_the_new_one(bus: EventBus, tasks: TaskGroup) -> None:
    class Old(msgspec.Struct):
        n: int

    class New(msgspec.Struct):
        text: str

    heard: list[object] = []
    undo = bus.declare("bell", Old, "bell")
    bus.subscribe("bell", lambda event: heard.append(event.data), tasks=tasks)
    bus.publish("bell", "x", {"n": 1})
    undo()
    bus.declare("bell", New, "gong")
    bus.publish("bell", "x", {"text": "ding"})
    undo()
    bus.publish("bell", "x", New("dong"))

    assert heard == [Old(1), New("ding"), New("dong")]
    with pytest.raises(EventError, match="does not fit"):
        bus.publish("bell", "x", {"n": 1})
