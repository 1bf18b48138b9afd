"""The journal's file: batches of events, what is missing of them, and states. Plain calls, one thread at a time.

A batch is one row under the number of its last event; there is no other index, so a commit writes little more than
its bytes. The events of one commit stand in one row for each class; `base` and `upto` are the commit's numbers.

States come back from the newest snapshot and from what was recorded after it. What events do not tell of a state (that
it is gone, that it has a ttl, that it is not recorded) stands beside the snapshot, to be laid over the events up to
`upto`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from hub.errors import StorageError
from hub.journal.records import KINDS, Gap, Page, Record, pack, pack_rows, unpack, unpack_rows
from hub.journal.retention import Limits, Retention
from hub.storage.file import Schema, open_file
from hub.types import Event

_BATCHES = """
    CREATE TABLE batch (last INTEGER PRIMARY KEY, base INTEGER NOT NULL, upto INTEGER NOT NULL, kind INTEGER NOT NULL,
    count INTEGER NOT NULL, begun INTEGER NOT NULL, ended INTEGER NOT NULL, trusted INTEGER NOT NULL,
    bytes_alarm INTEGER NOT NULL, bytes_normal INTEGER NOT NULL, bytes_bulk INTEGER NOT NULL, data BLOB NOT NULL)
"""
_GAPS = """
    CREATE TABLE gap (kind INTEGER NOT NULL, why TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    count INTEGER NOT NULL, bytes INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (kind, why)) WITHOUT ROWID
"""
_STATES = """
    CREATE TABLE state (id INTEGER PRIMARY KEY, is_snapshot INTEGER NOT NULL, upto INTEGER NOT NULL, data BLOB NOT NULL)
"""
SCHEMA = Schema("batch", ((_BATCHES, _GAPS, _STATES),), "journal", is_checked=False, page=1024)
"""Small pages: a commit of a few events touches few of them, and whole ones are what is written."""

CHANGED = "state.changed"
UNWRITTEN = "the disk could not be written"
LOST = "lost with the file"

_PAGE = 5000
_INSERT_STATES = "INSERT INTO state (is_snapshot, upto, data) VALUES (?, ?, ?)"
_INSERT = "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_NEXT = "SELECT base, upto FROM batch WHERE last > ? ORDER BY last LIMIT 1"
_COMMIT = "SELECT kind, trusted, data FROM batch WHERE last > ? AND last <= ? ORDER BY last"
_TAIL = "SELECT upto, bytes_alarm, bytes_normal, bytes_bulk FROM batch ORDER BY last DESC LIMIT 1"


class Pending(NamedTuple):
    """What one commit is to take: events with their class, in order, and how many were dropped before, by class.

    `states` are rows of changed states that the events do not tell; with `is_snapshot` they are all states there are.
    """

    events: Sequence[tuple[int, Event]]
    states: Sequence[Any]
    is_snapshot: bool = False
    dropped: Sequence[int] = (0, 0, 0)
    now: int = 0
    trusted: bool = True


class JournalFile:
    """One file. Every method may raise sqlite3.Error; after that nothing of the call has happened."""

    def __init__(
        self, path: Path, limits: Limits, opener: Callable[[Path, Schema], sqlite3.Connection] = open_file
    ) -> None:
        self.path = path
        self.last = 0
        self.is_over = False  # its limits cannot be kept before the next snapshot
        self._opener = opener
        self._limits = limits
        self._db: sqlite3.Connection | None = None
        self._snapshot = 0
        self._written = [0, 0, 0]

    def open(self, reserved: int = 0) -> None:
        """Open or make the file. Numbers up to `reserved` may have been given: what is not here of them is a gap.

        Raises StorageError, with a sentence.
        """
        db = self._opener(self.path, SCHEMA)
        try:
            db.isolation_level = None
            db.execute("PRAGMA secure_delete = OFF")  # zeroing what is dropped would double what is written
            tail = db.execute(_TAIL).fetchone() or (0, 0, 0, 0)
            gone = db.execute("SELECT ifnull(max(last), 0) FROM gap").fetchone()[0]
        except BaseException:
            db.close()
            raise
        self._db = db
        self.last, self._written = max(tail[0], gone), list(tail[1:])
        self._snapshot = db.execute("SELECT ifnull(max(upto), 0) FROM state WHERE is_snapshot").fetchone()[0]
        self._retention = Retention(db, self._limits, self._written)
        if self.last == 0 < reserved:
            with _transaction(db):
                self._retention.miss(0, LOST, 1, reserved, reserved, 0)
            self.last = reserved

    def close(self) -> None:
        """Close it; closing twice does no harm."""
        if self._db is not None:
            db, self._db = self._db, None
            db.close()

    def store(self, pending: Pending) -> int:
        """Keep all of `pending` in one commit and return the newest number; it is on the disk then."""
        db = self._open
        last, written = self.last, [*self._written]
        try:
            with _transaction(db):
                for kind, count in enumerate(pending.dropped):
                    if count:
                        self._retention.miss(kind, UNWRITTEN, last + 1, last + count, count, pending.now)
                        last += count
                last = self._put(db, pending, last)
                if pending.is_snapshot:
                    db.execute("DELETE FROM state")
                if pending.states or pending.is_snapshot:
                    db.execute(_INSERT_STATES, (pending.is_snapshot, last, pack_rows(pending.states)))
                upto = last if pending.is_snapshot else self._snapshot
                self.is_over = not self._retention.keep_within(pending.now, upto, trusted=pending.trusted)
        except BaseException:
            self._written[:] = written
            self._retention.load()
            raise
        self.last = last
        if pending.is_snapshot:
            self._snapshot = last
        return last

    def _put(self, db: sqlite3.Connection, pending: Pending, last: int) -> int:
        by_kind: dict[int, tuple[list[int], list[Event]]] = {}
        for seq, (kind, event) in enumerate(pending.events, last + 1):
            seqs, events = by_kind.setdefault(kind, ([], []))
            seqs.append(seq)
            events.append(event)
        upto = last + len(pending.events)
        batches = {kind: pack(seqs, events) for kind, (seqs, events) in by_kind.items()}
        for kind, batch in batches.items():
            self._written[kind] += len(batch)
        for kind, batch in batches.items():
            seqs, events = by_kind[kind]
            span = events[0].time, events[-1].time
            db.execute(
                _INSERT,
                (seqs[-1], last + 1, upto, kind, len(seqs), *span, pending.trusted, *self._written, batch),
            )
        return upto

    def read(self, after: int, limit: int) -> Page:
        """What follows the number `after`: at most `limit` records, in order, and what is missing between them."""
        db = self._open
        records: list[Record] = []
        upto = after
        while len(records) < limit and (found := db.execute(_NEXT, (upto,)).fetchone()):
            some: list[Record] = []
            for kind, trusted, data in db.execute(_COMMIT, (upto, found[1])):
                some += self._unpacked(data, kind, trusted=bool(trusted))
            records += sorted((one for one in some if one.seq > upto), key=lambda one: one.seq)
            upto = found[1]
        if len(records) < limit:
            upto = max(self.last, upto)
        elif len(records) > limit:
            upto = records[limit - 1].seq
            del records[limit:]
        return Page(records, self._gaps(after, records, upto), upto)

    def _unpacked(self, data: bytes, kind: int, *, trusted: bool) -> list[Record]:
        try:
            return unpack(data, KINDS[kind], trusted=trusted)
        except StorageError:
            return []  # the reader sees a gap

    def _gaps(self, after: int, records: list[Record], upto: int) -> list[Gap]:
        gaps: list[Gap] = []
        for seq in (*(one.seq for one in records), upto + 1):
            if seq > after + 1:
                first, last = after + 1, seq - 1
                gaps.append(Gap(first, last, last - first + 1, self._retention.why(first, last)))
            after = seq
        return gaps

    def missing(self) -> list[Gap]:
        """All that is gone, summed up by class and reason."""
        return self._retention.gaps()

    def states(self) -> Iterator[Any]:
        """Rows of states, a later one lies over a former. What is damaged is left out."""
        db = self._open
        after = 0
        for is_snapshot, upto, data in db.execute("SELECT is_snapshot, upto, data FROM state ORDER BY id").fetchall():
            if not is_snapshot:
                yield from self._changes(after, upto)
            after = upto
            with suppress(StorageError):
                yield from unpack_rows(data)
        yield from self._changes(after, self.last)

    def _changes(self, after: int, upto: int) -> Iterator[Any]:
        while after < upto:
            page = self.read(after, _PAGE)
            for one in page.records:
                if one.type == CHANGED and one.seq <= upto:
                    yield one.subject, one.data["value"], one.data["version"], one.time
            after = page.upto

    def backup(self, target: sqlite3.Connection) -> None:
        """Copy the file into another database."""
        self._open.backup(target)

    def stored(self) -> int:
        """How many records there are; it reads the whole file."""
        return int(self._open.execute("SELECT ifnull(sum(count), 0) FROM batch").fetchone()[0])

    @property
    def kept_bytes(self) -> list[int]:
        """Bytes of batches there are, by class."""
        return self._retention.kept()

    @property
    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            raise StorageError(f"{self.path} is closed; the journal is there from the hub's start to its stop")
        return self._db


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
