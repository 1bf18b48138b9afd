"""What was written so far, over all runs of the hub, and what follows from it for the card."""

from collections import Counter
from typing import Annotated

import msgspec

from hub.api import HubStatistics

HUB = "hub"
_GB = 10**9
_DAY = 86_400
_YEAR = 365.25 * _DAY
_LEAST_S = 3600


class Card(msgspec.Struct, frozen=True):
    """The card: its size, how often each cell can be written, and the bytes it writes inside for each it is given."""

    bytes: int
    cycles: int
    amplification: float


class Counts(msgspec.Struct, frozen=True):
    """Bytes that the disk was given and that plugins handed in, over so many seconds."""

    seconds: float = 0.0
    disk: int = 0
    storage: dict[str, int] = {}
    journal: dict[str, int] = {}


class Kept(msgspec.Struct, frozen=True):
    """What is remembered: the `total` of all runs, and what was `seen` of the run of that name."""

    run: str = ""
    seen: Counts = Counts()
    total: Counts = Counts()


class Writer(msgspec.Struct, frozen=True):
    """A plugin, or the `hub` itself, and the bytes it had stored and added to the journal."""

    id: str
    storage_bytes: int
    journal_bytes: int


class WearReport(msgspec.Struct, frozen=True):
    """Who wrote how much in `seconds` of the hub's life, and what it means for the card.

    `disk_bytes` is what the hub's process gave to the disk, and `amplification` how often that is what was handed in.
    `years_left` is `None` before an hour has been measured, or when nothing was written.
    """

    writers: list[Writer]
    seconds: float
    disk_bytes: int
    amplification: float
    bytes_per_day: float
    card: Card
    worn_percent: float
    years_left: Annotated[float | None, msgspec.Meta(description="at the pace so far")]


def counted(figures: HubStatistics) -> Counts:
    """What one run has counted; namespaces that no plugin can have are the hub's own."""
    storage: Counter[str] = Counter()
    for name, count in figures.storage.written.items():
        storage[HUB if name.startswith("_") else name] += count
    return Counts(figures.uptime_s, figures.disk_bytes, dict(storage), dict(figures.journal.written))


def grown(kept: Kept, run: str, now: Counts) -> Kept:
    """Add what was counted since the last look; another run has counted from 0 on."""
    seen, total = kept.seen if kept.run == run else Counts(), kept.total
    return Kept(
        run,
        now,
        Counts(
            total.seconds + max(now.seconds - seen.seconds, 0.0),
            total.disk + max(now.disk - seen.disk, 0),
            _sum(total.storage, now.storage, seen.storage),
            _sum(total.journal, now.journal, seen.journal),
        ),
    )


def report(total: Counts, card: Card) -> WearReport:
    """Say what the counts mean for a card."""
    ids = sorted(total.storage.keys() | total.journal.keys())
    writers = [Writer(one, total.storage.get(one, 0), total.journal.get(one, 0)) for one in ids]
    writers.sort(key=lambda one: -one.storage_bytes - one.journal_bytes)
    handed = sum(one.storage_bytes + one.journal_bytes for one in writers)
    endures = card.bytes * card.cycles / card.amplification
    left = None
    if total.disk and total.seconds >= _LEAST_S:
        left = max(endures - total.disk, 0.0) / total.disk * total.seconds / _YEAR
    return WearReport(
        writers,
        total.seconds,
        total.disk,
        total.disk / handed if handed else 0.0,
        total.disk / total.seconds * _DAY if total.seconds else 0.0,
        card,
        min(total.disk / endures * 100, 100.0) if endures else 0.0,
        left,
    )


def card_of(gb: float, detected: int, cycles: int, amplification: float) -> Card:
    """The card of so many gigabytes (10⁹ bytes, as they are sold), or of the size that was detected."""
    return Card(round(gb * _GB) or detected, cycles, amplification)


def _sum(total: dict[str, int], now: dict[str, int], seen: dict[str, int]) -> dict[str, int]:
    found = {name: total.get(name, 0) + max(count - seen.get(name, 0), 0) for name, count in now.items()}
    return {name: count for name, count in {**total, **found}.items() if count}
