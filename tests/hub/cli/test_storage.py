"""`hub storage`: what it shows."""

from typing import Any

from hub.api import HubError
from tests.hub.cli.conftest import Terminal

FOUND: dict[str, Any] = {
    "writers": [
        {"id": "zigbee", "storage_bytes": 1_250_000, "journal_bytes": 999},
        {"id": "hub", "storage_bytes": 0, "journal_bytes": 3_000_000_000},
    ],
    "seconds": 93_784.0,
    "disk_bytes": 5_120_000,
    "amplification": 2.519,
    "bytes_per_day": 4_716_801.2,
    "card": {"bytes": 31_914_983_424, "cycles": 1000, "amplification": 4.0},
    "worn_percent": 0.0641,
    "years_left": 4.63,
}


def stand_in(terminal: Terminal, **other: Any) -> list[tuple[float, int]]:  # noqa: ANN401 - JSON
    asked: list[tuple[float, int]] = []

    async def report(card_gb: float = 0, cycles: int = 0) -> dict[str, Any]:
        asked.append((card_gb, cycles))
        return FOUND | other

    terminal.hub.offer("wear.report", report)
    return asked


async def test_it_shows_who_wrote_and_how_long_the_card_lasts(terminal: Terminal) -> None:
    stand_in(terminal)
    done = await terminal.run("storage", "wear")
    assert (done.code, done.err) == (0, "")
    assert done.lines == [
        "Plugin  Storage  Journal",
        "zigbee  1.25 MB  999 B",
        "hub     0 B      3 GB",
        "",
        "Measured:        1 d 2 h of the hub's life",
        "Disk was given:  5.12 MB",
        "Per day:         4.72 MB",
        "Amplification:   2.52 times what was handed in",
        "Card:            31.91 GB, 1000 cycles, 4 times inside",
        "Worn:            0.064 %",
        "Lasts:           4.6 years more, as far as the hub's own writing goes",
    ]


async def test_what_nobody_can_say_is_not_said(terminal: Terminal) -> None:
    stand_in(terminal, years_left=None, writers=[])
    done = await terminal.run("storage", "wear")
    assert done.lines[0] == "Nothing was written yet."
    assert not any(line.startswith("Per day") for line in done.lines)
    assert done.lines[-1] == "Lasts:           nobody can say before an hour was measured"


async def test_a_century_is_enough(terminal: Terminal) -> None:
    stand_in(terminal, years_left=1234.5)
    assert (await terminal.run("storage", "wear")).lines[-1].endswith("more than 100 years")


async def test_another_card_can_be_reckoned_with_and_json_gives_all(terminal: Terminal) -> None:
    asked = stand_in(terminal)
    done = await terminal.run("storage", "wear", "--json", "--card-gb", "16", "--cycles", "3000")
    assert done.json == FOUND
    assert asked == [(16.0, 3000)]
    assert (await terminal.run("storage", "wear", "--card-gb", "0")).code == 2


async def test_without_the_plugin_it_says_what_is_missing(terminal: Terminal) -> None:
    done = await terminal.run("storage", "wear")
    assert done.code == 1
    assert done.err == "hub: the plugin wear does not run, so nobody counts; see `hub plugins list --all`\n"


async def test_another_refusal_is_passed_on(terminal: Terminal) -> None:
    async def report() -> None:
        raise HubError("not today")

    terminal.hub.offer("wear.report", report)
    done = await terminal.run("storage", "wear")
    assert done.code == 1
    assert "not today" in done.err


async def test_the_check_says_what_it_found(terminal: Terminal) -> None:
    found: list[str] = []

    async def check() -> list[str]:
        return found

    terminal.hub.offer("hub.check_storage", check)
    assert (await terminal.run("storage", "check")).lines == ["All that is stored is sound."]
    assert (await terminal.run("storage", "check", "--json")).json == []
    found.append("telemetry.db was set aside")
    assert (await terminal.run("storage", "check")).lines == found


async def test_the_log_shows_who_wrote_which_keys(terminal: Terminal) -> None:
    asked: list[tuple[str, str, int]] = []

    async def log(namespace: str = "", prefix: str = "", limit: int = 100) -> list[dict[str, Any]]:
        asked.append((namespace, prefix, limit))
        return [{"time": 1, "namespace": "zigbee", "keys": ["network", "x"], "gone": ["y"]}]

    terminal.hub.offer("hub.storage_log", log)
    done = await terminal.run("storage", "log", "zigbee", "--prefix", "n", "--count", "7")
    assert asked == [("zigbee", "n", 7)]
    assert done.lines[1].split(maxsplit=2)[2] == "zigbee  network, x, y (gone)"
    assert (await terminal.run("storage", "log", "--json")).json[0]["gone"] == ["y"]
