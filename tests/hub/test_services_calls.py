"""Calls of services: deadlines, cancellation, faults that name who and what, and what is counted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from hub.errors import (
    InvalidArgumentError,
    ServiceFailedError,
    ServiceTimeoutError,
    UnknownServiceError,
)
from hub.services import ServiceRegistry
from hub.tasks import TaskGroup
from hub.testing import settle
from tests.harness import eventually
from tests.hub.calling import UpsetError, call, play, stats


@pytest.fixture
def registry() -> ServiceRegistry:
    return ServiceRegistry()


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("caller", lambda _name, _error: None)
    yield group
    assert await group.cancel() == []


async def test_a_call_that_is_never_answered_ends_with_its_deadline(registry: ServiceRegistry) -> None:
    ended: list[str] = []

    async def never() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("finally")

    registry.register("bell.never", never, "bell")

    with pytest.raises(ServiceTimeoutError, match=r"bell\.never gave no answer within 0\.001 s") as caught:
        await call(registry, "bell.never", timeout=0.001)
    assert caught.value.service == "bell.never"
    assert ended == ["finally"]
    with pytest.raises(ServiceTimeoutError):
        await call(registry, "bell.never", timeout=0)


async def test_an_answer_that_comes_in_time_is_given(registry: ServiceRegistry) -> None:
    async def slow(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return turns

    registry.register("bell.slow", slow, "bell")

    assert [await call(registry, "bell.slow", turns=turns) for turns in (0, 1, 5)] == [0, 1, 5]


@pytest.mark.parametrize("turns", [0, 1])
async def test_an_answer_that_comes_late_is_a_timeout(registry: ServiceRegistry, turns: int) -> None:
    async def swallows() -> str:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            for _ in range(turns):
                await asyncio.sleep(0)
        return "late"

    registry.register("bell.swallows", swallows, "bell")

    with pytest.raises(ServiceTimeoutError):
        await call(registry, "bell.swallows", timeout=0.001)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_the_callers_cancellation_reaches_the_service(registry: ServiceRegistry, tasks: TaskGroup) -> None:
    steps: list[str] = []

    async def waits() -> None:
        steps.append("began")
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            steps.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0)
            steps.append("tidied")

    registry.register("bell.waits", waits, "bell")
    task = tasks.start("calls", call(registry, "bell.waits"))
    assert steps == ["began"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert steps == ["began", "cancelled", "tidied"]


async def test_the_callers_own_deadline_stays_its_own(registry: ServiceRegistry) -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    registry.register("bell.waits", waits, "bell")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await call(registry, "bell.waits")


@pytest.mark.parametrize("turns", [0, 1])
async def test_faults_are_told_apart(registry: ServiceRegistry, caplog: pytest.LogCaptureFixture, turns: int) -> None:
    async def breaks(how: str) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        if how == "meant":
            raise UpsetError("the bell is upset")
        if how == "timeout":
            raise TimeoutError("no clapper")
        if how == "inner":
            msgspec.convert("x", int)
        raise ValueError("no bulb")

    registry.register("bell.breaks", breaks, "bell")

    with pytest.raises(UpsetError, match="the bell is upset"):
        await call(registry, "bell.breaks", how="meant")
    assert not caplog.records
    for how, said in (
        ("other", "bell.breaks failed: ValueError: no bulb; the log has the details"),
        ("timeout", "bell.breaks failed: TimeoutError: no clapper; the log has the details"),
        ("inner", "bell.breaks failed: ValidationError: Expected `int`, got `str`; the log has the details"),
    ):
        with pytest.raises(ServiceFailedError) as caught:
            await call(registry, "bell.breaks", how=how)
        assert str(caught.value) == said
        assert caught.value.service == "bell.breaks"
        assert caught.value.__cause__ is not None
    assert caplog.messages[0] == "Service bell.breaks of bell failed: no bulb"
    assert caplog.records[0].exc_info


@pytest.mark.parametrize("turns", [0, 1])
async def test_what_is_cancelled_inside_a_service_does_not_cancel_its_caller(
    registry: ServiceRegistry, turns: int
) -> None:
    async def awaits_the_dead() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        dead = asyncio.get_running_loop().create_future()
        dead.cancel()
        await dead

    registry.register("bell.dead", awaits_the_dead, "bell")

    with pytest.raises(ServiceFailedError, match=r"bell\.dead was interrupted"):
        await call(registry, "bell.dead")


async def test_services_call_each_other_and_keep_their_errors(registry: ServiceRegistry) -> None:
    async def outer() -> Any:  # noqa: ANN401
        return await call(registry, "bell.inner")

    registry.register("bell.outer", outer, "bell")

    with pytest.raises(UnknownServiceError, match=r"bell\.inner"):
        await call(registry, "bell.outer")


async def test_calls_and_errors_are_counted(registry: ServiceRegistry) -> None:
    async def breaks() -> None:
        raise ValueError("no bulb")

    registry.register("bell.play", play, "bell")
    registry.register("bell.breaks", breaks, "bell")
    await call(registry, "bell.play", tone={"name": "x"})
    with pytest.raises(InvalidArgumentError):
        await call(registry, "bell.play")
    with pytest.raises(ServiceFailedError):
        await call(registry, "bell.breaks")

    first, second = registry.stats()
    assert (first.name, first.owner, first.calls, first.errors) == ("bell.breaks", "bell", 1, 1)
    assert (second.name, second.owner, second.calls, second.errors) == ("bell.play", "bell", 2, 1)
    assert (second.refused, second.running) == (0, 0)


async def test_what_runs_now_is_counted_until_it_ends(registry: ServiceRegistry, tasks: TaskGroup) -> None:
    gates = [asyncio.Event() for _ in range(2)]

    async def waits(number: int) -> None:
        await gates[number].wait()
        if number:
            raise ValueError("no bulb")

    registry.register("bell.waits", waits, "bell")
    running = [tasks.start("calls", call(registry, "bell.waits", number=number)) for number in (0, 1, 1)]
    assert stats(registry, "bell.waits").running == 3
    running[2].cancel()
    await settle()
    assert stats(registry, "bell.waits").running == 2
    for gate in gates:
        gate.set()
    await settle()
    assert (stats(registry, "bell.waits").running, stats(registry, "bell.waits").errors) == (0, 1)


@pytest.mark.allow_blocking
@pytest.mark.parametrize("fails", [False, True])
async def test_the_loops_time_is_charged_and_waiting_is_not(
    registry: ServiceRegistry, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    now = 0

    def clock() -> int:
        return now

    def work(seconds: int) -> None:
        nonlocal now
        now += seconds * 1_000_000_000

    monkeypatch.setattr("hub.services.perf_counter_ns", clock)
    monkeypatch.setattr("hub.tasks.perf_counter_ns", clock)

    async def toils(first: int, later: int) -> None:
        work(first)
        if later:
            asyncio.get_running_loop().call_soon(work, 100)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            work(later)
        if fails:
            raise UpsetError("the bell is upset")

    registry.register("bell.toils", toils, "bell")
    for first, later in ((2, 0), (3, 5)):
        if fails:
            with pytest.raises(UpsetError):
                await call(registry, "bell.toils", first=first, later=later)
        else:
            await call(registry, "bell.toils", first=first, later=later)

    assert stats(registry, "bell.toils").busy_s == 10.0


async def test_many_calls_wait_beside_each_other(registry: ServiceRegistry, tasks: TaskGroup) -> None:
    gate = asyncio.Event()

    async def waits(number: int) -> int:
        await gate.wait()
        return number

    registry.register("bell.waits", waits, "bell")
    answers = [tasks.start(f"call {number}", call(registry, "bell.waits", number=number)) for number in range(20)]
    await eventually(lambda: len(tasks.names) == 20)
    gate.set()

    assert await asyncio.gather(*answers) == [*range(20)]


async def test_a_call_that_is_dropped_closes_its_service(registry: ServiceRegistry) -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("finally")

    registry.register("bell.waits", waits, "bell")
    work = registry.call("bell.waits", {}, caller="tester")
    work.send(None)
    work.close()

    assert ended == ["finally"]
