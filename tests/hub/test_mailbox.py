"""The queue before one async handler: order, overflow, faults, and an end."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

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


def mailbox(
    handler: Callable[[Event], object],
    limit: int = 1000,
    overflow: Overflow = "drop_oldest",
    *,
    failed: Callable[[Event, Exception], None] = lambda _event, _error: None,
    timeout: float = 30.0,
) -> Mailbox:
    return Mailbox(handler, limit, overflow, failed, timeout, deque())


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

    box = mailbox(handler)
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

    box = mailbox(handler, 10)
    box.put(make(1))
    marks: list[int] = []
    for _ in range(3):
        asyncio.get_running_loop().call_soon(lambda: asyncio.get_running_loop().call_soon(lambda: marks.append(heard)))
    tasks.start("feeds", box.run())

    await eventually(lambda: heard > 1000)
    assert marks == [200, 200, 200]


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

    box = mailbox(handler, failed=one.failed)
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

    box = mailbox(handler, 10)
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

    box = mailbox(handler, 10)
    task = tasks.start("feeds", box.run())
    box.put(make(1))
    await entered.wait()
    box.put(make(2))

    assert await tasks.cancel() == []
    assert task.done()


async def test_a_cancelled_worker_takes_no_harm_from_a_late_event(tasks: TaskGroup) -> None:
    one = Collector()
    box = mailbox(one)
    tasks.start("feeds", box.run())
    await tasks.cancel()

    box.put(make(1))

    assert one.heard == []


class Gate:
    """A handler that holds every event until it is told to let one go."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.done: list[int] = []
        self.cancelled: list[int] = []
        self._gates: dict[int, asyncio.Event] = {}

    async def __call__(self, event: Event) -> None:
        gate = self._gates[event.seq] = asyncio.Event()
        self.running.append(event.seq)
        try:
            await gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(event.seq)
            raise
        finally:
            self.running.remove(event.seq)
        self.done.append(event.seq)

    async def let_go(self, number: int) -> None:
        self._gates[number].set()
        await eventually(lambda: number in self.done)


async def test_several_workers_feed_several_events_at_once_each_once(tasks: TaskGroup) -> None:
    gate = Gate()
    box = mailbox(gate)
    for _ in range(3):
        tasks.start("feeds", box.run())
    for number in range(1, 6):
        box.put(make(number))

    await eventually(lambda: sorted(gate.running) == [1, 2, 3])
    assert box.waiting == 2
    await gate.let_go(2)
    await eventually(lambda: 4 in gate.running)
    assert (sorted(gate.running), box.waiting) == ([1, 3, 4], 1)
    for number in (4, 1, 3, 5):
        await eventually(lambda number=number: number in gate.running)  # type: ignore[misc]
        await gate.let_go(number)
    assert gate.done == [2, 4, 1, 3, 5]
    assert box.waiting == 0


async def test_closing_ends_all_workers_but_the_one_that_closes(tasks: TaskGroup) -> None:
    gate = Gate()
    heard: list[int] = []

    async def handler(event: Event) -> None:
        if event.seq == 2:
            box.close()
            await asyncio.sleep(0)
            heard.append(event.seq)
        else:
            await gate(event)

    box = mailbox(handler)
    workers = [tasks.start("feeds", box.run()) for _ in range(3)]
    box.put(make(1))
    await eventually(lambda: gate.running)
    box.put(make(2))
    await asyncio.wait(workers)

    assert (heard, gate.cancelled, tasks.names) == ([2], [1], [])


class Durable:
    """A `block` mailbox that is fed through a history of `kept` events, as the bus does."""

    def __init__(self, limit: int, kept: int) -> None:
        self.one = Collector()
        self.history: deque[Event] = deque(maxlen=kept)
        self.box = Mailbox(self.one, limit, "block", self.one.failed, 30.0, self.history)

    def put(self, *numbers: int, others: int = 0) -> None:
        for number in numbers:
            self.history.append(make(number))
            self.box.put(self.history[-1])
        for number in range(numbers[-1] + 1, numbers[-1] + 1 + others):
            self.history.append(make(number))


async def test_who_blocks_gets_all_that_the_history_still_has(tasks: TaskGroup) -> None:
    durable = Durable(2, 5)
    durable.put(1, 2, 3, 4, 5)
    assert (durable.box.waiting, durable.box.dropped) == (5, 0)

    tasks.start("feeds", durable.box.run())
    durable.put(6)

    await eventually(lambda: durable.one.heard == [1, 2, 3, 4, 5, 6])
    assert durable.one.faults == []


async def test_who_blocks_keeps_its_queue_whatever_the_history_has(tasks: TaskGroup) -> None:
    durable = Durable(3, 2)
    durable.put(1, 2, 3, others=5)

    tasks.start("feeds", durable.box.run())

    assert (durable.one.heard, durable.box.dropped) == ([1, 2, 3], 0)


async def test_who_blocks_too_long_loses_the_oldest_and_hears_of_it_once_each_time(tasks: TaskGroup) -> None:
    durable = Durable(1, 3)
    durable.put(1, 2, 3, 4, 5)
    assert (durable.box.waiting, durable.box.dropped) == (3, 2)
    text = "it is too slow and loses events, this one first; a higher `[hub] event_history` helps"
    assert durable.one.faults == [(1, text)]

    worker = tasks.start("feeds", durable.box.run())
    assert durable.one.heard == [3, 4, 5]
    worker.cancel()
    durable.put(6, 7, 8, 9)

    assert durable.one.faults == [(1, text), (6, text)]
    assert (durable.box.waiting, durable.box.dropped) == (3, 3)


async def test_only_who_blocks_hears_of_what_it_lost() -> None:
    one = Collector()
    box = mailbox(one, 1, failed=one.failed)
    box.put(make(1))
    box.put(make(2))

    assert (one.faults, box.dropped, box.waiting) == ([], 1, 1)
