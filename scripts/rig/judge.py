"""What must hold of a house after its power was cut."""

from typing import Any

import msgspec

from hub.errors import StorageError
from scripts.rig.house import JOURNAL_WINDOW, STORAGE_WINDOW, House
from scripts.rig.load import History, Load

_SLACK = 1e-6  # s, of rounding
_TOLD = 10  # faults that are told one by one


class Report(msgspec.Struct):
    """What came of it; the first three must be as they are. Times are of the hub's own clock."""

    cuts: int = 0
    lost_acknowledged: int = 0
    corrupt: int = 0
    other_faults: int = 0
    max_window_s: float = 0.0
    window_s: float = JOURNAL_WINDOW
    max_storage_window_s: float = 0.0
    storage_window_s: float = STORAGE_WINDOW
    durable_writes: int = 0
    lost_in_window: int = 0
    events: int = 0
    gaps: int = 0
    faults: list[str] = []

    def fault(self, kind: str, text: str) -> None:
        """Count a fault of a kind, which is the name of its count."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.faults) < _TOLD:
            self.faults.append(text)

    @property
    def is_good(self) -> bool:
        """Whether the hub's promise was kept."""
        return not (self.lost_acknowledged or self.corrupt or self.other_faults) and (
            self.max_window_s <= self.window_s + _SLACK and self.max_storage_window_s <= self.storage_window_s + _SLACK
        )


class Judge:
    """Looks at one disk after each of its cuts; `name` tells it from others."""

    def __init__(self, report: Report, name: str) -> None:
        self._report = report
        self._name = name
        self._seen: dict[int, Any] = {}
        self._place = 0

    def remember(self, load: Load) -> None:
        """Take note of what readers have seen, for good."""
        self._seen |= load.seen
        self._place = max(self._place, load.place)

    async def look(self, house: House, load: Load, cut_at: float) -> None:
        """Compare what is there with what was told before the cut."""
        try:
            await house.check()
        except StorageError as error:
            self._fault("corrupt", str(error))
            return
        for key, history in load.keys.items():
            self._history(history, await house.space.get(key), cut_at, key)
        for path, history in load.states.items():
            self._history(history, house.state.get(path), cut_at, path)
        await self._pairs(house, load)
        records = await self._records(house)
        self._numbers(records, house.file.last, load)
        self._events(house.file.last, load, cut_at)
        cursor = await house.journal.cursor("rig")
        if not self._place <= cursor.place <= house.file.last:
            self._fault("lost_acknowledged", f"the cursor is at {cursor.place}, not behind {self._place}")

    def _fault(self, kind: str, text: str) -> None:
        self._report.fault(kind, f"{self._name}, cut {self._report.cuts}: {text}")

    def _history(self, history: History, value: Any, cut_at: float, what: str) -> None:  # noqa: ANN401
        places = [place for place, one in enumerate(history.writes) if one.value == value]
        if not places:
            self._fault("other_faults", f"{what} is {value!r}, which it never was")
            return
        place = places[-1]
        if place < history.sure:
            self._fault("lost_acknowledged", f"{what} is {value!r}, and {history.writes[history.sure]} was durable")
        if place < history.told:
            self._age(cut_at - history.writes[place + 1].at, is_state=what.startswith("state/"))

    def _age(self, age: float, *, is_state: bool) -> None:
        report = self._report
        report.lost_in_window += 1
        if is_state:
            report.max_window_s = max(report.max_window_s, age)
        else:
            report.max_storage_window_s = max(report.max_storage_window_s, age)

    async def _pairs(self, house: House, load: Load) -> None:
        for key in {key.rpartition("/")[0] for key in load.keys if key.startswith("pair/")}:
            both = await house.space.get_many([f"{key}/a", f"{key}/b"])
            if both.get(f"{key}/a") != both.get(f"{key}/b"):
                self._fault("other_faults", f"the transaction {key} is torn: {both}")

    async def _records(self, house: House) -> dict[int, Any]:
        """All records by number; with the gaps they must make up all numbers there are."""
        records: dict[int, Any] = {}
        gaps = upto = 0
        while (page := await house.journal.read(upto, 5000)).upto > upto:
            records |= {one.seq: (one.type, one.subject, one.data) for one in page.records}
            gaps += sum(gap.count for gap in page.gaps)
            upto = page.upto
        self._report.gaps += gaps
        last, missing = house.file.last, sum(gap.count for gap in house.file.missing())
        if not len(records) + missing == len(records) + gaps == last:
            self._fault("other_faults", f"of {last} there are {len(records)}, {gaps} in gaps, and {missing} missing")
        return records

    def _numbers(self, records: dict[int, Any], last: int, load: Load) -> None:
        """No number tells of another event than it did, or was to."""
        first = load.house.first
        given = {first + 1 + place: one[:3] for place, one in enumerate(load.house.published)}
        for seq, one in (self._seen | {seq: one for seq, one in given.items() if seq <= last}).items():
            if seq > last:
                self._fault("lost_acknowledged", f"{seq} was read, and the last is {last}")
            elif records.get(seq, one) != one:
                self._fault("other_faults", f"{seq} was {one}, and is {records[seq]}")

    def _events(self, last: int, load: Load, cut_at: float) -> None:
        """What was flushed is there, and what is not is younger than the window."""
        kept = last - load.house.first
        if kept < load.flushed:
            self._fault("lost_acknowledged", f"{load.flushed - kept} events that were flushed")
        if 0 <= kept < len(load.house.published):
            self._age(cut_at - load.house.published[kept][3], is_state=True)
