"""Limits: a bucket of tokens, a line for who must wait, and a breaker that lets a broken service rest."""

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import limits as module
from hub.errors import ServiceBusyError, ServiceError, ServiceUnavailableError, UnknownServiceError
from hub.limits import Gate, check_limits
from hub.tasks import TaskGroup
from hub.testing import settle
from hub.types import Limits


class Turned:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Line:
    """A gate and the callers before it; each goes in under its name and stays until it is told to leave."""

    def __init__(self, gate: Gate, tasks: TaskGroup) -> None:
        self.gate = gate
        self.inside: list[str] = []
        self._tasks = tasks

    def come(self, name: str, within: float = 60.0) -> asyncio.Task[None]:
        async def go() -> None:
            await self.gate.enter(asyncio.get_running_loop().time() + within)
            self.inside.append(name)

        return self._tasks.start(name, go())

    async def go(self, name: str) -> None:
        self.inside.remove(name)
        self.gate.leave()
        await settle()


@pytest.fixture
def clock() -> Turned:
    return Turned()


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("callers", lambda _name, _error: None)
    yield group
    assert await group.cancel() == []


def at_once(work: Coroutine[Any, Any, Any]) -> None:
    """Run what must not wait."""
    with suppress(StopIteration):
        work.send(None)
        work.close()
        raise AssertionError("it waits")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(rate=-1), "`rate` cannot be -1"),
        (Limits(rate=math.nan), "`rate` cannot be nan"),
        (Limits(rate=math.inf), "`rate` cannot be inf"),
        (Limits(concurrency=-1), "`concurrency` cannot be -1"),
        (Limits(failures=-2), "`failures` cannot be -2"),
        (Limits(rate=1, burst=-1), "`burst` cannot be -1"),
        (Limits(failures=1, pause=-0.5), "`pause` cannot be -0.5"),
        (Limits(burst=3), "`burst` needs a `rate` above 0"),
        (Limits(failures=3, pause=0), "`failures` needs a `pause` above 0"),
        (Limits(concurrency=1.5), "Expected `int`, got `float` - at `$.concurrency`"),  # type: ignore[arg-type]
        (Limits(rate="fast"), "Expected `float`, got `str` - at `$.rate`"),  # type: ignore[arg-type]
    ],
)
def test_limits_that_make_no_sense_are_refused_in_a_sentence(limits: Limits, said: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_limits(limits, "bell.play")
    assert str(caught.value) == f"the limits of bell.play make no sense: {said}"
    assert caught.value.service == "bell.play"


def test_limits_know_whether_they_limit_anything() -> None:
    assert not check_limits(Limits(), "bell.play")
    assert not check_limits(Limits(pause=5), "bell.play")
    for limits in (Limits(rate=0.5), Limits(concurrency=1), Limits(failures=1)):
        assert check_limits(limits, "bell.play")


async def test_a_rate_is_kept_on_average_and_says_when_to_try_again(clock: Turned) -> None:
    gate = Gate("bell.play", Limits(rate=4, burst=2), clock)
    at_once(gate.enter(0))
    at_once(gate.enter(0))

    with pytest.raises(ServiceBusyError) as caught:
        await gate.enter(0)
    assert str(caught.value) == "bell.play is busy: it takes 4 calls a second; try again in 0.25 s"
    assert caught.value.service == "bell.play"
    clock.time += 0.1
    with pytest.raises(ServiceBusyError, match=r"try again in 0\.15 s"):
        await gate.enter(0)
    clock.time += 0.15
    at_once(gate.enter(0))
    with pytest.raises(ServiceBusyError):
        await gate.enter(0)


async def test_a_rate_without_burst_takes_one_at_a_time(clock: Turned) -> None:
    gate = Gate("bell.play", Limits(rate=0.3), clock)
    for _ in range(50):
        at_once(gate.enter(0))
        with pytest.raises(ServiceBusyError, match=r"it takes 0\.3 calls a second; try again in 3\.334 s"):
            await gate.enter(0)
        clock.time += 1 / 0.3  # not a millisecond more: sums of times must not refuse who waited long enough


@given(
    st.sampled_from([0.25, 0.5, 1, 2, 8]),
    st.integers(0, 5),
    st.lists(st.integers(0, 40).map(lambda eighths: eighths / 8), max_size=60),
)
def test_a_rate_is_a_bucket_of_tokens(rate: float, burst: int, pauses: list[float]) -> None:
    clock = Turned()
    gate = Gate("bell.play", Limits(rate=rate, burst=burst), clock)
    room = Fraction(max(burst, 1))
    tokens = room
    for pause in pauses:
        clock.time += pause
        tokens = min(room, tokens + Fraction(pause) * Fraction(rate))
        if tokens >= 1:
            tokens -= 1
            at_once(gate.enter(0))
        else:
            wait = float((1 - tokens) / Fraction(rate))
            with pytest.raises(ServiceBusyError, match=rf"try again in {wait:g} s$"):
                at_once(gate.enter(0))


async def test_a_broken_service_rests_and_then_one_call_tries(clock: Turned) -> None:
    gate = Gate("bell.play", Limits(failures=3, pause=10), clock)
    for _ in range(3):
        at_once(gate.enter(0))
        gate.told(worked=False)
        gate.leave()

    with pytest.raises(ServiceUnavailableError) as caught:
        await gate.enter(0)
    assert str(caught.value) == "bell.play rests (failures in a row: 3); try again in 10 s"
    assert caught.value.service == "bell.play"
    clock.time += 9.5
    with pytest.raises(ServiceUnavailableError, match=r"try again in 0\.5 s"):
        await gate.enter(0)
    clock.time += 0.5
    at_once(gate.enter(0))
    with pytest.raises(ServiceUnavailableError, match="try again in 10 s"):
        await gate.enter(0)
    clock.time += 1
    gate.told(worked=False)
    gate.leave()
    with pytest.raises(ServiceUnavailableError, match=r"failures in a row: 4\); try again in 10 s"):
        await gate.enter(0)


async def test_a_trial_that_works_opens_it_for_all(clock: Turned) -> None:
    gate = Gate("bell.play", Limits(failures=1, pause=10), clock)
    at_once(gate.enter(0))
    gate.told(worked=False)
    clock.time += 10
    at_once(gate.enter(0))
    gate.told(worked=True)
    at_once(gate.enter(0))
    at_once(gate.enter(0))


async def test_a_trial_that_was_cancelled_is_followed_by_another(clock: Turned) -> None:
    gate = Gate("bell.play", Limits(failures=1, pause=10), clock)
    at_once(gate.enter(0))
    gate.told(worked=False)
    clock.time += 10
    at_once(gate.enter(0))
    gate.leave()
    clock.time += 10
    at_once(gate.enter(0))


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["worked", "failed", "cancelled"])), max_size=80),
)
def test_the_breaker_does_as_a_simple_model(failures: int, calls: list[tuple[int, str]]) -> None:
    """One call after another: closed, open until a time, or trying."""
    clock = Turned()
    gate = Gate("bell.play", Limits(failures=failures, pause=4), clock)
    row, opens = 0, 0.0
    for pause, outcome in calls:
        clock.time += pause
        if row >= failures and clock.time < opens:
            with pytest.raises(ServiceUnavailableError, match=rf"in a row: {row}\); .* in {opens - clock.time:g} s"):
                at_once(gate.enter(0))
            continue
        at_once(gate.enter(0))
        if outcome != "cancelled":
            gate.told(worked=outcome == "worked")
        gate.leave()
        row = {"worked": 0, "failed": row + 1, "cancelled": row}[outcome]
        opens = clock.time + 4


async def test_without_a_limit_of_failures_it_may_fail_as_it_likes(clock: Turned) -> None:
    gate = Gate("bell.play", Limits(concurrency=1), clock)
    for _ in range(50):
        at_once(gate.enter(0))
        gate.told(worked=False)
        gate.leave()


async def test_a_refusal_by_the_breaker_takes_no_token(clock: Turned) -> None:
    gate = Gate("bell.play", Limits(rate=0.125, burst=2, failures=1, pause=1), clock)
    at_once(gate.enter(0))
    gate.told(worked=False)
    for _ in range(5):
        with pytest.raises(ServiceUnavailableError):
            await gate.enter(0)
    clock.time += 1
    at_once(gate.enter(0))


async def test_who_must_wait_is_let_in_one_by_one_and_in_turn(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=2), clock), tasks)
    for name in "abcde":
        line.come(name)
    await settle()
    assert line.inside == ["a", "b"]
    await line.go("b")
    assert line.inside == ["a", "c"]
    line.come("f")
    await line.go("a")
    await line.go("c")
    assert line.inside == ["d", "e"]
    await line.go("d")
    assert line.inside == ["e", "f"]
    await line.go("e")
    await line.go("f")
    for name in "xyz":
        line.come(name)
    assert line.inside == ["x", "y"]


async def test_who_gives_up_leaves_the_line_and_takes_no_turn(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=1), clock), tasks)
    line.come("a")
    waiting = [line.come(name) for name in "bcd"]
    waiting[0].cancel()
    waiting[1].cancel()
    await settle()
    assert len(line.gate._line) == 1
    await line.go("a")
    assert line.inside == ["d"]
    await line.go("d")
    line.come("e")
    assert line.inside == ["e"]


async def test_a_turn_that_comes_as_its_waiter_gives_up_goes_to_the_next(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=1), clock), tasks)
    line.come("a")
    second, _ = line.come("b"), line.come("c")
    line.inside.remove("a")
    line.gate.leave()
    second.cancel()
    await settle()
    assert second.cancelled()
    assert line.inside == ["c"]
    third = line.come("d")
    third.cancel()
    line.inside.remove("c")
    line.gate.leave()
    await settle()
    line.come("e")
    assert line.inside == ["e"]


async def test_the_line_ends_with_the_deadline(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=1), clock), tasks)
    line.come("a")
    with pytest.raises(ServiceBusyError) as caught:
        await line.come("b", within=0.001)
    assert str(caught.value) == "bell.play is busy: it was not this call's turn before the deadline"
    assert caught.value.service == "bell.play"
    assert not line.gate._line
    await line.go("a")
    line.come("c")
    assert line.inside == ["c"]


async def test_the_callers_own_end_stays_a_cancellation(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=1), clock), tasks)
    line.come("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await line.gate.enter(asyncio.get_running_loop().time() + 60)
    assert not line.gate._line


async def test_a_waiter_that_is_dropped_leaves_the_line(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=1), clock), tasks)
    line.come("a")
    dropped = line.gate.enter(asyncio.get_running_loop().time() + 60)
    dropped.send(None)
    dropped.close()
    await line.go("a")
    line.come("b")
    line.come("c")
    assert line.inside == ["b"]


async def test_the_line_has_an_end(clock: Turned, tasks: TaskGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINE", 3)
    line = Line(Gate("bell.play", Limits(concurrency=1), clock), tasks)
    for name in "abcd":
        line.come(name)
    with pytest.raises(ServiceBusyError, match=r"^bell\.play is busy: 3 calls wait for it already; try again later$"):
        await line.gate.enter(asyncio.get_running_loop().time() + 60)
    await line.go("a")
    line.come("e")
    assert len(line.gate._line) == 3


async def test_who_waited_for_a_service_that_broke_meanwhile_is_refused(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=1, failures=1), clock), tasks)
    line.come("a")
    waiting = [line.come(name) for name in "bc"]
    line.gate.told(worked=False)
    await line.go("a")
    for task in waiting:
        with pytest.raises(ServiceUnavailableError, match=r"in a row: 1\); try again in 30 s"):
            await task
    clock.time += 30
    line.come("d")
    assert line.inside == ["d"]


async def test_who_waits_for_a_service_that_goes_is_refused(clock: Turned, tasks: TaskGroup) -> None:
    line = Line(Gate("bell.play", Limits(concurrency=1), clock), tasks)
    line.come("a")
    waiting = [line.come(name) for name in "bc"]
    line.gate.close()
    for task in waiting:
        with pytest.raises(UnknownServiceError, match=r"^bell\.play is gone: its plugin has stopped$"):
            await task
    assert line.inside == ["a"]


@given(st.integers(1, 3), st.lists(st.tuples(st.sampled_from(["come", "go", "cancel", "turn"]), st.integers(0, 99))))
async def test_no_slot_is_lost_or_made_whatever_happens(most: int, steps: list[tuple[str, int]]) -> None:
    tasks = TaskGroup("callers", lambda _name, _error: None)
    line = Line(Gate("bell.play", Limits(concurrency=most), Turned()), tasks)
    callers: list[asyncio.Task[None]] = []
    for step, which in steps:
        outside = [task for task in callers if not task.done()]
        match step:
            case "come":
                callers.append(line.come(str(len(callers))))
            case "go" if line.inside:
                line.inside.pop(which % len(line.inside))
                line.gate.leave()
            case "cancel" if outside:
                outside[which % len(outside)].cancel()
            case _:
                await settle(3)
        assert len(line.inside) <= most
    await settle()
    assert len(line.inside) == most or all(task.done() for task in callers)
    while line.inside:
        await line.go(line.inside[0])
    assert all(task.done() for task in callers)
    for number in range(most + 1):
        line.come(f"last {number}")
    assert len(line.inside) == most
    assert await tasks.cancel() == []
