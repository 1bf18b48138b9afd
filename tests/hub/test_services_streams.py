"""Streams of services: items that come as they are asked for, and an end from either side."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest

from hub.errors import (
    InvalidArgumentError,
    ServiceError,
    ServiceFailedError,
    ServiceTimeoutError,
    UnknownServiceError,
)
from hub.services import ServiceRegistry
from hub.tasks import TaskGroup
from hub.testing import settle
from hub.types import Limits
from tests.harness import eventually
from tests.hub.calling import Ticker, UpsetError, call, consume, play, stats, stream


@pytest.fixture
def registry() -> ServiceRegistry:
    return ServiceRegistry()


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("caller", lambda _name, _error: None)
    yield group
    assert await group.cancel() == []


@pytest.fixture
def ticker(registry: ServiceRegistry) -> Ticker:
    one = Ticker()
    registry.register("clock.ticks", one.ticks, "clock")
    return one


async def test_items_come_one_at_a_time_as_they_are_asked_for(registry: ServiceRegistry, ticker: Ticker) -> None:
    items = stream(registry, "now", "soon", "now", start=5)
    await settle()
    assert ticker.steps == []
    assert await anext(items) == 5
    await settle()
    assert ticker.steps == ["begin True", "tick 5"]
    assert stats(registry, "clock.ticks").running == 1
    others = stream(registry, "now")
    assert await anext(others) == 0
    assert stats(registry, "clock.ticks").running == 2
    assert [item async for item in others] == []
    del ticker.steps[2:]
    assert [item async for item in items] == [6, 7]
    assert ticker.steps == ["begin True", "tick 5", "tick 6", "tick 7", "end"]
    one = stats(registry, "clock.ticks")
    assert (one.calls, one.errors, one.running) == (2, 0, 0)


async def test_a_stream_is_published_with_the_schema_of_an_item(registry: ServiceRegistry, ticker: Ticker) -> None:
    del ticker
    (info,) = registry.list()
    assert (info.streams, info.result, info.doc) == (True, {"type": "integer"}, "Count.")
    assert [*info.arguments["properties"]] == ["ways", "start"]


async def test_a_stream_without_items_just_ends(registry: ServiceRegistry, ticker: Ticker) -> None:
    assert [item async for item in stream(registry)] == []
    assert ticker.steps == ["begin True", "end"]


async def test_the_way_of_asking_must_fit(registry: ServiceRegistry, ticker: Ticker) -> None:
    registry.register("bell.play", play, "bell")
    with pytest.raises(ServiceError, match=r"^clock\.ticks gives items: ask for them with stream\(\)$"):
        await call(registry, "clock.ticks", ways=[])
    with pytest.raises(ServiceError, match=r"^bell\.play gives one answer: ask for it with call\(\)$") as caught:
        await anext(registry.stream("bell.play", {}, caller="tester"))
    assert caught.value.service == "bell.play"
    with pytest.raises(UnknownServiceError, match=r"did you mean 'bell\.play'"):
        await anext(registry.stream("bell.plya", {}, caller="tester"))
    with pytest.raises(InvalidArgumentError, match="unknown argument `wasy`, did you mean 'ways'"):
        await anext(registry.stream("clock.ticks", {"wasy": []}, caller="tester"))
    assert ticker.steps == []
    one = stats(registry, "clock.ticks")
    assert (one.calls, one.errors) == (1, 1)


async def test_a_consumer_that_stops_closes_the_stream(registry: ServiceRegistry, ticker: Ticker) -> None:
    async with aclosing(stream(registry, "now", "now", "now")) as items:
        async for item in items:
            if item == 1:
                break
    assert ticker.steps == ["begin True", "tick 0", "tick 1", "end"]
    assert (stats(registry, "clock.ticks").running, stats(registry, "clock.ticks").errors) == (0, 0)


async def test_a_consumer_that_forgets_closes_the_stream_too(registry: ServiceRegistry, ticker: Ticker) -> None:
    async for _ in stream(registry, "now", "now"):
        break
    gc.collect()
    await eventually(lambda: ticker.steps[-1:] == ["end"])
    await eventually(lambda: stats(registry, "clock.ticks").running == 0)


@pytest.mark.parametrize("ways", [["never"], ["now", "never"]])
async def test_a_consumer_that_is_cancelled_closes_the_stream(
    registry: ServiceRegistry, ticker: Ticker, tasks: TaskGroup, ways: list[str]
) -> None:
    task = tasks.start("consumes", consume(stream(registry, *ways)))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ticker.steps[-1] == "end"
    assert (stats(registry, "clock.ticks").running, stats(registry, "clock.ticks").errors) == (0, 0)


@pytest.mark.parametrize("ways", [["never"], ["now", "never"], ["soon", "now", "never"]])
async def test_an_item_that_is_late_ends_the_stream(registry: ServiceRegistry, ticker: Ticker, ways: list[str]) -> None:
    came: list[int] = []
    with pytest.raises(ServiceTimeoutError, match=r"^clock\.ticks gave no answer within 0\.05 s$") as caught:
        await consume(stream(registry, *ways, timeout=0.05), came)
    assert caught.value.service == "clock.ticks"
    assert came == [*range(len(ways) - 1)]
    assert ticker.steps[-1] == "end"
    assert (stats(registry, "clock.ticks").running, stats(registry, "clock.ticks").errors) == (0, 1)


async def test_each_item_has_its_own_deadline_and_the_consumer_none(registry: ServiceRegistry, ticker: Ticker) -> None:
    del ticker
    loop = asyncio.get_running_loop()
    async for _ in stream(registry, "soon", "soon", "soon", timeout=0.1):
        enough = loop.time() + 0.11
        await eventually(partial(lambda enough: loop.time() > enough, enough))


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_faults_of_a_stream_are_told_apart(
    registry: ServiceRegistry, ticker: Ticker, caplog: pytest.LogCaptureFixture, count: int
) -> None:
    came: list[int] = []
    ways = ["now"] * count
    with pytest.raises(UpsetError, match="the clock is upset"):
        await consume(stream(registry, *ways, "refuses"), came)
    assert not caplog.records
    assert came == [*range(count)]
    with pytest.raises(ServiceFailedError, match=r"^clock\.ticks failed: ValueError: no spring; the log") as caught:
        await consume(stream(registry, *ways, "breaks"))
    assert isinstance(caught.value.__cause__, ValueError)
    assert [*caplog.messages] == ["Service clock.ticks of clock failed: no spring"]
    with pytest.raises(ServiceFailedError, match=r"^clock\.ticks was interrupted"):
        await consume(stream(registry, *ways, "interrupted"))
    assert ticker.steps[-1] == "end"
    assert (stats(registry, "clock.ticks").running, stats(registry, "clock.ticks").errors) == (0, 3)


async def test_a_fault_while_a_stream_is_closed_is_logged(
    registry: ServiceRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    async def ticks(how: str) -> AsyncIterator[int]:
        try:
            yield 1
        except GeneratorExit:
            if how == "breaks":
                raise ValueError("no spring") from None
        yield 2

    registry.register("clock.ticks", ticks, "clock")
    for how, said in (("breaks", "no spring"), ("goes on", "ignored GeneratorExit")):
        async with aclosing(registry.stream("clock.ticks", {"how": how}, caller="tester")) as items:
            await anext(items)
        assert said in caplog.messages[-1]
    assert (stats(registry, "clock.ticks").running, stats(registry, "clock.ticks").errors) == (0, 2)


async def test_a_stream_that_holds_on_through_its_end_is_closed_all_the_same(registry: ServiceRegistry) -> None:
    steps: list[str] = []

    async def ticks() -> AsyncIterator[int]:
        try:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                steps.append("goes on")
            yield 1
            steps.append("again")
        finally:
            steps.append("end")

    registry.register("clock.ticks", ticks, "clock")
    with pytest.raises(ServiceTimeoutError):
        await anext(registry.stream("clock.ticks", {}, caller="tester", timeout=0.001))
    assert steps == ["goes on", "end"]


@pytest.mark.parametrize("ways", [["never"], ["now", "never"]])
async def test_a_stream_ends_when_its_owner_takes_it_back(tasks: TaskGroup, ways: list[str]) -> None:
    registry, ticker = ServiceRegistry(), Ticker()
    undo = registry.register("clock.ticks", ticker.ticks, "clock")

    task = tasks.start("consumes", consume(stream(registry, *ways)))
    await settle()
    undo()
    with pytest.raises(ServiceFailedError, match=r"^clock\.ticks has ended: clock offers it no more$") as caught:
        await task
    assert caught.value.service == "clock.ticks"
    assert ticker.steps[-1] == "end"


async def test_a_stream_between_two_items_is_closed_when_its_owner_takes_it_back() -> None:
    registry, ticker = ServiceRegistry(), Ticker()
    undo = registry.register("clock.ticks", ticker.ticks, "clock")
    items = stream(registry, "now", "now", "now")
    await anext(items)
    undo()
    await settle()
    assert ticker.steps == ["begin True", "tick 0", "end"]
    registry.register("clock.ticks", ticker.ticks, "clock")
    with pytest.raises(ServiceFailedError, match="has ended: clock offers it no more"):
        await anext(items)
    assert [item async for item in stream(registry, "now")] == [0]
    assert stats(registry, "clock.ticks").running == 0


async def test_a_stream_that_hides_its_end_ends_all_the_same() -> None:
    async def ticks() -> AsyncIterator[int]:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return
        yield 1

    registry = ServiceRegistry()
    undo = registry.register("clock.ticks", ticks, "clock")
    items = registry.stream("clock.ticks", {}, caller="tester")
    asyncio.get_running_loop().call_soon(undo)
    with pytest.raises(ServiceFailedError, match="has ended"):
        await anext(items)


async def test_the_loops_time_of_a_stream_is_charged(
    registry: ServiceRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0
    monkeypatch.setattr("hub.tasks.perf_counter_ns", lambda: now)

    def work(seconds: int) -> None:
        nonlocal now
        now += seconds * 1_000_000_000

    async def ticks() -> AsyncIterator[int]:
        for seconds in (1, 2, 4):
            work(seconds)
            await asyncio.sleep(0)
            work(seconds)
            yield seconds

    registry.register("clock.ticks", ticks, "clock")
    async for _ in registry.stream("clock.ticks", {}, caller="tester"):
        work(100)
    assert stats(registry, "clock.ticks").busy_s == 14.0


async def test_a_consumer_that_cannot_wait_for_the_end_leaves_it_to_the_stream(
    registry: ServiceRegistry, tasks: TaskGroup
) -> None:
    gate = asyncio.Event()

    async def ticks() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.get_running_loop().create_future()
        finally:
            await gate.wait()

    registry.register("clock.ticks", ticks, "clock", Limits(concurrency=1))
    task = tasks.start("consumes", consume(registry.stream("clock.ticks", {}, caller="tester")))
    for _ in range(2):
        task.cancel()
        await settle()
    assert task.cancelled()
    assert stats(registry, "clock.ticks").running == 1
    gate.set()
    await settle()
    assert (stats(registry, "clock.ticks").running, stats(registry, "clock.ticks").errors) == (0, 0)
    async with aclosing(registry.stream("clock.ticks", {}, caller="tester")) as items:
        assert await anext(items) == 1


async def test_what_a_stream_holds_open_spans_its_items(registry: ServiceRegistry) -> None:
    async def ticks() -> AsyncIterator[int]:
        async with asyncio.timeout(0.02):
            yield 1
            await asyncio.get_running_loop().create_future()

    registry.register("clock.ticks", ticks, "clock")
    items = registry.stream("clock.ticks", {}, caller="tester")
    assert await anext(items) == 1
    async with asyncio.timeout(60):
        with pytest.raises(ServiceFailedError, match="TimeoutError"):
            await anext(items)


async def test_a_streams_task_is_named_after_it_and_forgotten_with_it(registry: ServiceRegistry) -> None:
    tasks: list[weakref.ref[asyncio.Task[Any]]] = []

    async def ticks() -> AsyncIterator[str]:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(weakref.ref(task))
        yield task.get_name()

    registry.register("clock.ticks", ticks, "clock")
    assert [name async for name in registry.stream("clock.ticks", {}, caller="tester")] == ["services:clock.ticks"]
    await settle()
    gc.collect()
    assert tasks[0]() is None
