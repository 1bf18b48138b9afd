"""How records and states are read from the journal's file."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from hub.errors import StorageError
from hub.journal.records import KINDS, Gap, Page, Record, unpack, unpack_rows

CHANGED = "state.changed"

_PAGE = 5000
_NEXT = "SELECT base, upto FROM batch WHERE last > ? ORDER BY last LIMIT 1"
_COMMIT = "SELECT kind, trusted, data FROM batch WHERE last > ? AND last <= ? ORDER BY last"
_STATES = "SELECT is_snapshot, upto, data FROM state ORDER BY id"

type Why = Callable[[int, int], str]
"""Says why records between two numbers are missing."""


def read(db: sqlite3.Connection, after: int, limit: int, newest: int, why: Why) -> Page:
    """What follows the number `after`: at most `limit` records, in order, and what is missing between them."""
    after = max(after, 0)
    if limit < 1 or after >= newest:
        return Page([], [], after)
    records: list[Record] = []
    upto = after
    while len(records) < limit and (found := db.execute(_NEXT, (upto,)).fetchone()):
        if found[1] <= upto:
            raise ValueError("its order")
        some: list[Record] = []
        for kind, trusted, data in db.execute(_COMMIT, (upto, found[1])):
            with suppress(StorageError):  # the reader sees a gap
                some += unpack(data, KINDS[kind], trusted=bool(trusted))
        records += sorted((one for one in some if one.seq > upto), key=lambda one: one.seq)
        upto = found[1]
    if len(records) < limit:
        upto = max(newest, upto)
    elif len(records) > limit:
        upto = records[limit - 1].seq
        del records[limit:]
    return Page(records, _gaps(after, records, upto, why), upto)


def _gaps(after: int, records: list[Record], upto: int, why: Why) -> list[Gap]:
    gaps: list[Gap] = []
    for seq in (*(one.seq for one in records), upto + 1):
        if seq > after + 1:
            first, last = after + 1, seq - 1
            gaps.append(Gap(first, last, last - first + 1, why(first, last)))
        after = seq
    return gaps


def states(db: sqlite3.Connection, newest: int) -> Iterator[Any]:
    """Rows of states, a later one lies over a former. What is damaged is left out."""
    after = 0
    for is_snapshot, upto, data in db.execute(_STATES).fetchall():
        if not is_snapshot:
            yield from _changes(db, after, upto)
        after = upto
        with suppress(StorageError):
            yield from unpack_rows(data)
    yield from _changes(db, after, newest)


def _changes(db: sqlite3.Connection, after: int, upto: int) -> Iterator[Any]:
    while after < upto:
        page = read(db, after, _PAGE, upto, lambda _first, _last: "")
        for one in page.records:
            if one.type == CHANGED and one.seq <= upto:
                yield one.subject, one.data["value"], one.data["version"], one.time
        after = page.upto
