"""Tasks are owned and named, fail alone, and end with their owner."""

import asyncio
import logging
import time

import pytest

from hub.tasks import Meter, TaskGroup, being_cancelled, metered
from tests.harness import eventually


async def forever() -> None:
    await asyncio.Event().wait()


async def broken() -> None:
    raise ValueError("no bulb")


async def test_a_task_begins_before_start_returns_and_gives_its_result() -> None:
    group = TaskGroup("lamp")
    steps: list[str] = []

    async def work() -> int:
        steps.append("began")
        await asyncio.sleep(0)
        return 7

    task = group.start("glows", work())

    assert steps == ["began"]
    assert group.names == ["lamp:glows"]
    assert await task == 7
    assert group.names == []


async def test_a_task_that_is_done_at_once_is_not_kept() -> None:
    group = TaskGroup("lamp")

    async def work() -> int:
        return 7

    assert group.start("glows", work()).done()
    assert group.names == []


@pytest.mark.parametrize("turns", [0, 1])
async def test_a_failure_is_reported_with_its_name_and_hurts_no_other(turns: int) -> None:
    failures: list[tuple[str, BaseException]] = []
    group = TaskGroup("lamp", lambda name, error: failures.append((name, error)))
    other = group.start("waits", forever())

    async def fails() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        await broken()

    group.start("glows", fails())
    await eventually(lambda: failures)

    assert [(name, str(error)) for name, error in failures] == [("lamp:glows", "no bulb")]
    assert not other.done()
    assert await group.cancel() == []


async def test_without_a_listener_a_failure_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    group = TaskGroup("lamp")
    with caplog.at_level(logging.ERROR, "hub.lamp"):
        group.start("glows", broken())
        group.report("timer", ValueError("too late"))

    assert caplog.messages == ["Task lamp:glows failed: no bulb", "Task lamp:timer failed: too late"]


async def test_cancel_ends_all_and_tells_nobody() -> None:
    failures: list[str] = []
    group = TaskGroup("lamp", lambda name, _error: failures.append(name))
    tasks = [group.start(f"t{number}", forever()) for number in range(3)]

    assert await group.cancel() == []
    assert all(task.cancelled() for task in tasks)
    assert failures == []
    assert await group.cancel() == []


async def test_cancel_names_those_that_will_not_end() -> None:
    group = TaskGroup("lamp")
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    group.start("stays", stubborn())
    group.start("goes", forever())

    assert await group.cancel(limit=0.01) == ["lamp:stays"]
    release.set()
    await eventually(lambda: not group.names)


async def test_a_task_started_by_one_that_ends_is_ended_too() -> None:
    group = TaskGroup("lamp")

    async def work() -> None:
        try:
            await forever()
        finally:
            group.start("after", forever())

    group.start("first", work())

    assert await group.cancel() == []
    assert group.names == []


async def test_a_task_may_cancel_its_own_group() -> None:
    group = TaskGroup("lamp")
    group.start("other", forever())

    async def closes() -> list[str]:
        await asyncio.sleep(0)
        await group.cancel()
        return group.names

    assert await group.start("closes", closes()) == ["lamp:closes"]


async def test_being_cancelled_tells_a_wish_from_an_accident() -> None:
    group = TaskGroup("lamp")
    seen: list[bool] = []

    async def asked() -> None:
        try:
            await forever()
        finally:
            seen.append(being_cancelled())

    group.start("asked", asked())
    await group.cancel()
    dead = asyncio.get_running_loop().create_future()
    dead.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dead
    seen.append(being_cancelled())

    assert seen == [True, False]


def spin(least_ns: int = 2_000_000) -> None:
    until = time.perf_counter_ns() + least_ns
    while time.perf_counter_ns() < until:
        pass


async def test_the_time_of_every_step_is_charged_and_waiting_is_not() -> None:
    group = TaskGroup("lamp")
    go = asyncio.Event()

    async def work() -> None:
        spin()
        await go.wait()
        spin()

    task = group.start("works", work())
    first = group.meter.ns
    spin(5_000_000)  # somebody else's time
    before = group.meter.ns
    go.set()
    await task

    assert first >= 2_000_000
    assert before == first
    assert group.meter.ns >= 4_000_000


async def test_time_goes_to_a_meter_of_its_own_if_asked() -> None:
    group, own = TaskGroup("lamp"), Meter()

    async def work() -> None:
        spin()

    await group.start("works", work(), own)

    assert own.ns >= 2_000_000
    assert group.meter.ns == 0


async def test_metered_work_may_be_half_begun() -> None:
    meter = Meter()
    told: list[str] = []

    async def work() -> str:
        told.append("began")
        await asyncio.sleep(0)
        told.append("went on")
        return "done"

    half = work()
    waited = half.send(None)

    assert await metered(half, meter, waited) == "done"
    assert told == ["began", "went on"]
    assert meter.ns > 0


async def test_metered_work_hears_what_is_thrown_at_it() -> None:
    meter = Meter()

    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "cancelled"
        return "never"

    group = TaskGroup("lamp")
    task = group.start("waits", stubborn(), meter)
    task.cancel()

    assert await task == "cancelled"

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("no bulb")

    with pytest.raises(ValueError, match="no bulb"):
        await metered(fails(), meter)
