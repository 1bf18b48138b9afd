"""A mixed load on a house: what plugins, devices and readers do to its storage, states and journal."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

from hub.errors import StorageConflictError, StorageError
from tests.rig.house import House

type Job = Callable[[], Coroutine[Any, Any, object]]

_KEYS = [f"key/{number:02}" for number in range(24)]
_QUIET = ["motion/hall", *(f"room/{number}/level" for number in range(12))]
_PATHS = [*_QUIET, "attic/smoke", "hall/smoke"]  # smoke is an alarm
_PAUSE = 0.15


class Load:
    """Some hands that do `steps` things each, at random moments; `on_step` hears of each before it is done."""

    def __init__(self, house: House, dice: random.Random, on_step: Callable[[], object] = lambda: None) -> None:
        self._house = house
        self._space = house.space
        self._dice = dice
        self._on_step = on_step
        self._count = 0

    async def run(self, steps: int) -> None:
        """Do it all. Raises what the house refuses, unless its disk is sick."""
        hands = (self._storing, self._storing, self._telling, self._telling, self._reading)
        tasks = [
            self._house.tasks.start(f"hand {number}", self._hand(jobs, steps)) for number, jobs in enumerate(hands)
        ]
        await asyncio.gather(*tasks)

    async def _hand(self, jobs: list[Job], steps: int) -> None:
        for _ in range(steps):
            await self._house.clock.sleep(self._pause())
            self._on_step()
            try:
                await self._dice.choice(jobs)()
            except StorageError:
                if not self._house.plan.is_sick:
                    raise

    def _pause(self) -> float:
        return self._dice.random() * self._dice.choice((0.0, _PAUSE, 4 * _PAUSE)) * self._house.plan.pace

    def _value(self) -> dict[str, Any]:
        """A value like no other."""
        self._count += 1
        size = self._dice.choice((0, 10, 200, 3000, 20_000)) if self._dice.random() < 0.5 else 5
        return {"n": self._count, "data": self._dice.randbytes(size)}

    def _key(self) -> str:
        return self._dice.choice(_KEYS)

    def _hasty(self, *jobs: Job) -> tuple[Job, ...]:
        return () if self._house.plan.is_calm else jobs

    def _is_durable(self) -> bool:
        return self._dice.random() < 0.4 and not self._house.plan.is_calm

    def _durable(self, *, is_durable: bool) -> None:
        """What this hand has just written, and all before it, must stay."""
        if is_durable:
            self._house.ledger.kept_of_mine()

    # What plugins store

    @property
    def _storing(self) -> list[Job]:
        return [
            self._set, self._set, self._set_many, self._transact, self._compare, self._delete, self._expire,
            *self._hasty(self._flush),
        ]  # fmt: skip

    async def _set(self) -> None:
        durable = self._is_durable()
        await self._space.set(self._key(), self._value(), durable=durable)
        self._durable(is_durable=durable)

    async def _set_many(self) -> None:
        durable = self._is_durable()
        keys = self._dice.sample(_KEYS, self._dice.randint(2, 6))
        await self._space.set_many({key: self._value() for key in keys}, durable=durable)
        self._durable(is_durable=durable)

    async def _transact(self) -> None:
        durable = self._is_durable()
        try:
            async with self._space.transaction(durable=durable) as transaction:
                for key in self._dice.sample(_KEYS, 3):
                    old = await transaction.get(key)
                    if old is not None and self._dice.random() < 0.3:
                        transaction.delete(key)
                    else:
                        transaction.set(key, self._value())
        except StorageConflictError:
            return
        self._durable(is_durable=durable)

    async def _compare(self) -> None:
        durable, key = self._is_durable(), self._key()
        if await self._space.compare_and_set(key, await self._space.get(key), self._value(), durable=durable):
            self._durable(is_durable=durable)

    async def _delete(self) -> None:
        durable = self._is_durable()
        await self._space.delete(self._key(), durable=durable)
        self._durable(is_durable=durable)

    async def _expire(self) -> None:
        durable = self._is_durable()
        await self._space.set(self._key(), self._value(), durable=durable, ttl=self._dice.uniform(0.1, 8))
        self._durable(is_durable=durable)

    async def _flush(self) -> None:
        told = self._house.ledger.counts()
        await self._house.storage.flush()
        self._house.ledger.kept(storage=told["storage"])

    # What is told and what becomes true

    @property
    def _telling(self) -> list[Job]:
        return [
            self._tell, self._tell, self._become, self._become, self._become, self._go, self._burst,
            *self._hasty(self._ring, self._keep),
        ]  # fmt: skip

    async def _tell(self) -> None:
        self._house.bus.publish(self._dice.choice(("said", "sensor.raw", "noise")), "hall", self._value())

    async def _become(self) -> None:
        ttl = self._dice.uniform(0.5, 20) if self._dice.random() < 0.2 else None
        value = self._dice.choice((self._dice.randint(0, 3), self._value()["n"]))
        paths = _QUIET if self._house.plan.is_calm else _PATHS
        self._house.state.set(self._dice.choice(paths), value, "sensor", ttl=ttl)

    async def _go(self) -> None:
        self._house.state.delete(self._dice.choice(_QUIET))

    async def _burst(self) -> None:
        for _ in range(self._dice.randint(2, 60)):
            await self._tell()
            await self._become()

    async def _ring(self) -> None:
        self._house.bus.publish("bell", "door", self._value())

    async def _keep(self) -> None:
        told = self._house.ledger.counts()
        await self._house.journal.flush()
        self._house.ledger.kept(states=told["states"], events=told["events"])

    # Who reads on

    @property
    def _reading(self) -> list[Job]:
        return [self._follow, self._follow, self._look_back]

    async def _follow(self) -> None:
        cursor = await self._house.journal.cursor("upstream")
        page = await cursor.read(self._dice.choice((3, 50, 1000)))
        self._house.ledger.read(cursor.place, page)
        await cursor.acknowledge(page.upto, durable=self._is_durable())

    async def _look_back(self) -> None:
        after = max(self._house.file.last - self._dice.randint(0, 500), 0)
        self._house.ledger.read(after, await self._house.journal.read(after, 200))
