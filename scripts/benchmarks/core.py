"""The core's hot paths, each beside what bare Python does for the same work, measured in the same run.

Rates are per second of this process's own CPU time: the median of five rounds.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec
import uvloop

from hub.bus import EventBus
from hub.services import ServiceRegistry
from hub.state import StateEngine
from hub.tasks import TaskGroup
from hub.types import Event

ROUNDS = 5
_DATA = {"n": 1}


class _Fact(msgspec.Struct, frozen=True, gc=False):
    type: str
    subject: str
    source: str
    seq: int
    time: int
    data: object


def _ignore(_event: object) -> None:
    """Stand in for a subscriber."""


def rate(count: int, work: Callable[[int], object]) -> float:
    """Operations a second of CPU time."""
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work(count)
        found.append(count / (time.process_time() - begun))
    return statistics.median(found)


async def rate_async(count: int, work: Callable[[int], Awaitable[object]]) -> float:
    """Operations a second of CPU time, for work that waits."""
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        await work(count)
        found.append(count / (time.process_time() - begun))
    return statistics.median(found)


def publish(tasks: TaskGroup, subscribers: int) -> float:
    """Publish to plain subscribers."""
    bus = EventBus()
    bus.declare("bench.happened", None, "bench")
    for _ in range(subscribers):
        bus.subscribe("bench.happened", _ignore, tasks=tasks)

    def work(count: int) -> None:
        for _ in range(count):
            bus.publish("bench.happened", "bench/a", _DATA)

    return rate(400_000 // (1 + subscribers), work)


def publish_bare(subscribers: int) -> float:
    """Make an immutable struct and call functions with it: what any bus must do at least."""
    heard = (_ignore,) * subscribers

    def work(count: int) -> None:
        clock = time.time_ns
        for number in range(count):
            fact = _Fact("bench.happened", "bench/a", "bench", number, clock(), _DATA)
            for one in heard:
                one(fact)

    return rate(400_000 // (1 + subscribers), work)


async def publish_async(tasks: TaskGroup) -> float:
    """Publish to an async subscriber that suspends once."""
    bus = EventBus()
    bus.declare("bench.happened", None, "bench")
    left = 0
    done = asyncio.Event()

    async def hear(_event: Event) -> None:
        nonlocal left
        await asyncio.sleep(0)
        left -= 1
        if not left:
            done.set()

    bus.subscribe("bench.happened", hear, tasks=tasks, queue=1_000_000)

    async def work(count: int) -> None:
        nonlocal left
        left = count
        done.clear()
        for _ in range(count):
            bus.publish("bench.happened", "bench/a", _DATA)
        await done.wait()

    return await rate_async(50_000, work)


async def publish_async_bare() -> float:
    """Take from a deque and suspend once."""

    async def hear(_event: object) -> None:
        await asyncio.sleep(0)

    async def work(count: int) -> None:
        queue = deque(range(count))
        while queue:
            await hear(queue.popleft())

    return await rate_async(50_000, work)


async def service_call() -> float:
    """Call a typed, validated service with a deadline."""
    registry = ServiceRegistry()

    async def dim(lamp: str, brightness: int = 0) -> None:
        """Do nothing with two checked arguments."""

    registry.register("bench.dim", dim, "bench")

    async def work(count: int) -> None:
        for number in range(count):
            await registry.call("bench.dim", {"lamp": "a", "brightness": number & 255}, caller="bench")

    return await rate_async(100_000, work)


async def await_bare() -> float:
    """Await a function."""

    async def dim(lamp: str, brightness: int = 0) -> None:
        """Do nothing."""

    async def work(count: int) -> None:
        for number in range(count):
            await dim("a", number & 255)

    return await rate_async(100_000, work)


def state_set(tasks: TaskGroup) -> float:
    """Set 1,000 keys with a subscriber."""
    bus = EventBus()
    state = StateEngine(bus)
    bus.subscribe("state.changed", _ignore, tasks=tasks)
    paths = [f"device/d{number}/temperature" for number in range(1000)]
    value = 0

    def work(count: int) -> None:
        nonlocal value
        for _ in range(count // 1000):
            value += 1
            for path in paths:
                state.set(path, value)

    return rate(50_000, work)


def state_bare() -> float:
    """Make two structs and fill a dict."""
    paths = [f"device/d{number}/temperature" for number in range(1000)]
    entries: dict[str, _Fact] = {}

    def work(count: int) -> None:
        clock = time.time_ns
        for number in range(count // 1000):
            for path in paths:
                entries[path] = _Fact("", path, "", number, clock(), number)
                _ignore(_Fact("state.changed", path, "bench", number, clock(), number))

    return rate(50_000, work)


async def measure() -> dict[str, dict[str, float | str]]:
    """All figures."""
    tasks = TaskGroup("bench")
    found = {
        "publish_1_sync": (publish(tasks, 1), publish_bare(1)),
        "publish_10_sync": (publish(tasks, 10), publish_bare(10)),
        "publish_1_async": (await publish_async(tasks), await publish_async_bare()),
        "service_call": (await service_call(), await await_bare()),
        "state_set": (state_set(tasks), state_bare()),
    }
    await tasks.cancel()
    return {
        name: {"value": round(value), "limit": round(limit), "unit": "1/s CPU"}
        for name, (value, limit) in found.items()
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = uvloop.run(measure())
    if options.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:<18} {figure['value']:>10,} a second of CPU time   (bare Python: {figure['limit']:,})")


if __name__ == "__main__":
    main()
