"""A mixed load on a house, and a note of all that it was told had been done."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

from hub.errors import HubError
from scripts.rig.house import House


class Written(NamedTuple):
    """One write of a key or state: its value (`None`: gone), and when it was asked for."""

    value: Any
    at: float


class History:
    """All that was written to one key or state, in order; `sure` is the place of the last that must be there."""

    def __init__(self, value: Any = None) -> None:  # noqa: ANN401
        self.writes = [Written(value, 0.0)]
        self.told = 0  # the last that was acknowledged at all
        self.sure = 0

    def note(self, value: Any, at: float) -> int:  # noqa: ANN401
        """Note a write that is asked for; returns its place."""
        self.writes.append(Written(value, at))
        return len(self.writes) - 1

    def acknowledge(self, place: int, *, durable: bool) -> None:
        """Note that it was acknowledged."""
        self.told = max(self.told, place)
        if durable:
            self.sure = max(self.sure, place)


class Load:
    """Works on a house until the power is cut; values only grow, so that each is told from all others."""

    def __init__(self, house: House, dice: Random, number: int, keys: dict[str, Any], states: dict[str, Any]) -> None:
        self.house = house
        self.dice = dice
        self.number = number
        self.keys = {key: History(value) for key, value in keys.items()}
        self.states = {path: History(value) for path, value in states.items()}
        self.flushed = 0
        """So many of the published events are certain."""
        self.seen: dict[int, tuple[str, str, Any]] = {}
        """Events that a reader was given, by number."""
        self.place = 0
        """Where the cursor stands for certain."""

    async def run(self, rounds: int) -> None:
        """Do so many rounds of work, or until the disk is dead."""
        for _ in range(rounds):
            if self.house.disk.left is not None:
                return
            works = [self._storage, self._storage, self._pair, self._states, self._events, self._journal]
            keys = self.dice.sample(range(10), 10)
            some = self.dice.choices(works, k=self.dice.randint(1, 7))
            await asyncio.gather(*[self._quietly(work(key)) for work, key in zip(some, keys, strict=False)])
            await self.house.clock.advance(self.dice.choice([0.0, 0.0, 0.01, 0.1, 0.3, 1.0, 3.0]))

    async def _quietly(self, work: Any) -> None:  # noqa: ANN401
        with suppress(HubError):
            await work

    def _next(self) -> int:
        self.number += 1
        return self.number

    async def _write(self, keys: list[str], *, is_gone: bool = False) -> None:
        durable = self.dice.random() < 0.5  # noqa: PLR2004
        value = None if is_gone else self._next()
        now = self.house.clock.monotonic()
        histories = [self.keys.setdefault(key, History()) for key in keys]
        places = [one.note(value, now) for one in histories]
        space = self.house.space
        if len(keys) > 1:
            async with space.transaction(durable=durable) as both:
                for key in keys:
                    both.set(key, value)
        elif is_gone:
            await space.delete(keys[0], durable=durable)
        else:
            await space.set(keys[0], value, durable=durable)
        for one, place in zip(histories, places, strict=True):
            one.acknowledge(place, durable=durable)

    async def _storage(self, key: int) -> None:
        await self._write([f"key/{key}"], is_gone=self.dice.random() < 0.2)  # noqa: PLR2004
        if self.dice.random() < 0.1:  # noqa: PLR2004
            await self.house.space.set(f"ttl/{key}", self._next(), ttl=self.dice.choice([0.1, 1.0, 9.0]))

    async def _pair(self, key: int) -> None:
        await self._write([f"pair/{key}/a", f"pair/{key}/b"])

    async def _states(self, key: int) -> None:
        path = f"state/{key}"
        history = self.states.setdefault(path, History())
        is_gone = self.dice.random() < 0.1  # noqa: PLR2004
        place = history.note(None if is_gone else self._next(), self.house.clock.monotonic())
        if is_gone:
            self.house.state.delete(path)
        else:
            self.house.state.set(path, history.writes[-1].value, ttl=1e6 if self.dice.random() < 0.1 else None)  # noqa: PLR2004
        history.acknowledge(place, durable=False)

    async def _events(self, _key: int) -> None:
        for _ in range(self.dice.randint(1, 30)):
            type_ = self.dice.choice(["measured", "measured", "measured", "said", "said", "rang"])
            if type_ == "rang" and self.dice.random() < 0.8:  # noqa: PLR2004
                continue
            size = self.dice.choice([0, 0, 40, 400])
            self.house.bus.publish(type_, f"x/{_key}", [self._next(), self.dice.randbytes(size).hex()], "rig")

    async def _journal(self, _key: int) -> None:
        journal = self.house.journal
        if self.dice.random() < 0.5:  # noqa: PLR2004
            so_far = len(self.house.published)
            await journal.flush()
            self.flushed = max(self.flushed, so_far)
        cursor = await journal.cursor("rig")
        page = await cursor.read(self.dice.choice([1, 50, 1000]))
        self.seen |= {one.seq: (one.type, one.subject, one.data) for one in page.records}
        durable = self.dice.random() < 0.5  # noqa: PLR2004
        await cursor.acknowledge(page.upto, durable=durable)
        if durable:
            self.place = max(self.place, page.upto)
