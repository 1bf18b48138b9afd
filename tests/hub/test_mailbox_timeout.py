"""The time a handler has for one event: who is late, who is watched, and what that leaves behind."""

import asyncio
import gc
import weakref
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, override

import pytest

from hub.mailbox import Mailbox
from hub.tasks import TaskGroup
from hub.types import Event
from tests.harness import eventually
from tests.hub.test_mailbox import Collector, Gate, mailbox, make


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("test")
    yield group
    assert await group.cancel() == []


async def test_who_takes_too_long_is_cancelled_and_told_once_and_the_next_event_comes(tasks: TaskGroup) -> None:
    one, gate = Collector(), Gate()
    box = mailbox(gate, failed=one.failed, timeout=0.02)
    task = tasks.start("feeds", box.run())
    box.put(make(1))
    box.put(make(2))

    await eventually(lambda: gate.cancelled == [1])
    await eventually(lambda: gate.cancelled == [1, 2])
    assert one.faults == [
        (number, "it took longer than 0.02 s and was cancelled; its `timeout` can be longer") for number in (1, 2)
    ]
    assert box.late == 2
    box.put(make(3))
    await eventually(lambda: gate.cancelled == [1, 2, 3])
    assert not task.done()


async def test_who_swallows_its_cancellation_was_late_once_and_goes_on(tasks: TaskGroup) -> None:
    one = Collector()
    ended = asyncio.Event()

    async def stubborn(event: Event) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await ended.wait()
        await one(event)

    box = mailbox(stubborn, failed=one.failed, timeout=0.01)
    task = tasks.start("feeds", box.run())
    box.put(make(1))
    await eventually(lambda: box.late == 1)
    assert len(one.faults) == 1
    ended.set()
    box.put(make(2))

    await eventually(lambda: one.heard == [1, 2])
    assert (box.late, [number for number, _ in one.faults], task.cancelling()) == (2, [1, 2], 0)


async def test_who_is_late_when_its_worker_is_stopped_ends_with_it(tasks: TaskGroup) -> None:
    one = Collector()
    survived = 0

    async def stubborn(event: Event) -> None:
        nonlocal survived
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            survived += 1
        await one(event)

    box = mailbox(stubborn, failed=one.failed, timeout=0.01)
    task = tasks.start("feeds", box.run())
    box.put(make(1))
    box.put(make(2))
    await eventually(lambda: survived)
    assert await tasks.cancel() == []

    assert (one.heard, box.late, task.done()) == ([1], 1, True)


async def test_each_event_has_the_whole_time(tasks: TaskGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = 100.0, 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        return now

    monkeypatch.setattr("hub.mailbox.monotonic", clock)
    one, gate = Collector(), Gate()
    box = mailbox(gate, failed=one.failed, timeout=0.02)
    tasks.start("feeds", box.run())
    box.put(make(1))
    await eventually(lambda: gate.running == [1])
    now += 0.015
    await gate.let_go(1)
    box.put(make(2))
    await eventually(lambda: gate.running == [2])
    now += 0.019
    seen = looks
    await eventually(lambda: looks > seen + 3)
    assert (gate.running, box.late) == ([2], 0)
    now += 0.001

    await eventually(lambda: gate.cancelled == [2])
    assert [number for number, _ in one.faults] == [2]


async def test_an_idle_worker_is_not_watched_and_one_with_much_time_has_one_timer(
    tasks: TaskGroup,
) -> None:
    one = Collector()
    watched = 0

    class Spied(Mailbox):
        @override
        def _watch(self, worker: Any) -> None:
            nonlocal watched
            watched += 1
            super()._watch(worker)

    box = Spied(one, 10, "drop_oldest", one.failed, 0.01, deque())
    for number in range(1, 6):
        box.put(make(number))
    tasks.start("feeds", box.run())
    assert (one.heard, watched) == ([1, 2, 3, 4, 5], 1)
    await eventually(lambda: watched == 2)
    box.put(make(6))
    await eventually(lambda: watched == 4)

    assert (one.heard[5:], one.faults, box.late) == ([6], [], 0)


async def test_a_closed_mailbox_lets_go_of_its_handler_though_that_had_much_time(tasks: TaskGroup) -> None:
    box = mailbox(Collector(), timeout=3600.0)
    handler = weakref.ref(box._handler)
    tasks.start("feeds", box.run())
    box.put(make(1))
    await eventually(lambda: getattr(handler(), "heard", []) == [1])
    box.close()
    await eventually(lambda: not tasks.names)
    del box
    gc.collect()
    assert handler() is None
