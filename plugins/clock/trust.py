"""The judgement: from what is known of a wall clock to whether it is trusted, and why in words."""

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from plugins.clock.machine import Evidence

RELEASED = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""No clock that is right shows a time before this hub was made (s since 1970)."""

JUMP = 2.0
"""A wall clock that moved against the monotonic one by so many seconds was set; a leap second is less."""

PATIENCE = 600.0
"""So long (s) a time server must stand by a time that contradicts what was remembered."""

_OUTLIVED = RELEASED + 30 * 365.25 * 86400
_SLACK = 60.0


class Memory(msgspec.Struct, frozen=True):
    """When the clock was trusted last: the latest wall time (s since 1970), the machine's start, and the offset.

    `offset` is how far the wall clock was ahead of the monotonic one (s).
    """

    latest: float = 0.0
    boot: str = ""
    offset: float = 0.0


class Facts(NamedTuple):
    """All that the judgement rests on: wall time (s since 1970), its offset (see Memory), and what is remembered.

    `stood` is how long (s) the clock has been synchronised without a break; `was_set` while the hub ran, or was not.
    """

    wall: float
    offset: float
    evidence: Evidence
    memory: Memory
    stood: float = 0.0
    was_set: bool = False


class Verdict(NamedTuple):
    """Whether the clock is trusted, and why: how a sentence about it goes on."""

    trusted: bool
    why: str


def judge(facts: Facts) -> Verdict:
    """Judge a wall clock; whatever speaks for it, it must show a time that can be."""
    wall, evidence, memory = facts.wall, facts.evidence, facts.memory
    if wall < RELEASED:
        return Verdict(trusted=False, why=f"it shows {shown(wall)}, which is before this hub was made")
    if wall > _OUTLIVED:
        return Verdict(trusted=False, why=f"it shows {shown(wall)}, and no hub gets that old")
    if not (why := _for_it(facts)):
        return Verdict(trusted=False, why="nobody has set it yet and the machine has no battery clock")
    if wall < memory.latest - _SLACK and not (evidence.synchronised and facts.stood >= PATIENCE):
        return Verdict(trusted=False, why=f"it shows {shown(wall)}, but it has shown {shown(memory.latest)} before")
    return Verdict(trusted=True, why=why)


def remember(facts: Facts) -> Memory:
    """What to remember of a clock that is trusted; a time far ahead that it was wrong about is forgotten."""
    latest = facts.memory.latest
    return Memory(
        max(facts.wall, latest) if facts.wall >= latest - _SLACK else facts.wall, facts.evidence.boot, facts.offset
    )


def shown(wall: float) -> str:
    """A wall time (s since 1970) to the minute."""
    try:
        return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return "a time out of all bounds"


def _for_it(facts: Facts) -> str:
    """What speaks for the clock, the strongest first; empty if nothing does."""
    evidence, memory = facts.evidence, facts.memory
    if evidence.synchronised:
        return "a time server keeps it"
    if evidence.battery:
        return "the machine has a battery clock"
    if facts.was_set:
        return (
            "somebody has set it while the hub ran"  # who does so knows the time: a person, where there is no Internet
        )
    if memory.boot == evidence.boot != "" and abs(facts.offset - memory.offset) < JUMP:
        return "it was right before and nobody has set it since"
    return ""
