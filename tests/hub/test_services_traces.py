"""Traces of services: what one call sets off has one number."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.errors import (
    InvalidArgumentError,
)
from hub.services import ServiceRegistry
from hub.tasks import TRACE, TaskGroup
from hub.testing import settle
from hub.types import Call
from tests.hub.calling import UpsetError, call


@pytest.fixture
def registry() -> ServiceRegistry:
    return ServiceRegistry()


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("caller", lambda _name, _error: None)
    yield group
    assert await group.cancel() == []


async def test_a_call_made_while_another_is_served_has_its_trace(registry: ServiceRegistry) -> None:
    seen: list[int] = []

    async def leaf(turns: int, call: Call) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        assert call.trace == TRACE.get()
        seen.append(call.trace)

    async def root(turns: int) -> None:
        seen.append(TRACE.get())
        await call(registry, "bell.leaf", turns=0)
        await asyncio.gather(*(call(registry, "bell.leaf", turns=turns) for _ in range(2)))
        await call(registry, "bell.leaf", turns=turns)
        with pytest.raises(InvalidArgumentError):
            await call(registry, "bell.leaf")
        seen.append(TRACE.get())

    registry.register("bell.leaf", leaf, "bell")
    registry.register("bell.root", root, "bell")
    for turns in (0, 2):
        await call(registry, "bell.root", turns=turns)
        assert TRACE.get() == 0
        assert len(seen) == 6
        assert len({*seen}) == 1
        seen.clear()
    await call(registry, "bell.leaf", turns=0)
    await asyncio.gather(*(call(registry, "bell.root", turns=1) for _ in range(3)))
    assert len({*seen}) == 4


async def test_traces_are_numbers_that_grow(registry: ServiceRegistry) -> None:
    seen: list[int] = []

    async def notes(*, fails: bool) -> None:
        seen.append(TRACE.get())
        if fails:
            raise UpsetError("the bell is upset")

    registry.register("bell.notes", notes, "bell")
    for fails in (False, True, False):
        try:
            await call(registry, "bell.notes", fails=fails)
        except UpsetError:
            assert TRACE.get() == 0
    assert seen == [1, 2, 3]


async def test_a_task_that_outlives_its_call_leaves_the_trace(registry: ServiceRegistry, tasks: TaskGroup) -> None:
    gate = asyncio.Event()
    seen: list[int] = []

    async def notes() -> None:
        seen.append(TRACE.get())

    async def outlives() -> None:
        await call(registry, "bell.notes")
        await gate.wait()
        await call(registry, "bell.notes")

    async def starts() -> None:
        tasks.start("outlives", outlives())

    registry.register("bell.notes", notes, "bell")
    registry.register("bell.starts", starts, "bell")
    await call(registry, "bell.starts")
    gate.set()
    await settle()
    assert seen == [1, 2]


async def test_the_stream_knows_its_caller_and_its_first_deadline(registry: ServiceRegistry) -> None:
    seen: list[Call] = []

    async def ticks(call: Call) -> AsyncIterator[int]:
        seen.append(call)
        yield 1

    async def outer() -> int:
        async for _ in registry.stream("clock.ticks", {}, caller="bell", timeout=60):
            pass
        return TRACE.get()

    registry.register("clock.ticks", ticks, "clock")
    registry.register("bell.outer", outer, "bell")
    loop = asyncio.get_running_loop()
    now = loop.time()
    trace = await call(registry, "bell.outer")
    assert (seen[0].caller, seen[0].trace) == ("bell", trace)
    assert now + 60 <= seen[0].deadline <= loop.time() + 60
    now = loop.time()
    async for _ in registry.stream("clock.ticks", {}, caller="bell"):
        assert TRACE.get() == 0
    assert seen[1].trace == trace + 1
    assert now + 10 <= seen[1].deadline <= loop.time() + 10


async def test_what_a_stream_calls_has_its_trace_until_it_ends(registry: ServiceRegistry, tasks: TaskGroup) -> None:
    gate = asyncio.Event()
    seen: list[int] = []

    async def notes() -> None:
        seen.append(TRACE.get())

    async def outlives() -> None:
        await gate.wait()
        assert TRACE.get() == 0
        await call(registry, "bell.notes")

    async def ticks() -> AsyncIterator[int]:
        tasks.start("outlives", outlives())
        for number in range(2):
            await call(registry, "bell.notes")
            yield number

    registry.register("bell.notes", notes, "bell")
    registry.register("clock.ticks", ticks, "clock")
    async for _ in registry.stream("clock.ticks", {}, caller="tester"):
        pass
    gate.set()
    await settle()
    assert seen == [1, 1, 2]
