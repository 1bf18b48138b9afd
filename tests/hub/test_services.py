"""Services: their names, their owners, and what they take."""

import asyncio
import time
from functools import partial
from typing import Any

import msgspec
import pytest

from hub.errors import (
    InvalidArgumentError,
    ServiceError,
    UnknownServiceError,
)
from hub.schema import SchemaError
from hub.services import ServiceRegistry
from hub.types import Call
from tests.hub.calling import Tone, call, play, stats


@pytest.fixture
def registry() -> ServiceRegistry:
    return ServiceRegistry()


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


class Tree(msgspec.Struct):
    branch: "Tree | None" = None


async def test_arguments_that_cannot_be_read_are_refused(registry: ServiceRegistry) -> None:
    async def plant(tree: "Tree") -> None:
        raise AssertionError(tree)

    registry.register("wood.plant", plant, "wood")
    tree: dict[str, Any] = {}
    for _ in range(100_000):
        tree = {"branch": tree}
    with pytest.raises(InvalidArgumentError, match=r"^wood\.plant: an argument is nested too deeply$"):
        await call(registry, "wood.plant", tree=tree)
    with pytest.raises(InvalidArgumentError, match=r"^wood\.plant: an argument is no UTF-8$"):
        await registry.call("wood.plant", {"tree": {}, "\udcff": 1}, caller="tester")
    assert stats(registry, "wood.plant").errors == 2


async def test_an_unknown_service_is_suggested(registry: ServiceRegistry) -> None:
    registry.register("bell.play", play, "bell")

    with pytest.raises(
        UnknownServiceError, match=r"no service 'bell.plya', did you mean 'bell.play'; `hub services"
    ) as caught:
        await call(registry, "bell.plya")
    assert caught.value.service == "bell.plya"
    with pytest.raises(UnknownServiceError, match=r"no service 'zzz'; `hub"):
        await call(registry, "zzz")


async def test_a_name_belongs_to_its_owner_and_to_one_only(registry: ServiceRegistry) -> None:
    undo = registry.register("bell.tower.play", play, "bell")

    with pytest.raises(
        ServiceError, match=r"bell\.tower cannot offer 'bell\.tower\.play': bell already does"
    ) as caught:
        registry.register("bell.tower.play", play, "bell.tower")
    assert caught.value.service == "bell.tower.play"
    for name in ("gong.play", "bell", "bell.", "bell.Play", "bell.play!", "bellplay", "bell..play"):
        with pytest.raises(ServiceError, match=r"bell cannot offer .*: a service is called bell\.<verb>") as caught:
            registry.register(name, play, "bell")
        assert caught.value.service == name
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

    with pytest.raises(ServiceError, match=r"bell cannot offer 'bell\.plain': the function is not async") as caught:
        registry.register("bell.plain", plain, "bell")
    assert caught.value.service == "bell.plain"
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

    async def alone(call: Call) -> str:
        return call.caller

    registry.register("bell.alone", alone, "bell")
    registry.register("bell.middle", middle, "bell")
    registry.register("bell.by_name", by_name, "bell")
    now = asyncio.get_running_loop().time()

    assert await call(registry, "bell.alone") == "tester"
    assert await call(registry, "bell.middle", first=1) == [1, 3]
    assert await call(registry, "bell.by_name", timeout=60, other=9, first=1) == [1, 3, 9]
    assert [one.caller for one in seen] == ["tester", "tester"]
    assert seen[0].trace < seen[1].trace
    assert seen[1].deadline >= now + 60
    assert now + 10 <= seen[0].deadline
    now = asyncio.get_running_loop().time()
    await registry.call("bell.middle", {"first": 1}, caller="tester")
    assert now + 10 <= seen[2].deadline <= time.monotonic() + 10
    with pytest.raises(InvalidArgumentError, match="unknown argument `call`"):
        await call(registry, "bell.middle", first=1, call={})
