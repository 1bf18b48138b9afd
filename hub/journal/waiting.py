"""What is given up of the events that wait in memory for the disk."""

from collections.abc import MutableSequence, Sequence

from hub.journal.reading import CHANGED
from hub.journal.records import KINDS
from hub.types import Event

type Waiting = tuple[int, Event]
"""An event with its class."""


def lightened(events: Sequence[Waiting], over: int, dropped: MutableSequence[int]) -> tuple[list[Waiting], set[str]]:
    """Give up `over` events, bulk first and alarms last, of each class the oldest; `dropped` counts them by class.

    Returns what is left, and the paths of states whose change no event may tell any more.
    """
    quota = [0] * len(KINDS)
    for kind in reversed(range(len(KINDS))):
        quota[kind] = min(over, sum(one[0] == kind for one in events))
        dropped[kind] += quota[kind]
        over -= quota[kind]
    kept: list[Waiting] = []
    paths: set[str] = set()
    for one in events:
        kind, event = one
        if not quota[kind]:
            kept.append(one)
            continue
        quota[kind] -= 1
        if event.type == CHANGED:
            paths.add(event.subject)
    return kept, paths
