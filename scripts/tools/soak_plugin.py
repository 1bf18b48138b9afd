"""The plugin of the soak test: `soak` copies this file into the folder of each plugin, whose name becomes its id."""

import math
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, override

import msgspec

from hub.api import Context, Event, HubError, Plugin, event, on, service

NAME = Path(__file__).parent.name
_NOW_AND_THEN = 20
_SAMPLES = 10_000


class Config(msgspec.Struct, frozen=True):
    """The plugin that is listened to, and the seconds between two ticks."""

    before: str = ""
    period: float = 0.1


@event(f"{NAME}.tick")
class Tick(msgspec.Struct, frozen=True):
    """One turn of a busy plugin."""

    n: int


class Busy(Plugin):
    """Publishes, sets state, remembers and calls, turn by turn, and listens to the plugin before it."""

    Config: ClassVar[type[msgspec.Struct] | None] = Config
    emits = (Tick,)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.heard = 0
        self.before: str = ctx.config.before

    @override
    async def start(self) -> None:
        self.ctx.events.subscribe(f"{self.before}.tick", self.hear)
        self.ctx.state.watch(f"soak/{self.before}/+", self.count)
        self.ctx.tasks.start("ticks", self.tick())

    async def tick(self) -> None:
        """Take turns for ever."""
        n = 0
        while True:
            await self.ctx.clock.sleep(self.ctx.config.period)
            n += 1
            self.ctx.events.publish(f"{NAME}.tick", f"soak/{NAME}", Tick(n))
            self.ctx.state.set(f"soak/{NAME}/turn", n)
            if not n % _NOW_AND_THEN:
                await self.ctx.storage.set("turn", {"n": n, "text": "x" * 200})
                with suppress(HubError):  # it is just being reloaded
                    await self.ctx.services.call(f"{self.before}.add", a=n, b=1)

    async def hear(self, _event: Event) -> None:
        """Hear the plugin before."""
        await self.ctx.clock.sleep(0)
        self.heard += 1

    @on(f"{NAME}.tick")
    def count(self, _event: Event) -> None:
        """Hear itself."""
        self.heard += 1

    @service
    async def add(self, a: int, b: int) -> int:
        """Add two numbers."""
        return a + b


class Quiet(Plugin):
    """Does nothing but hear one plugin, and notes how late it does."""

    Config: ClassVar[type[msgspec.Struct] | None] = Config

    @override
    async def start(self) -> None:
        self.late: deque[float] = deque(maxlen=_SAMPLES)
        self.ctx.events.subscribe(f"{self.ctx.config.before}.tick", self.hear)

    async def hear(self, event: Event) -> None:
        """Note the time since it was published."""
        self.late.append((self.ctx.clock.now() - event.time) / 1e6)

    @service
    async def latency(self) -> dict[str, Any]:
        """How late events were (ms; wall time) since the last call."""
        late = sorted(self.late)
        self.late.clear()
        p99 = late[math.ceil(len(late) * 0.99) - 1] if late else 0.0
        return {"count": len(late), "p99_ms": p99, "most_ms": late[-1] if late else 0.0}
