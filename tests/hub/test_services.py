"""Services: typed calls with a deadline, and faults that name who and what."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Literal

import msgspec
import pytest

from hub.errors import (
    HubError,
    InvalidArgumentError,
    ServiceError,
    ServiceFailedError,
    ServiceTimeoutError,
    UnknownServiceError,
)
from hub.schema import SchemaError
from hub.services import ServiceRegistry
from hub.tasks import TaskGroup
from hub.types import Call
from tests.harness import eventually


class Tone(msgspec.Struct):
    name: str
    volume: int = 5


class UpsetError(HubError):
    code = "upset"


@pytest.fixture
def registry() -> ServiceRegistry:
    return ServiceRegistry()


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup("caller", lambda _name, _error: None)
    yield group
    assert await group.cancel() == []


async def play(tone: Tone, times: int = 1, mode: Literal["once", "loop"] = "once") -> str:
    """Play a tone."""
    return f"{tone.name} {tone.volume} {times} {mode}"


async def call(registry: ServiceRegistry, name: str, timeout: float = 10.0, **arguments: Any) -> Any:  # noqa: ANN401, ASYNC109
    return await registry.call(name, arguments, caller="tester", timeout=timeout)


async def test_arguments_are_converted_and_defaults_filled_in(registry: ServiceRegistry) -> None:
    registry.register("bell.play", play, "bell")

    assert await call(registry, "bell.play", tone={"name": "gong"}, times=2) == "gong 5 2 once"
    assert await call(registry, "bell.play", mode="loop", tone=Tone("ding", 1)) == "ding 1 1 loop"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "bell.play: missing argument `tone`"),
        ({"tone": {}}, "bell.play: argument `tone`: Object missing required field `name`"),
        ({"tone": {"name": 1}}, "bell.play: argument `tone.name`: Expected `str`, got `int`"),
        ({"tone": {"name": "x"}, "times": "2"}, "bell.play: argument `times`: Expected `int`, got `str`"),
        ({"tone": {"name": "x"}, "mode": "twice"}, "bell.play: argument `mode`: Invalid enum value 'twice'"),
        ({"tone": {"name": "x"}, "tims": 2}, "bell.play: unknown argument `tims`, did you mean 'times'"),
        ({"tone": {"name": "x"}, "zzz": 2}, "bell.play: unknown argument `zzz`"),
    ],
)
async def test_wrong_arguments_are_named(registry: ServiceRegistry, arguments: dict[str, Any], said: str) -> None:
    registry.register("bell.play", play, "bell")

    with pytest.raises(InvalidArgumentError) as caught:
        await call(registry, "bell.play", **arguments)

    assert str(caught.value) == said
    assert caught.value.service == "bell.play"


async def test_an_unknown_service_is_suggested(registry: ServiceRegistry) -> None:
    registry.register("bell.play", play, "bell")

    with pytest.raises(UnknownServiceError, match=r"no service 'bell.plya', did you mean 'bell.play'; `hub services"):
        await call(registry, "bell.plya")
    with pytest.raises(UnknownServiceError, match=r"no service 'zzz'; `hub"):
        await call(registry, "zzz")


async def test_a_name_belongs_to_its_owner_and_to_one_only(registry: ServiceRegistry) -> None:
    undo = registry.register("bell.tower.play", play, "bell")

    with pytest.raises(ServiceError, match=r"bell\.tower cannot offer 'bell\.tower\.play': bell already does"):
        registry.register("bell.tower.play", play, "bell.tower")
    for name in ("gong.play", "bell", "bell.", "bell.Play", "bell.play!", "bellplay", "bell..play"):
        with pytest.raises(ServiceError, match=r"bell cannot offer .*: a service is called bell\.<verb>"):
            registry.register(name, play, "bell")
    undo()
    again = registry.register("bell.tower.play", play, "bell.tower")
    undo()
    assert [one.owner for one in registry.list()] == ["bell.tower"]
    again()
    again()
    assert registry.list() == []


async def test_only_typed_async_functions_can_be_offered(registry: ServiceRegistry) -> None:
    def plain() -> None: ...

    async def untyped(tone) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    with pytest.raises(ServiceError, match=r"bell cannot offer 'bell\.plain': the function is not async"):
        registry.register("bell.plain", plain, "bell")  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match=r"service bell\.untyped: parameter 'tone' has no type annotation"):
        registry.register("bell.untyped", untyped, "bell")
    with pytest.raises(SchemaError, match="annotation cannot be read"):
        registry.register("bell.partial", partial(play, times=2), "bell")
    assert registry.list() == []


async def test_the_list_is_sorted_and_tells_owner_and_help(registry: ServiceRegistry) -> None:
    async def stop() -> None: ...

    registry.register("bell.stop", stop, "bell")
    registry.register("bell.play", play, "bell")

    first, second = registry.list()
    assert (first.name, first.owner, first.doc) == ("bell.play", "bell", "Play a tone.")
    assert first.arguments["required"] == ["tone"]
    assert first.result == {"type": "string"}
    assert (second.name, second.doc, second.result) == ("bell.stop", "", {"type": "null"})


async def test_a_service_may_ask_who_calls(registry: ServiceRegistry) -> None:
    seen: list[Call] = []

    async def middle(first: int, call: Call, last: int = 3) -> list[int]:
        seen.append(call)
        return [first, last]

    async def by_name(first: int, *, last: int = 3, call: Call, other: int) -> list[int]:
        seen.append(call)
        return [first, last, other]

    registry.register("bell.middle", middle, "bell")
    registry.register("bell.by_name", by_name, "bell")
    now = asyncio.get_running_loop().time()

    assert await call(registry, "bell.middle", first=1) == [1, 3]
    assert await call(registry, "bell.by_name", timeout=60, other=9, first=1) == [1, 3, 9]
    assert [one.caller for one in seen] == ["tester", "tester"]
    assert seen[0].trace < seen[1].trace
    assert seen[1].deadline >= now + 60
    with pytest.raises(InvalidArgumentError, match="unknown argument `call`"):
        await call(registry, "bell.middle", first=1, call={})


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
    registry.register("bell.play", play, "bell")
    await call(registry, "bell.play", tone={"name": "x"})
    with pytest.raises(InvalidArgumentError):
        await call(registry, "bell.play")

    one = registry._services["bell.play"]
    assert (one.calls, one.errors) == (2, 1)


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
