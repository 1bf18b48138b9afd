"""The journal's file: batches of events, what is missing of them, and states. Plain calls, one thread at a time.

A batch is one row under the number of its last event; there is no other index, so a commit writes little more than
its bytes. The events of one commit stand in one row for each class; `base` and `upto` are the commit's numbers.

States come back from the newest snapshot and from what was recorded after it. What events do not tell of a state (that
it is gone, that it has a ttl, that it is not recorded) stands beside the snapshot, to be laid over the events up to
`upto`.
"""

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, override

from hub.errors import StorageError
from hub.journal import reading
from hub.journal.records import KINDS, Batch, Gap, Page, Unpackable, pack_all, pack_rows
from hub.journal.retention import LOST, Limits, Retention
from hub.journal.salvage import BATCHES, is_whole, salvage
from hub.storage.aside import finish, set_aside, waiting
from hub.storage.file import FileDamagedError, Schema, open_file
from hub.storage.healing import HealingFile
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
SCHEMA = Schema("batch", ((_BATCHES, _GAPS, _STATES),), "journal", is_checked=False, page=512)
"""Small pages: a commit of a few events touches few of them, and whole ones are what is written."""

_LOG = logging.getLogger("hub.journal")

UNWRITTEN = "the disk could not be written"
UNENCODABLE = "could not be encoded"
PASSED_OVER = "passed over when a backup was restored"

_INSERT_STATES = "INSERT INTO state (is_snapshot, upto, data) VALUES (?, ?, ?)"
_INSERT = "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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


class JournalFile(HealingFile):
    """One file. Its methods raise StorageError, and nothing of the call has happened then.

    A damaged file is set aside, and what can be read of it goes into a new one.
    """

    def __init__(self, path: Path, limits: Limits, opener: Callable[..., sqlite3.Connection] = open_file) -> None:
        super().__init__(path, self._opened)
        self.last = 0
        self.is_over = False  # its limits cannot be kept before the next snapshot
        self.shares: Counter[str] = Counter()  # bytes added, by the source of the events; replaced, never changed
        self._open_file = opener
        self._limits = limits
        self._loaded: Retention | None = None
        self.unpackable: list[Unpackable] = []  # of the last commit
        self._reserved = self._given = 0
        self._snapshot = 0
        self._written = [0, 0, 0]
        self._tried: Pending | None = None
        self._tried_at = 0

    @override
    def open(self, reserved: int = 0, given: int = 0) -> None:
        """Open or make the file. Numbers up to `reserved` may have been given, and `given` certainly was.

        If the file is lost, or an older one, what is not here of those up to `reserved` is a gap.
        """
        self._reserved, self._given = reserved, given
        super().open()

    def _opened(self, may_make: bool) -> sqlite3.Connection:  # noqa: FBT001 - as all openers
        return self._open_file(self.path, SCHEMA, may_make=may_make)

    @property
    def is_loaded(self) -> bool:
        """Whether `last` is what the file says: it was there since `open`, at least once."""
        return self._loaded is not None

    @property
    def _retention(self) -> Retention:
        if self._loaded is None:
            raise StorageError(f"{self.path} is not open")
        return self._loaded

    def check(self, after: int = 0) -> int:
        """Look through a stretch behind `after`; returns where to go on, 0 at the end. Raises StorageError."""
        return self._read(partial(self._look, after))

    def _look(self, after: int, db: sqlite3.Connection) -> int:
        if not after:
            db.execute("PRAGMA shrink_memory")  # what SQLite remembers says nothing about the disk
        found = db.execute(f"{BATCHES} LIMIT 100", (after,)).fetchall()
        if not all(map(is_whole, found)) or (found and found[-1][0] <= after):
            raise FileDamagedError(f"storage {self.path} is damaged (a batch)")
        if found:
            return int(found[-1][0])
        if self._stored(db) + sum(gap.count for gap in self.missing()) != self.last:
            raise FileDamagedError(f"storage {self.path} is damaged (its gaps)")
        return 0

    def _read[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work`, which finds nonsense only in a damaged file."""

        def sane(db: sqlite3.Connection) -> T:
            with self._sane():
                return work(db)

        return self.attempt("read", sane)

    @contextmanager
    def _sane(self) -> Iterator[None]:
        try:
            yield
        except (TypeError, ValueError, LookupError, OverflowError) as error:
            raise FileDamagedError(f"storage {self.path} is damaged ({error})") from error
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise FileDamagedError(f"storage {self.path} is damaged ({error})") from error
            raise

    @override
    def _load(self, db: sqlite3.Connection) -> None:
        with self._sane():
            self._take_up(db)

    def _take_up(self, db: sqlite3.Connection) -> None:
        db.isolation_level = None
        db.text_factory = _text
        db.execute("PRAGMA secure_delete = OFF")  # zeroing what is dropped would double what is written
        tail = db.execute(_TAIL).fetchone() or (0, 0, 0, 0)
        gone = db.execute("SELECT ifnull(max(last), 0) FROM gap").fetchone()[0]
        dropped = dict(db.execute("SELECT kind, sum(bytes) FROM gap GROUP BY kind").fetchall())
        # Of a class of which something behind the tail was dropped, all before that was dropped as well.
        self._written = [max(written, dropped.get(kind, 0)) for kind, written in enumerate(tail[1:])]
        self._snapshot = db.execute("SELECT ifnull(max(upto), 0) FROM state WHERE is_snapshot").fetchone()[0]
        self._loaded = Retention(db, self._limits, self._written)
        last = max(tail[0], gone)
        # Numbers that may have been given and are not here: only of a file that is new, or older than what is known.
        is_new = last == 0 and not db.execute("SELECT count(*) FROM state").fetchone()[0]
        given = self._may_be_given if is_new or last < max(self.last, self._given) else 0
        if is_new or last < given:
            with _transaction(db):
                if is_new:
                    db.execute(_INSERT_STATES, (True, 0, pack_rows([])))
                if last < given:
                    self._retention.miss(-1, LOST, last + 1, given, given - last, 0)
        self.last = max(last, given)

    @property
    def _may_be_given(self) -> int:
        return self.last or max(self._reserved, self._given)

    @override
    def _mend(self, damage: FileDamagedError) -> str:
        made = self.path.with_name(f"{self.path.name}.salvage")
        _LOG.warning("%s: what can be read of it is salvaged now", damage)
        try:
            for one in (made, made.with_name(f"{made.name}-wal")):
                one.unlink(missing_ok=True)
            return f"{str(damage).partition(';')[0]}; {self._replaced(made)}"
        except OSError as error:
            raise StorageError(f"{damage}; it cannot be set aside either: {error.strerror}") from error

    def _replaced(self, made: Path) -> str:
        try:
            with closing(self._open_file(made, SCHEMA, may_make=True)) as new:
                new.isolation_level = None
                saved = salvage(self.path, new, self._may_be_given)
        except (sqlite3.Error, StorageError) as error:
            aside = set_aside(self.path)
            return f"it was set aside as {aside.name} and a new one begun; nothing could be salvaged ({error})"
        made.replace(waiting(self.path))
        aside = finish(self.path) or self.path
        return f"it was set aside as {aside.name} and a new one begun, with {saved} events that could be salvaged"

    def store(self, pending: Pending) -> int:
        """Keep all of `pending` in one commit and return the newest number; it is on the disk then.

        Doing it again after a failure does no harm: a commit that failed at its end may be found in the file.
        """
        return self.attempt("write", lambda db: self._store(db, pending))

    def _store(self, db: sqlite3.Connection, pending: Pending) -> int:
        if pending is self._tried and self.last > self._tried_at:
            return self.last
        self._tried, self._tried_at = pending, self.last
        last, written = self.last, [*self._written]
        shares: Counter[str] = Counter()
        try:
            with _transaction(db):
                for kind, count in enumerate(pending.dropped):
                    if count:
                        self._retention.miss(kind, UNWRITTEN, last + 1, last + count, count, pending.now)
                        last += count
                last = self._put(db, pending, last, shares)
                if pending.is_snapshot:
                    db.execute("DELETE FROM state")
                if pending.states or pending.is_snapshot:
                    rows = pack_rows(pending.states)
                    db.execute(_INSERT_STATES, (pending.is_snapshot, last, rows))
                    shares["hub"] += len(rows)
                upto = last if pending.is_snapshot else self._snapshot
                self.is_over = not self._retention.keep_within(pending.now, upto, trusted=pending.trusted)
        except BaseException:
            self._roll_back(written)
            raise
        self.last = last
        self.shares = self.shares + shares
        if pending.is_snapshot:
            self._snapshot = last
        return last

    def _roll_back(self, written: list[int]) -> None:
        self._written[:] = written
        try:
            self._retention.load()
        except sqlite3.Error:  # it must be opened anew, or what was not dropped would count as gone
            self._let_go()

    def _put(self, db: sqlite3.Connection, pending: Pending, last: int, shares: Counter[str]) -> int:
        by_kind: dict[int, tuple[list[int], list[Event]]] = {}
        for seq, (kind, event) in enumerate(pending.events, last + 1):
            seqs, events = by_kind.setdefault(kind, ([], []))
            seqs.append(seq)
            events.append(event)
        upto = last + len(pending.events)
        batches: list[tuple[int, Batch]] = []
        self.unpackable = []
        for kind, (seqs, events) in by_kind.items():
            packed, outside = pack_all(kind, seqs, events)
            batches += [(kind, one) for one in packed]
            self._written[kind] += sum(len(data) for *_, data in packed)
            self.unpackable += outside
        for one in self.unpackable:
            self._retention.miss(one.kind, UNENCODABLE, one.seq, one.seq, 1, pending.now)
        for kind, (numbers, told, data) in batches:
            for source, count in Counter(event.source for event in told).items():
                shares[source] += len(data) * count // len(told)
            span = told[0].time, told[-1].time
            db.execute(
                _INSERT, (numbers[-1], last + 1, upto, kind, len(numbers), *span, pending.trusted, *self._written, data)
            )
        return upto

    def read(self, after: int, limit: int) -> Page:
        """What follows the number `after`: at most `limit` records, in order, and what is missing between them."""
        return self._read(lambda db: reading.read(db, after, limit, self.last, self._retention.why))

    def pass_over(self, count: int) -> None:
        """Give none of the next `count` numbers: the file is of an earlier time, and they may have been given since."""
        self.attempt("write", partial(self._pass_over, count))

    def _pass_over(self, count: int, db: sqlite3.Connection) -> None:
        with _transaction(db):
            self._retention.miss(-1, PASSED_OVER, self.last + 1, self.last + count, count, 0)
        self.last += count

    def states(self) -> list[Any]:
        """Rows of states, a later one lies over a former. What is damaged is left out."""
        return self._read(lambda db: [*reading.states(db, self.last)])

    def missing(self) -> list[Gap]:
        """All that is gone, summed up by class and reason."""
        return self._loaded.gaps() if self._loaded else []

    def backup(self, target: sqlite3.Connection) -> None:
        """Copy the file into another database."""
        self.attempt("copy", lambda db: db.backup(target))

    def stored(self) -> int:
        """How many records there are; it reads the whole file."""
        return self._read(self._stored)

    @staticmethod
    def _stored(db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT ifnull(sum(count), 0) FROM batch").fetchone()[0])

    @property
    def kept_bytes(self) -> list[int]:
        """Bytes of batches there are, by class."""
        return self._loaded.kept() if self._loaded else [0] * len(KINDS)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


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
