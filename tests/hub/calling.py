"""Services to call and to hear, and how tests ask for them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Literal

import msgspec

from hub.errors import (
    HubError,
)
from hub.services import ServiceRegistry
from hub.stats import ServiceStats
from hub.tasks import TRACE
from hub.types import Call


class Tone(msgspec.Struct):
    name: str
    volume: int = 5


class UpsetError(HubError):
    code = "upset"


async def play(tone: Tone, times: int = 1, mode: Literal["once", "loop"] = "once") -> str:
    """Play a tone."""
    return f"{tone.name} {tone.volume} {times} {mode}"


async def call(registry: ServiceRegistry, name: str, timeout: float = 10.0, **arguments: Any) -> Any:  # noqa: ANN401, ASYNC109
    return await registry.call(name, arguments, caller="tester", timeout=timeout)


def stats(registry: ServiceRegistry, name: str) -> ServiceStats:
    return next(one for one in registry.stats() if one.name == name)


class Ticker:
    """A streaming service that notes what becomes of it; `ways` say how each item comes, after them it ends."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    async def ticks(self, ways: list[str], call: Call, *, start: int = 0) -> AsyncIterator[int]:
        """Count."""
        self.steps.append(f"begin {TRACE.get() == call.trace}")
        try:
            for number, how in enumerate(ways, start):
                match how:
                    case "soon":
                        await asyncio.sleep(0)
                    case "never":
                        await asyncio.get_running_loop().create_future()
                    case "breaks":
                        raise ValueError("no spring")
                    case "refuses":
                        raise UpsetError("the clock is upset")
                    case "interrupted":
                        dead = asyncio.get_running_loop().create_future()
                        dead.cancel()
                        await dead
                self.steps.append(f"tick {number}")
                yield number
        finally:
            await asyncio.sleep(0)
            self.steps.append("end")


def stream(registry: ServiceRegistry, *ways: str, timeout: float = 10.0, **arguments: Any) -> AsyncGenerator[Any]:  # noqa: ANN401
    return registry.stream("clock.ticks", {"ways": [*ways], **arguments}, caller="tester", timeout=timeout)


async def consume(items: AsyncIterator[Any], came: list[Any] | None = None) -> None:
    """Take all items there are, and note them."""
    async for item in items:
        if came is not None:
            came.append(item)
