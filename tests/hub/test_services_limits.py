"""Limits of services: who is refused, who waits, and when a broken one rests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import pytest

from hub.errors import (
    HubError,
    InvalidArgumentError,
    ServiceBusyError,
    ServiceError,
    ServiceFailedError,
    ServiceTimeoutError,
    ServiceUnavailableError,
    UnknownServiceError,
)
from hub.services import ServiceRegistry
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle
from hub.types import Limits
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
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def limited(clock: ManualClock) -> ServiceRegistry:
    return ServiceRegistry(clock.monotonic)


async def test_limits_are_shown_if_there_are_any(registry: ServiceRegistry) -> None:
    registry.register("bell.play", play, "bell", Limits(rate=2, burst=3))
    registry.register("bell.free", play, "bell", Limits())
    with pytest.raises(ServiceError, match=r"the limits of bell\.wrong make no sense: `rate` cannot be -1"):
        registry.register("bell.wrong", play, "bell", Limits(rate=-1))

    free, limited = registry.list()
    assert (free.name, free.limits, free.streams) == ("bell.free", None, False)
    assert (limited.name, limited.limits) == ("bell.play", Limits(rate=2, burst=3))


async def test_too_many_calls_are_refused_and_counted(limited: ServiceRegistry, clock: ManualClock) -> None:
    limited.register("bell.play", play, "bell", Limits(rate=2))
    await call(limited, "bell.play", tone={"name": "x"})
    with pytest.raises(InvalidArgumentError):
        await call(limited, "bell.play")
    with pytest.raises(ServiceBusyError, match=r"bell\.play is busy: .* try again in 0\.5 s"):
        await call(limited, "bell.play", tone={"name": "x"})
    await clock.advance(0.5)
    await call(limited, "bell.play", tone={"name": "x"})

    one = stats(limited, "bell.play")
    assert (one.calls, one.errors, one.refused, one.running) == (4, 1, 1, 0)


async def test_only_so_many_run_at_a_time(limited: ServiceRegistry, tasks: TaskGroup) -> None:
    gates: list[asyncio.Event] = []

    async def waits(*, fails: bool = False) -> None:
        gates.append(asyncio.Event())
        await gates[-1].wait()
        if fails:
            raise ValueError("no bulb")

    limited.register("bell.waits", waits, "bell", Limits(concurrency=2))
    calls = [tasks.start("calls", call(limited, "bell.waits", fails=number == 0)) for number in range(5)]
    await settle()
    assert (len(gates), stats(limited, "bell.waits").running) == (2, 2)
    for number in range(5):
        gates[number].set()
        await settle()
        assert calls[number].done()
        assert len(gates) == min(number + 3, 5)
    with pytest.raises(ServiceFailedError):
        calls[0].result()


async def test_the_deadline_counts_from_the_call_and_not_from_its_turn(
    limited: ServiceRegistry, tasks: TaskGroup
) -> None:
    async def waits(*, first: bool) -> None:
        if first:
            await asyncio.get_running_loop().create_future()

    limited.register("bell.waits", waits, "bell", Limits(concurrency=1))
    first = tasks.start("first", call(limited, "bell.waits", first=True))
    with pytest.raises(ServiceBusyError, match="not this call's turn before the deadline"):
        await call(limited, "bell.waits", first=False, timeout=0.001)
    first.cancel()
    await settle()
    await call(limited, "bell.waits", first=False)
    assert stats(limited, "bell.waits").refused == 1


async def test_a_call_that_is_late_or_cancelled_frees_its_place(limited: ServiceRegistry, tasks: TaskGroup) -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    limited.register("bell.waits", waits, "bell", Limits(concurrency=1))
    for _ in range(3):
        with pytest.raises(ServiceTimeoutError):
            await call(limited, "bell.waits", timeout=0.001)
        task = tasks.start("calls", call(limited, "bell.waits"))
        assert stats(limited, "bell.waits").running == 1
        task.cancel()
        await settle()
        assert stats(limited, "bell.waits").running == 0


async def breaks() -> None:
    raise ValueError("no bulb")


async def hangs() -> None:
    await asyncio.get_running_loop().create_future()


async def refuses() -> None:
    raise UpsetError("the bell is upset")


async def times_out_inside() -> None:
    raise ServiceTimeoutError("other.thing gave no answer", service="other.thing")


async def interrupted() -> None:
    dead = asyncio.get_running_loop().create_future()
    dead.cancel()
    await dead


WAYS: dict[str, tuple[Callable[[], Awaitable[None]], type[HubError]]] = {
    "breaks": (breaks, ServiceFailedError),
    "hangs": (hangs, ServiceTimeoutError),
    "refuses": (refuses, UpsetError),
    "times out inside": (times_out_inside, ServiceTimeoutError),
    "interrupted": (interrupted, ServiceFailedError),
}


@pytest.mark.parametrize("turns", [0, 1])
async def test_what_breaks_again_and_again_is_left_alone(
    limited: ServiceRegistry, clock: ManualClock, turns: int
) -> None:
    done: list[str] = []

    async def does(how: str) -> None:
        done.append(how)
        for _ in range(turns):
            await asyncio.sleep(0)
        if how != "works":
            await WAYS[how][0]()

    async def ask(*ways: str) -> None:
        for how in ways:
            if how == "works":
                await call(limited, "bell.does", how=how)
                continue
            with pytest.raises(WAYS[how][1]):
                await call(limited, "bell.does", how=how, timeout=0.001 if how == "hangs" else 10)

    limited.register("bell.does", does, "bell", Limits(failures=2, pause=30))
    await ask("breaks", "works", "breaks", "refuses", "hangs", "times out inside", "interrupted")
    with pytest.raises(InvalidArgumentError):
        await call(limited, "bell.does")
    await ask("hangs")
    asked = len(done)
    for _ in range(3):
        with pytest.raises(ServiceUnavailableError, match=r"bell\.does rests .*: 2\); try again in 30 s"):
            await call(limited, "bell.does", how="works")
    assert len(done) == asked
    await clock.advance(30)
    await ask("breaks")
    with pytest.raises(ServiceUnavailableError):
        await call(limited, "bell.does", how="works")
    await clock.advance(30)
    await ask("refuses", "breaks", "works")
    assert stats(limited, "bell.does").refused == 4


async def test_who_waits_in_line_for_a_service_that_goes_hears_so(limited: ServiceRegistry, tasks: TaskGroup) -> None:
    gate = asyncio.Event()

    async def waits() -> str:
        await gate.wait()
        return "rung"

    undo = limited.register("bell.waits", waits, "bell", Limits(concurrency=1))
    calls = [tasks.start("calls", call(limited, "bell.waits")) for _ in range(2)]
    undo()
    with pytest.raises(UnknownServiceError, match=r"bell\.waits is gone"):
        await calls[1]
    gate.set()
    assert await calls[0] == "rung"


@pytest.mark.parametrize("leave", ["end", "close", "break", "late"])
async def test_a_stream_keeps_its_place_as_long_as_it_is_open(leave: str) -> None:
    registry, ticker = ServiceRegistry(), Ticker()
    registry.register("clock.ticks", ticker.ticks, "clock", Limits(concurrency=1))
    last = {"end": "now", "close": "now", "break": "breaks", "late": "never"}[leave]
    items = stream(registry, "now", last, timeout=0.02)
    await anext(items)
    with pytest.raises(ServiceBusyError):
        await anext(stream(registry, "now", timeout=0))
    match leave:
        case "end":
            assert [item async for item in items] == [1]
        case "close":
            await items.aclose()
        case "break" | "late":
            with pytest.raises(ServiceError):
                await anext(items)
    assert [item async for item in stream(registry, "now")] == [0]
    assert stats(registry, "clock.ticks").refused == 1


async def test_a_stream_that_gives_an_item_works(limited: ServiceRegistry, clock: ManualClock) -> None:
    ticker = Ticker()
    limited.register("clock.ticks", ticker.ticks, "clock", Limits(failures=1, pause=10))

    async def fail(how: str, kind: type[ServiceError]) -> None:
        with pytest.raises(kind):
            await consume(stream(limited, how, timeout=0.02))

    await fail("breaks", ServiceFailedError)
    await fail("now", ServiceUnavailableError)
    await clock.advance(10)
    async with aclosing(stream(limited, "now", "now")) as items:
        await anext(items)
        assert [item async for item in stream(limited, "now")] == [0]
    await fail("never", ServiceTimeoutError)
    await fail("now", ServiceUnavailableError)
    await clock.advance(10)
    assert [item async for item in stream(limited)] == []
    assert [item async for item in stream(limited, "now")] == [0]
