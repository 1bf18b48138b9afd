"""Cuts the power of a hub in memory again and again, at random moments, and looks each time what is left.

A house lives on one disk for some lives: it is started, loaded and cut off, judged, and started again on what is left.
All of it follows from its seed.
"""

import asyncio
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from hub.errors import StorageError
from hub.storage.values import encode
from tests.rig.connection import opener
from tests.rig.disk import Disk
from tests.rig.house import SPACE, House, Plan, house_time, plain
from tests.rig.ledger import Ledger
from tests.rig.load import Load
from tests.rig.loop import START, virtual
from tests.rig.verdict import Verdict, judge

LIVES = 8
"""Cuts that a house lives through."""
_STEPS = 40  # things that each hand does in a life, at most
_SICK_S = 3.0


class Cut(NamedTuple):
    """One cut, the `number`-th of the house with this `seed`; `lived` are its virtual seconds before."""

    seed: int
    number: int
    lived: float
    turns: int
    verdict: Verdict


def cuts(seed: int, plan: Plan | None = None, house: type[House] = House, *, lies: bool = False) -> Iterator[Cut]:
    """Let one house live through its cuts; ends with the first that breaks the contract. `plan` is drawn if not given.

    A disk that `lies` forgets what it said it had synced.
    """
    dice = random.Random(seed)
    plan = plan or Plan.drawn(dice)
    ledger, disk = Ledger(), Disk(dice)
    now = START
    for number in range(1, LIVES + 1):
        disk.lies = lies
        with virtual(dice, now) as loop, house_time(plan, loop):
            cut = loop.run_until_complete(_live(house(plan, ledger, opener(disk), disk.folder), disk, dice))
            lived, now = cut - now, loop.time()
        turns, disk = disk.turns, disk.restarted()
        copy = disk.copy()
        verdict, found = judge(ledger, plan, opener(copy), copy.folder, cut)
        yield Cut(seed, number, lived, turns, verdict)
        if verdict.faults or found is None:
            return
        ledger.storage.begin(found.storage)
        ledger.states.begin(found.states)
        ledger.events, ledger.events_promised, ledger.last = [], 0, found.last


async def _live(house: House, disk: Disk, dice: random.Random) -> float:
    """Live until the power goes; returns when that was."""
    loop, ledger = asyncio.get_running_loop(), house.ledger
    ledger.is_off = lambda: disk.is_off
    ended: asyncio.Future[float] = loop.create_future()

    def end() -> None:
        if not ended.done():
            ended.set_result(loop.time())

    disk.on_cut = end
    disk.cut_at = dice.randint(1, dice.choice((30, 300, 1500, 6000)))
    if dice.random() < 0.2:
        loop.call_later(dice.random() * 15, disk.cut)
    house.tasks.start("life", _life(house, disk, dice))
    when = await ended
    await house.abandon()
    return when


async def _life(house: House, disk: Disk, dice: random.Random) -> None:
    """Start, be used, and stop, now and then in good order; whatever the hub refuses on a well disk is a fault."""
    try:
        await house.open()
        await _compare_start(house)
        if house.plan.is_sick:
            house.tasks.start("sickness", _sicken(house, disk, dice))
        await Load(house, dice).run(dice.randint(1, _STEPS))
        if dice.random() < 0.5:
            disk.mend()
            ledger = house.ledger
            told = {
                "storage": len(ledger.storage.steps),
                "states": len(ledger.states.steps),
                "events": len(ledger.events),
            }
            await house.close()
            ledger.kept(**told)
    except StorageError as error:
        if not (disk.is_off or house.plan.is_sick):
            house.ledger.faults.append(f"refused: {error}")
    disk.cut()


async def _compare_start(house: House) -> None:
    """See that what the hub takes over is what the disk was found to hold."""
    ledger = house.ledger
    if damage := house.file.repaired or house.storage.stats().repaired:
        ledger.faults.append(f"corrupt: {damage}")
    if {row[0]: plain(row) for row in house.state.rows()} != ledger.states.base:
        ledger.faults.append("torn: the states that came back are not those that the file holds")
    stored = {(SPACE, key): encode(SPACE, key, value) for key, value in await house.space.list()}
    kept = {
        place: value for place, (value, has_ttl) in ledger.storage.base.items() if place[0] == SPACE and not has_ttl
    }
    if not kept.items() <= stored.items() or not stored.keys() <= ledger.storage.base.keys():
        ledger.faults.append("torn: the values that the storage gives are not those that its file holds")


async def _sicken(house: House, disk: Disk, dice: random.Random) -> None:
    """Let the disk fall ill and recover, again and again."""
    while True:
        await house.clock.sleep(dice.random() * _SICK_S)
        match dice.randrange(4):
            case 0:
                disk.fill()
            case 1:
                disk.read_only = True
            case _:
                disk.failing.add(dice.choice(("read", "write", "sync", "sync")))
        await house.clock.sleep(dice.random() * _SICK_S)
        disk.mend()


def cut_all(count: int, seed: int, **options: Any) -> Iterator[Cut]:  # noqa: ANN401 - those of `cuts`
    """Cut so many times, one house after the other; their seeds count up from `seed`."""
    done = 0
    while done < count:
        for cut in cuts(seed, **options):
            yield cut
            done += 1
            if done == count:
                return
        seed += 1
