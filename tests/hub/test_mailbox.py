"""The queue before one async handler: order, overflow, faults, and an end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.api import Overflow
from hub.mailbox import Mailbox
from hub.tasks import TaskGroup
from hub.types import Event
from tests.harness import eventually


def make(number: int, subject: str = "s") -> Event:
    return Event("t", subject, "test", number, 0, number)


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("test")
    yield group
    assert await group.cancel() == []


class Collector:
    def __init__(self) -> None:
        self.heard: list[int] = []
        self.faults: list[tuple[int, str]] = []

    async def __call__(self, event: Event) -> None:
        self.heard.append(event.seq)

    def failed(self, event: Event, error: Exception) -> None:
        self.faults.append((event.seq, str(error)))


def mailbox(one: Collector, limit: int, overflow: Overflow) -> Mailbox:
    return Mailbox(one.__call__, limit, overflow, one.failed)


@pytest.mark.parametrize(
    ("overflow", "expected", "dropped"),
    [("drop_oldest", [3, 4, 5], 2), ("drop_newest", [1, 2, 3], 2), ("latest", [3, 4, 5], 2)],
)
async def test_a_full_queue_keeps_its_rule(
    tasks: TaskGroup, overflow: Overflow, expected: list[int], dropped: int
) -> None:
    one = Collector()
    box = mailbox(one, 3, overflow)
    for number in range(1, 6):
        box.put(make(number, f"s{number}"))

    tasks.start("feeds", box.run())

    assert one.heard == expected
    assert box.dropped == dropped


async def test_latest_keeps_the_newest_of_each_subject_in_the_place_of_its_first(tasks: TaskGroup) -> None:
    one = Collector()
    box = mailbox(one, 10, "latest")
    for number, subject in enumerate("abacb", 1):
        box.put(make(number, subject))

    tasks.start("feeds", box.run())

    assert one.heard == [3, 5, 4]
    assert box.dropped == 2
    box.put(make(6, "a"))
    await eventually(lambda: one.heard == [3, 5, 4, 6])


async def test_latest_forgets_what_it_drops(tasks: TaskGroup) -> None:
    one = Collector()
    box = mailbox(one, 1, "latest")
    for number, subject in enumerate("aab", 1):
        box.put(make(number, subject))

    tasks.start("feeds", box.run())
    box.put(make(4, "a"))

    await eventually(lambda: one.heard == [3, 4])


async def test_events_come_one_at_a_time_and_in_order(tasks: TaskGroup) -> None:
    running = 0
    heard: list[int] = []

    async def handler(event: Event) -> None:
        nonlocal running
        running += 1
        assert running == 1
        for _ in range(event.seq % 3):
            await asyncio.sleep(0)
        heard.append(event.seq)
        running -= 1

    box = Mailbox(handler, 1000, "drop_oldest", lambda _event, _error: None)
    tasks.start("feeds", box.run())
    for number in range(250):
        box.put(make(number))

    await eventually(lambda: heard == [*range(250)])


async def test_a_handler_that_feeds_itself_for_ever_leaves_the_loop_to_others(tasks: TaskGroup) -> None:
    heard = 0

    async def handler(event: Event) -> None:
        nonlocal heard
        heard += 1
        box.put(event)

    box = Mailbox(handler, 10, "drop_oldest", lambda _event, _error: None)
    box.put(make(1))
    tasks.start("feeds", box.run())

    await eventually(lambda: heard > 1000)


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_fault_is_told_and_the_next_event_comes(tasks: TaskGroup, cancelled: bool) -> None:  # noqa: FBT001
    one = Collector()

    async def handler(event: Event) -> None:
        if event.seq == 1 and cancelled:
            dead = asyncio.get_running_loop().create_future()
            dead.cancel()
            await dead
        if event.seq == 1:
            raise ValueError("no bulb")
        await one(event)

    box = Mailbox(handler, 10, "drop_oldest", one.failed)
    tasks.start("feeds", box.run())
    box.put(make(1))
    box.put(make(2))

    await eventually(lambda: one.heard == [2])
    assert one.faults == [(1, "it waited for something that was cancelled" if cancelled else "no bulb")]


async def test_closing_from_within_lets_the_handler_finish_and_ends_the_worker(tasks: TaskGroup) -> None:
    heard: list[int] = []

    async def handler(event: Event) -> None:
        box.close()
        await asyncio.sleep(0)
        heard.append(event.seq)

    box = Mailbox(handler, 10, "drop_oldest", lambda _event, _error: None)
    task = tasks.start("feeds", box.run())
    box.put(make(1))
    box.put(make(2))
    await task

    assert heard == [1]


async def test_the_worker_ends_even_if_the_handler_swallows_its_cancellation(tasks: TaskGroup) -> None:
    entered = asyncio.Event()

    async def handler(_event: Event) -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    box = Mailbox(handler, 10, "drop_oldest", lambda _event, _error: None)
    task = tasks.start("feeds", box.run())
    box.put(make(1))
    await entered.wait()
    box.put(make(2))

    assert await tasks.cancel() == []
    assert task.done()


async def test_a_cancelled_worker_takes_no_harm_from_a_late_event(tasks: TaskGroup) -> None:
    one = Collector()
    box = mailbox(one, 10, "drop_oldest")
    tasks.start("feeds", box.run())
    await tasks.cancel()

    box.put(make(1))

    assert one.heard == []
