"""A house that is killed, with the kernel living on: `killed.py FOLDER SEED STEP` on real files, with SIGKILL.

The same schedule, through the standard library's SQLite there and over the rig here, must leave the same.
"""

import logging
import os
import random
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from hub.journal.file import JournalFile
from hub.storage.file import open_file
from tests.rig.house import House, Opener, Plan, house_time
from tests.rig.ledger import Ledger, said
from tests.rig.load import Load
from tests.rig.loop import virtual

STEPS = 60


def live(opener: Opener, folder: Path, seed: int, on_step: Callable[[int], object]) -> None:
    """Live one life on what the opener opens; `on_step` is told the number of each step before it is done."""
    dice = random.Random(seed)
    plan = Plan.drawn(dice)._replace(is_sick=False)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        on_step(steps)

    async def life() -> None:
        house = House(plan, Ledger(), opener, folder)
        try:
            await house.open()
            await Load(house, dice, step).run(STEPS)
        finally:
            await house.abandon()

    with virtual(dice) as loop, house_time(plan, loop):
        loop.run_until_complete(life())


def left(opener: Opener, folder: Path) -> dict[str, Any]:
    """All that the two files hold, by the hub's own code."""
    with closing(opener(folder / "hub.db")) as connection:
        rows = connection.execute("SELECT * FROM kv ORDER BY namespace, key").fetchall()
    file = JournalFile(folder / "telemetry.db", Plan().limits, opener)
    file.open()
    try:
        page = file.read(0, 1_000_000)
        return {
            "rows": rows,
            "events": [(one.seq, one.kind, said(one)) for one in page.records],
            "gaps": page.gaps,
            "states": sorted(({row[0]: row for row in file.states()}).items()),
            "last": file.last,
        }
    finally:
        file.close()


def main(folder: str, seed: str, last: str) -> None:
    """Live until a step, and be killed."""
    logging.disable()

    def die(step: int) -> None:
        if step == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    live(open_file, Path(folder), int(seed), die)


if __name__ == "__main__":
    main(*sys.argv[1:])
