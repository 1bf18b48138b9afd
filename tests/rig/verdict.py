"""Holds what a cut has left against what was promised: by the hub's own code, on a copy of the disk."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

from hub.bus import EventBus
from hub.errors import StorageError
from hub.journal import KINDS, Record
from hub.journal.file import JournalFile
from hub.journal.retention import AGE, SPACE
from hub.state import StateEngine
from hub.storage.file import SCHEMA, Schema
from hub.storage.values import decode
from hub.testing import ManualClock
from tests.rig.house import Plan, plain
from tests.rig.ledger import Ledger, Moments, Seen, not_covered, said

_SLACK = 0.1  # seconds that a commit itself may take, with what it waits for
_ALARM = KINDS.index("alarm")

type Opener = Callable[..., sqlite3.Connection]


class Verdict:
    """What one cut did. Each fault begins with its kind: corrupt, lost, torn, reused, late or refused.

    `windows` are the ages (s) that the oldest of what was lost had when the power went.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.lost = 0
        self.windows = {"storage": 0.0, "journal": 0.0, "alarm": 0.0, "state": 0.0}

    def lose(self, what: str, count: int) -> None:
        if count:
            self.lost += count
            self.faults.append(f"lost: {count} of {what} that were acknowledged as durable")

    def blame(self, kind: str, text: str) -> None:
        self.faults.append(f"{kind}: {text}")


class Found(NamedTuple):
    """What a disk holds after a cut."""

    storage: dict[tuple[str, str], Any]
    states: dict[str, Any]
    last: int


def judge(ledger: Ledger, plan: Plan, opener: Opener, folder: Any, cut: float) -> tuple[Verdict, Found | None]:  # noqa: ANN401
    """Open both files, look for damage, and compare; `cut` is when the power went, by the house's clock."""
    verdict = Verdict()
    verdict.faults += ledger.faults
    try:
        found = _found(verdict, ledger, plan, opener, folder, cut)
    except (StorageError, sqlite3.Error) as error:
        verdict.blame("corrupt", f"a file cannot be opened or read: {error}")
        return verdict, None
    return verdict, found


def _found(verdict: Verdict, ledger: Ledger, plan: Plan, opener: Opener, folder: Any, cut: float) -> Found:  # noqa: ANN401
    with closing(opener(folder / "hub.db", SCHEMA)) as connection:
        _check(verdict, connection, "hub.db")
        rows = connection.execute("SELECT namespace, key, value, expires FROM kv WHERE namespace <> ''").fetchall()
    storage = {(namespace, key): (value, expires is not None) for namespace, key, value, expires in rows}
    _moment(verdict, "storage", "values", ledger.storage, storage, cut)

    opened: list[sqlite3.Connection] = []

    def open_file(path: Any, schema: Schema, *, may_make: bool) -> sqlite3.Connection:  # noqa: ANN401
        opened.append(opener(path, schema, may_make=may_make))
        return opened[-1]

    file = JournalFile(folder / "telemetry.db", plan.limits, open_file)
    file.open()
    try:
        _check(verdict, opened[-1], "telemetry.db")
        _events(verdict, ledger, file, cut)
        for (namespace, key), (value, _) in storage.items():
            if namespace == "_journal" and key.startswith("cursor/") and decode(namespace, key, value) > file.last:
                verdict.blame("corrupt", f"{key} stands behind the last event, {file.last}")
        states = _restored(file)
        if file.repaired:
            verdict.blame("corrupt", file.repaired)
    finally:
        file.close()
    _moment(verdict, "state", "states", ledger.states, states, cut)
    _hold_windows(verdict, plan)
    return Found(storage, states, file.last)


def _check(verdict: Verdict, connection: sqlite3.Connection, name: str) -> None:
    [(said_,), *_] = connection.execute("PRAGMA integrity_check(3)").fetchall()
    if said_ != "ok":
        verdict.blame("corrupt", f"{name}: {said_}")


def _moment[K: (str, tuple[str, str])](
    verdict: Verdict, window: str, what: str, moments: Moments[K], found: dict[K, Any], cut: float
) -> None:
    """See that a map is as it was at one moment, behind all that was promised."""
    held = moments.last_held(found)
    if held is None:
        lost = moments.broken(found)
        verdict.lose(what, lost)
        if not lost:
            verdict.blame("torn", f"the {what} never were together what they are now")
        return
    if held < moments.promised:
        verdict.lose(what, moments.broken(found) or moments.promised - held)
    if held < len(moments.steps):
        verdict.windows[window] = cut - moments.steps[held][0]


def _restored(file: JournalFile) -> dict[str, Any]:
    state = StateEngine(EventBus(), ManualClock())
    state.restore(file.states())
    return {row[0]: plain(row) for row in state.rows()}


def _events(verdict: Verdict, ledger: Ledger, file: JournalFile, cut: float) -> None:
    kept = file.last - ledger.last
    if kept < 0:
        verdict.blame("reused", f"numbers up to {ledger.last} were given, and the next is {file.last + 1}")
    verdict.lose("events", max(ledger.events_promised - kept, 0))
    if kept > len(ledger.events):
        verdict.blame("corrupt", f"{kept} events were kept of {len(ledger.events)}")
    _compare(verdict, ledger, file)
    lost = ledger.events[max(kept, 0) :]
    if lost:
        verdict.windows["journal"] = cut - lost[0][0]
    if alarms := [time for time, kind, _ in lost if kind == _ALARM]:
        verdict.windows["alarm"] = cut - alarms[0]


def _compare(verdict: Verdict, ledger: Ledger, file: JournalFile) -> None:
    """See that each number is the event's that was told or read, and what is missing was dropped from the oldest on."""
    records: dict[int, Record] = {}
    after = 0
    while after < file.last:
        page = file.read(after, 1000)
        verdict.faults += not_covered(after, page)
        verdict.faults += [
            f"corrupt: records {gap.first} to {gap.last} are gone: {gap.why}"
            for gap in page.gaps
            if not {*gap.why.split(", ")} <= {AGE, SPACE}
        ]
        records |= {one.seq: one for one in page.records}
        after = page.upto
    told = {number: Seen(KINDS[kind], words) for number, (_, kind, words) in enumerate(ledger.events, ledger.last + 1)}
    for number, record in records.items():
        if (seen := ledger.seen.get(number)) is not None and seen.said != said(record):
            verdict.blame("reused", f"number {number} was another event's when it was read")
        elif number in told and told[number].said != said(record):
            verdict.blame("corrupt", f"event {number} is not what was told")
    if gone := [number for number in ledger.seen if number > file.last]:
        verdict.blame("reused", f"{len(gone)} numbers that were read will be given again")
    known = ledger.seen | {number: one for number, one in told.items() if number <= file.last}
    for kind in KINDS:
        oldest = min((one.seq for one in records.values() if one.kind == kind), default=file.last + 1)
        if holes := [no for no, one in known.items() if one.kind == kind and no > oldest and no not in records]:
            verdict.blame("corrupt", f"{len(holes)} {kind} events are missing behind older ones")


def _hold_windows(verdict: Verdict, plan: Plan) -> None:
    if plan.is_sick:  # while a disk refuses to write there is no window
        verdict.windows = dict.fromkeys(verdict.windows, 0.0)
    limits = {
        "storage": plan.storage_window,
        "alarm": 0.0,
        "journal": plan.journal_window,
        "state": plan.journal_window,
    }
    for what, limit in limits.items():
        if verdict.windows[what] > limit + _SLACK:
            verdict.blame("late", f"{what}: {verdict.windows[what]:.3f} s old and lost; the window is {limit:g} s")
