"""`hub journal`: what it shows."""

from typing import Any

from tests.hub.cli.conftest import Terminal

STATS: dict[str, Any] = {
    "last": 1200,
    "missing": 30,
    "waiting": 0,
    "commits": 9,
    "bytes": {"alarm": 10, "normal": 2500, "bulk": 0},
    "failure": "",
    "repaired": "",
}
GAP = {"first": 3, "last": 40, "count": 30, "why": "no space left for it"}


async def test_its_status_tells_what_is_gone_and_who_is_behind(terminal: Terminal) -> None:
    async def journal() -> dict[str, Any]:
        return {"stats": STATS, "cursors": {"sync": 1000}, "gaps": [GAP]}

    terminal.hub.offer("hub.journal", journal)
    done = await terminal.run("journal", "status")
    assert done.lines == [
        "Newest:  number 1200",
        "Alarm:   10 B",
        "Normal:  2.5 kB",
        "Bulk:    0 B",
        "",
        "Gone  Between  Why",
        "30    3 to 40  no space left for it",
        "",
        "Cursor  Has read  Behind",
        "sync    1000      200",
    ]
    assert (await terminal.run("journal", "status", "--json")).json["gaps"] == [GAP]


async def test_events_are_read_in_order_with_what_is_missing_between(terminal: Terminal) -> None:
    asked: list[tuple[int, int, str, str]] = []

    async def read(
        after: int = 0,
        limit: int = 1000,
        type: str = "**",  # noqa: A002 - the service's word
        subject: str = "#",
    ) -> dict[str, Any]:
        asked.append((after, limit, type, subject))
        record = {"type": "a.b", "subject": "x", "source": "it", "time": 0, "kind": "normal"}
        records = [
            {**record, "seq": 2, "data": {"v": 1}, "trusted": True},
            {**record, "seq": 41, "data": 2, "trusted": False},
        ]
        return {"records": records, "gaps": [GAP], "upto": 41}

    terminal.hub.offer("hub.read_journal", read)
    done = await terminal.run("journal", "read", "--after", "1", "--count", "5", "--type", "a.*", "--subject", "+")
    assert asked == [(1, 5, "a.*", "+")]
    numbers = [line.split()[0] for line in done.lines[1:]]
    assert numbers == ["2", "3", "41"]
    assert "30 are gone: no space left for it" in done.lines[2]
    assert "?" in done.lines[3]
    assert "?" not in done.lines[1]
    assert (await terminal.run("journal", "read", "--json")).json["upto"] == 41
