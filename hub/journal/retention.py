"""What the journal drops when its space or a class's time is over, and the record of what is gone.

When bytes run out bulk goes first and alarms last, each from its oldest on. Age counts by the wall clock, so nothing
is dropped for it while that is not trusted; and what was recorded then is as old as what was recorded next.
"""

import sqlite3
from math import inf
from typing import NamedTuple

from hub.journal.records import KINDS, Gap

DAMAGED = "damaged"
LOST = "lost with the file"
SPACE = "no space left for it"
AGE = "older than it is kept"

_USED = "SELECT page_count - freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
_OLDEST = (
    "SELECT last, base, count, length(data) FROM batch WHERE last > ? AND last <= ? AND kind = ? ORDER BY last LIMIT 64"
)
_AGED = (  # the last of the old ones in front of the first that is not
    "SELECT ifnull(max(last), 0) FROM batch WHERE last > ?1 AND last <= ?2 AND kind = ?3 AND trusted AND last < ifnull("
    "(SELECT min(last) FROM batch WHERE last > ?1 AND kind = ?3 AND trusted AND ended >= ?4), ?2 + 1)"
)
MISS = (
    "INSERT INTO gap VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET first = min(first, ?3),"
    " last = max(last, ?4), count = count + ?5, bytes = bytes + ?6, time = ?7"
)
_SPARE = 64  # part of the limit that is freed at once, so that not every commit must drop something
_AGES_EVERY = 128  # commits
_DAY = 86_400_000_000_000  # ns


class Limits(NamedTuple):
    """What the file may hold: `total` bytes in all; of each class bytes and days (0: no limit of its own)."""

    total: int
    sizes: tuple[int, int, int] = (0, 0, 0)
    days: tuple[float, float, float] = (365.0, 30.0, 7.0)


class Retention:
    """Keeps one file within its limits; used inside the transactions of its owner, who calls `load` after a failed one.

    `written` are the bytes of batches ever written, by class, kept up by the owner.
    """

    def __init__(self, db: sqlite3.Connection, limits: Limits, written: list[int]) -> None:
        self._db = db
        self._limits = limits
        self._written = written
        self._commits = 0
        self.load()

    def load(self) -> None:
        """Take over what the file says."""
        self._gone = {
            (kind, why): (Gap(first, last, count, why), size)
            for kind, why, first, last, count, size in self._db.execute(
                "SELECT kind, why, first, last, count, bytes FROM gap"
            )
        }
        self._dropped_to = [0, 0, 0]
        for (kind, why), (gap, _) in self._gone.items():
            if why in {SPACE, AGE}:
                self._dropped_to[kind] = max(self._dropped_to[kind], gap.last)

    def miss(self, kind: int, why: str, first: int, last: int, count: int, now: int, size: int = 0) -> None:  # noqa: PLR0913, PLR0917
        """Write down that `count` records between two numbers are gone; `kind` is below 0 for all classes."""
        self._db.execute(MISS, (kind, why, first, last, count, size, now))
        known, bytes_ = self._gone.get((kind, why), (Gap(first, last, 0, why), 0))
        grown = Gap(min(known.first, first), max(known.last, last), known.count + count, why)
        self._gone[kind, why] = grown, bytes_ + size

    def gaps(self) -> list[Gap]:
        """All that is gone, one for each class and reason."""
        return sorted((gap for gap, _ in [*self._gone.values()]), key=lambda gap: gap.first)

    def why(self, first: int, last: int) -> str:
        """Say why records between two numbers are missing."""
        reasons = {gap.why for gap, _ in [*self._gone.values()] if gap.first <= last and first <= gap.last}
        return ", ".join(sorted(reasons)) or DAMAGED

    def kept(self) -> list[int]:
        """Bytes of the batches that are there, by class."""
        sizes = [*self._written]
        for (kind, _), (_, size) in [*self._gone.items()]:
            if kind >= 0:
                sizes[kind] -= size
        return sizes

    def keep_within(self, now: int, upto: int, *, trusted: bool) -> bool:
        """Drop what is over the limits, of the numbers up to `upto`: states are restored from the rest.

        Says whether the limit of the whole file is kept now.
        """
        self._commits += 1
        limits = self._limits
        if trusted and self._commits % _AGES_EVERY == 1:
            for kind, days in enumerate(limits.days):
                if days:
                    place = self._dropped_to[kind], upto, kind, now - int(days * _DAY)
                    self._drop(kind, AGE, now=now, upto=self._db.execute(_AGED, place).fetchone()[0])
        for kind, most in enumerate(limits.sizes):
            if most and (over := self.kept()[kind] - most) > 0:
                self._drop(kind, SPACE, now=now, upto=upto, spare=over + most // _SPARE)
        for kind in reversed(range(len(KINDS))):
            if (over := self._used() - limits.total) > 0:
                self._drop(kind, SPACE, now=now, upto=upto, spare=over + limits.total // _SPARE)
        return self._used() <= limits.total

    def _used(self) -> int:
        pages, size = self._db.execute(_USED).fetchone()
        return int(pages * size)

    def _drop(self, kind: int, why: str, *, now: int, upto: int, spare: float = inf) -> None:
        """Drop the oldest batches of a class up to a number: all, or about `spare` bytes of them."""
        while self.kept()[kind] > 0 and spare > 0:
            found = self._db.execute(_OLDEST, (self._dropped_to[kind], upto, kind)).fetchall()
            taken: list[tuple[int, int, int, int]] = []
            for one in found:
                if spare <= 0:
                    break
                spare -= one[3]
                taken.append(one)
            if not taken or taken[-1][0] <= self._dropped_to[kind]:
                return
            self._db.executemany("DELETE FROM batch WHERE last = ?", [(last,) for last, *_ in taken])
            counts, sizes = sum(one[2] for one in taken), sum(one[3] for one in taken)
            self.miss(kind, why, taken[0][1], taken[-1][0], counts, now, sizes)
            self._dropped_to[kind] = taken[-1][0]
