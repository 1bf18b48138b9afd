# ruff: noqa: S311 - the dice are to fall the same again
"""Power cuts: one after the other on a disk, and a run of many."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import ExitStack
from random import Random
from unittest.mock import patch

from hub.errors import StorageError
from hub.testing import ManualClock
from scripts.rig.disk import Disk
from scripts.rig.house import House, OneThread
from scripts.rig.judge import Judge, Report
from scripts.rig.load import Load
from scripts.rig.vfs import quiet

_LIVES = 4  # cuts that one disk goes through


class Life:
    """One disk through several cuts; `seed` gives the same again."""

    def __init__(self, seed: int, report: Report, make: Callable[..., House] = House) -> None:
        self._seed = seed
        self._dice = Random(seed)
        self._report = report
        self._make = make
        self._judge = Judge(report, f"seed {seed}")

    def run(self, cuts: int) -> None:
        """Go through so many cuts."""
        OneThread.dice = Random(self._seed)
        ticks = itertools.count(1_800_000_000_000_000_000, 1_000_000)
        with ExitStack() as held:
            held.enter_context(quiet())
            for module in ("bus", "state", "storage.log"):
                held.enter_context(patch(f"hub.{module}.time_ns", lambda: next(ticks)))
            runner = held.enter_context(asyncio.Runner(loop_factory=OneThread))
            runner.run(self._live(cuts))

    async def _live(self, cuts: int) -> None:
        files: dict[str, bytes] = {}
        clock = ManualClock()
        number = 0
        load: Load | None = None
        cut_at = 0.0
        for life in range(cuts + 1):
            steps = self._dice.choice([20, 100, 400, 1500]) if life < cuts else None
            disk = Disk(self._dice, files, steps and self._dice.randint(1, steps))
            house = self._make(disk, clock, self._dice)
            try:
                await house.open()
                steps = disk.spare()  # looking is not part of the load
                if disk.left is None:
                    load = await self._judged(house, load, cut_at, number)
                    disk.cut_after(steps)
                    await load.run(self._dice.choice([5, 20, 60]) if steps else 3)
                    number = load.number
            except StorageError as error:
                if disk.left is None:
                    self._report.fault("corrupt", f"seed {self._seed}: {error}")
                    return
            finally:
                files = await self._cut(house)
                if load is not None and load.house is house:
                    self._note(load)
                    cut_at = disk.cut_at

    async def _judged(self, house: House, load: Load | None, cut_at: float, number: int) -> Load:
        """Look at what is there after the last cut, and give the load for the next life."""
        if load is not None:
            await self._judge.look(house, load, cut_at)
        keys = dict(await house.space.list("key/")) | dict(await house.space.list("pair/"))
        states = {path: entry.value for path, entry in house.state.list("state/").items()}
        return Load(house, self._dice, number, keys, states)

    def _note(self, load: Load) -> None:
        self._report.events += len(load.house.published)
        self._report.durable_writes += sum(one.sure > 0 for one in load.keys.values())
        self._judge.remember(load)

    async def _cut(self, house: House) -> dict[str, bytes]:
        files = house.disk.cut()
        await house.leave()
        self._report.cuts += 1
        return files


def run(cuts: int, seed: int, progress: Callable[[int], None] = lambda _done: None) -> Report:
    """Cut the power so many times, under a mixed load."""
    report = Report()
    life = 0
    while report.cuts < cuts:
        Life(seed + life, report).run(min(_LIVES, cuts - report.cuts))
        life += 1
        progress(report.cuts)
    return report
