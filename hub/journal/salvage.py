"""What can be read of a damaged journal, for a new file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from hub.errors import StorageError
from hub.journal.records import KINDS, unpack
from hub.journal.retention import DAMAGED, LOST, MISS

_MOST = 2**63 - 1
_NUMBERS = 2**53  # more than any journal gives
BATCHES = "SELECT last, base, upto, kind, count, begun, ended, trusted, data FROM batch WHERE last > ? ORDER BY last"
_STATES = "SELECT id, is_snapshot, upto, data FROM state WHERE id > ? ORDER BY id"
_GAPS = "SELECT kind, why, first, last, count, bytes, time FROM gap"


def salvage(path: Path, new: sqlite3.Connection, given: int = 0) -> int:
    """Copy what can be read of the file at `path` into `new`, in one commit; returns how many events were saved.

    What is missing between them that no gap told before is a gap now, and so are the numbers behind them up to `given`.
    """
    with closing(sqlite3.connect(path, timeout=1.0)) as old:
        new.execute("BEGIN")
        old.text_factory = bytes
        gaps = _gaps(old)
        new.executemany("INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?, ?)", gaps)
        written = [sum(gap[5] for gap in gaps if gap[0] == kind) for kind in range(len(KINDS))]
        leaps: list[int] = []
        saved = upto = 0
        for row in _readable(old, BATCHES, leaps):
            if not is_whole(row) or row[1] <= upto != row[2]:
                leaps += [upto + 1, row[0]]
                continue
            _, _, upto, kind, count, *_, data = row
            written[kind] += len(data)
            new.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row[:-1], *written, data))
            saved += count
        for row in _readable(old, _STATES, []):
            if (*map(type, row),) == (int, int, int, bytes):
                new.execute("INSERT INTO state VALUES (?, ?, ?, ?)", row)
        last = max(upto, *(gap[3] for gap in gaps), 0)
        lost = last - saved - sum(gap[4] for gap in gaps)
        if lost < 0:  # the gaps are nonsense
            new.execute("DELETE FROM gap")
            last, lost, leaps = upto, upto - saved, []
        if lost > 0:
            first, end = (min(leaps[0], last), min(max(leaps), last)) if leaps else (1, last)
            new.execute(MISS, (-1, DAMAGED, first, end, lost, 0, 0))
        if last < given:  # in the same commit: after a power cut nothing would tell that the file is not as it was
            new.execute(MISS, (-1, LOST, last + 1, given, given - last, 0, 0))
        new.execute("COMMIT")
    return saved


def is_whole(row: tuple[Any, ...]) -> bool:
    """Whether a row of BATCHES is what was written."""
    if (*map(type, row),) != (*(int,) * 8, bytes):
        return False
    last, base, upto, kind, count, *_, data = row
    try:
        records = unpack(data, KINDS[kind], trusted=True)
    except (StorageError, LookupError):
        return False
    return base <= records[0].seq and (records[-1].seq, len(records)) == (last, count) and last <= upto


def _gaps(db: sqlite3.Connection) -> list[Any]:
    with suppress(sqlite3.Error, UnicodeDecodeError):
        rows = [(kind, str(why, errors="replace"), *rest) for kind, why, *rest in db.execute(_GAPS)]
        if all((*map(type, row),) == (int, str, *(int,) * 5) and 0 < row[2] <= row[3] < _NUMBERS for row in rows):
            return rows
    return []


def _readable(db: sqlite3.Connection, query: str, leaps: list[int]) -> Iterator[tuple[Any, ...]]:
    """All rows that can be read, in order of their first column; `leaps` gets where what cannot be read is."""
    after = -1
    while (found := _next(db, query, after))[0] is not None:
        row, is_leap = found
        yield row
        if is_leap:
            leaps += [after + 1, row[0]]
        after = row[0]


def _next(db: sqlite3.Connection, query: str, after: int) -> tuple[Any, bool]:
    """Give the first row behind `after` that can be read, and whether it had to leap; `None`: there is no more."""

    def tried(place: int) -> tuple[bool, Any]:
        with suppress(sqlite3.Error, UnicodeDecodeError):
            row = db.execute(f"{query} LIMIT 1", (place,)).fetchone()
            return row is None or (type(row[0]) is int and row[0] > place), row
        return False, None

    is_read, row = tried(after)
    low, step, is_leap = after, 1, not is_read
    while not is_read and low < _MOST:
        high = min(low + step, _MOST)
        is_read, row = tried(high)
        if not is_read:
            low, step = high, 2 * step
            continue
        while high - low > 1:  # the last leap was too long
            middle = (low + high) // 2
            was_read, nearer = tried(middle)
            if was_read:
                high, row = middle, nearer
            else:
                low = middle
    return row, is_leap
