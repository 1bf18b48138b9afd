"""The clock plugin on a machine whose wall clock and witnesses the test turns."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.api import Undo
from hub.testing import HubInMemory, running
from plugins.clock.machine import Evidence, Machine
from plugins.clock.plugin import ClockStatus, WallClock
from tests.harness import eventually

DAY = 86400.0


def at(text: str) -> float:
    """A wall time in UTC as seconds since 1970."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class FakeMachine(Machine):
    """Says what the test wants; `set_heard` are those that hear when the clock is set."""

    def __init__(self, bench: "Bench") -> None:
        super().__init__(Path("/nowhere"), lambda _answer: -1)
        self._bench = bench

    def read(self) -> Evidence:  # type: ignore[explicit-override]
        return self._bench.evidence

    def offset(self) -> float:  # type: ignore[explicit-override]
        clock = self._bench.hub.clock
        return clock.now() / 1e9 - clock.monotonic()

    def on_set(self, heard: Callable[[], object]) -> Undo:  # type: ignore[explicit-override]
        self._bench.heard.append(heard)
        return self._bench.heard.clear


class Bench:
    """A hub in memory, and its machine's witnesses."""

    def __init__(self, hub: HubInMemory, evidence: Evidence) -> None:
        self.hub = hub
        self.evidence = evidence
        self.heard: list[Callable[[], object]] = []
        self.starts = 1

    async def start(self, **settings: Any) -> None:  # noqa: ANN401
        WallClock.machine = lambda: FakeMachine(self)
        try:
            await self.hub.run(WallClock, settings)
        finally:
            WallClock.machine = Machine

    async def set_to(self, wall: str) -> None:
        """Set the wall clock, of which the kernel tells."""
        self.hub.clock.jump(at(wall) - self.hub.clock.now() / 1e9)
        await self.look()

    async def look(self) -> ClockStatus:
        """What the plugin says when it has looked."""
        found: ClockStatus = await self.hub.call("clock.status")
        return found

    async def goes_on(self, seconds: float) -> ClockStatus:
        await self.hub.clock.advance(seconds)
        return await self.look()

    def boots(self) -> None:
        """The machine starts anew."""
        self.starts += 1
        self.evidence = Evidence(boot=f"start {self.starts}")

    @property
    def told(self) -> list[tuple[str, Any]]:
        """What it published: trust, and jumps in seconds."""
        trust = [("trusted", one.data.trusted) for one in self.hub.events_of("clock.trusted")]
        return [*trust, *(("jumped", one.data.seconds) for one in self.hub.events_of("clock.jumped"))]

    async def becomes(self, *, trusted: bool) -> None:
        await eventually(lambda: self.hub.state.get("clock/trusted") is trusted)


@asynccontextmanager
async def bench(wall: str, evidence: Evidence | None = None) -> AsyncIterator[Bench]:
    """A machine whose wall clock shows `wall`; nothing speaks for it unless there is evidence."""
    async with running() as hub:
        hub.clock.jump(at(wall) - hub.clock.now() / 1e9)
        yield Bench(hub, evidence or Evidence(boot="start 1"))
        assert not hub.errors
