"""The core's hot paths as pairs: through the hub, and what bare Python does for the same work."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from hub.api import Context, Events, State
from hub.bus import EventBus
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.tasks import TaskGroup
from hub.types import Event
from scripts.benchmarks._house import Happened

type Work = Callable[[int], Awaitable[None]]
"""Does something so many times."""

_TYPE, _SUBJECT = "bench.happened", "bench/a"
_DATA = {"n": 1}
_FACT = Happened(1)
_PATHS = [f"bench/d{number}/temperature" for number in range(1000)]


class Lane(NamedTuple):
    """One hot path: its budget (operations a second of CPU time), how many make a round, and the two ways to do it."""

    name: str
    budget: int
    size: int
    work: Work
    bare: Work


class _Fact(msgspec.Struct, frozen=True, gc=False):
    type: str
    subject: str
    source: str
    seq: int
    time: int
    data: object


class _Listener:
    """An async subscriber that suspends once; `published` returns when it has heard as many as were published."""

    def __init__(self) -> None:
        self._left = 0
        self._done = asyncio.Event()

    async def hear(self, _event: Event) -> None:
        await asyncio.sleep(0)
        self._left -= 1
        if not self._left:
            self._done.set()

    async def published(self, count: int, publish: Callable[[], object]) -> None:
        self._left = count
        self._done.clear()
        for _ in range(count):
            publish()
        await self._done.wait()


def engine_lanes(tasks: TaskGroup) -> list[Lane]:
    """The engines alone."""
    return [
        Lane("publish_1_sync", 1_200_000, 100_000, _publish(tasks, 1), _publish_bare(1)),
        Lane("publish_10_sync", 450_000, 40_000, _publish(tasks, 10), _publish_bare(10)),
        Lane("publish_1_async", 200_000, 40_000, _publish_async(tasks), _hear_bare),
        Lane("service_call", 400_000, 80_000, _call(), _call_bare),
        Lane("state_set", 350_000, 40_000, _set(tasks), _set_bare),
    ]


def context_lanes(ctx: Context) -> list[Lane]:
    """The same through a plugin's Context: with checked data, permissions, accounting, deadlines and owners."""
    return [
        Lane("publish_1_sync_ctx", 1_200_000, 100_000, _publish_ctx(ctx, 1), _publish_bare(1)),
        Lane("publish_10_sync_ctx", 450_000, 40_000, _publish_ctx(ctx, 10), _publish_bare(10)),
        Lane("publish_1_async_ctx", 200_000, 40_000, _publish_async_ctx(ctx), _hear_bare),
        Lane("service_call_ctx", 400_000, 80_000, _call_ctx(ctx), _call_bare),
        Lane("state_set_ctx", 350_000, 40_000, _set_ctx(ctx), _set_bare),
    ]


def _ignore(_event: object) -> None:
    """Stand in for a subscriber."""


def _bus() -> EventBus:
    bus = EventBus()
    bus.declare(_TYPE, None, "bench")
    return bus


def _publish(tasks: TaskGroup, subscribers: int) -> Work:
    bus = _bus()
    for _ in range(subscribers):
        bus.subscribe(_TYPE, _ignore, tasks=tasks)

    async def work(count: int) -> None:
        publish = bus.publish
        for _ in range(count):
            publish(_TYPE, _SUBJECT, _DATA)

    return work


def _publish_ctx(ctx: Context, subscribers: int) -> Work:
    async def work(count: int) -> None:
        undos = [ctx.events.subscribe(_TYPE, _ignore) for _ in range(subscribers)]
        publish = ctx.events.publish
        for _ in range(count):
            publish(_TYPE, _SUBJECT, _FACT)
        for undo in undos:
            undo()

    return work


def _publish_bare(subscribers: int) -> Work:
    """Make an immutable struct and call functions with it: what any bus must do at least."""
    heard = (_ignore,) * subscribers

    async def work(count: int) -> None:
        clock = time.time_ns
        for number in range(count):
            fact = _Fact(_TYPE, _SUBJECT, "bench", number, clock(), _DATA)
            for one in heard:
                one(fact)

    return work


def _publish_async(tasks: TaskGroup) -> Work:
    bus, listener = _bus(), _Listener()
    bus.subscribe(_TYPE, listener.hear, tasks=tasks, queue=1_000_000)

    async def work(count: int) -> None:
        await listener.published(count, lambda: bus.publish(_TYPE, _SUBJECT, _DATA))

    return work


def _publish_async_ctx(ctx: Context) -> Work:
    events: Events = ctx.events
    listener = _Listener()

    async def work(count: int) -> None:
        undo = events.subscribe(_TYPE, listener.hear, queue=1_000_000)
        await listener.published(count, lambda: events.publish(_TYPE, _SUBJECT, _FACT))
        undo()

    return work


async def _hear_bare(count: int) -> None:
    """Take from a deque and suspend once."""

    async def hear(_event: object) -> None:
        await asyncio.sleep(0)

    queue = deque(range(count))
    while queue:
        await hear(queue.popleft())


def _call() -> Work:
    registry = ServiceRegistry()

    async def dim(lamp: str, brightness: int = 0) -> None:
        """Do nothing with two checked arguments."""

    registry.register("bench.dim", dim, "bench")

    async def work(count: int) -> None:
        for number in range(count):
            await registry.call("bench.dim", {"lamp": "a", "brightness": number & 255}, caller="bench")

    return work


def _call_ctx(ctx: Context) -> Work:
    async def work(count: int) -> None:
        call = ctx.services.call
        for number in range(count):
            await call("bench.hold", lamp="a", brightness=number & 255)

    return work


async def _call_bare(count: int) -> None:
    """Await a function."""

    async def dim(lamp: str, brightness: int = 0) -> None:
        """Do nothing."""

    for number in range(count):
        await dim("a", number & 255)


def _set(tasks: TaskGroup) -> Work:
    bus = EventBus()
    state = StateEngine(bus)
    bus.subscribe("state.changed", _ignore, tasks=tasks)
    values = iter(range(1, 1_000_000))

    async def work(count: int) -> None:
        for _ in range(count // len(_PATHS)):
            value = next(values)
            for path in _PATHS:
                state.set(path, value)

    return work


def _set_ctx(ctx: Context) -> Work:
    state: State = ctx.state
    values = iter(range(1, 1_000_000))

    async def work(count: int) -> None:
        undo = state.watch("bench/#", _ignore)
        for _ in range(count // len(_PATHS)):
            value = next(values)
            for path in _PATHS:
                state.set(path, value)
        undo()

    return work


async def _set_bare(count: int) -> None:
    """Make two structs and fill a dict."""
    entries: dict[str, _Fact] = {}
    clock = time.time_ns
    for number in range(count // len(_PATHS)):
        for path in _PATHS:
            entries[path] = _Fact("", path, "", number, clock(), number)
            _ignore(_Fact("state.changed", path, "bench", number, clock(), number))
