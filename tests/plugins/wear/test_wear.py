"""Who wrote how much, over restarts and reloads, and what it means for the card."""

from typing import Any

import pytest

from hub.api import HubError, HubStatistics
from hub.stats import JournalStats, LoopStats, StorageStats
from hub.testing import HubInMemory, running
from plugins.wear import plugin
from plugins.wear.plugin import Wear
from plugins.wear.totals import WearReport, Writer

DAY = 86_400.0
CARD = {"wear": {"card_gb": 32, "cycles": 1000, "amplification": 4}}


def figures(
    seconds: float, disk: int, storage: dict[str, int] | None = None, journal: dict[str, int] | None = None
) -> HubStatistics:
    return HubStatistics(
        uptime_s=seconds,
        rss_mib=30.0,
        cpu_s=0.5,
        events={},
        state_entries=0,
        subscribers=[],
        services=[],
        plugins=[],
        loop=LoopStats(),
        storage=StorageStats(written=storage or {}),
        journal=JournalStats(written=journal or {}),
        disk_bytes=disk,
    )


async def told(hub: HubInMemory, **arguments: Any) -> WearReport:  # noqa: ANN401 - JSON
    found: WearReport = await hub.call("wear.report", **arguments)
    return found


async def test_bytes_are_told_by_plugin_the_busiest_first() -> None:
    async with running(Wear, config=CARD) as hub:
        storage = {"zigbee": 3000, "lamps": 100, "_journal": 40, "_plugins": 2}
        hub.stand_in("hub.statistics", figures(DAY, 20_000, storage, {"zigbee": 6000, "hub": 858}))
        found = await told(hub)
    assert found.writers == [Writer("zigbee", 3000, 6000), Writer("hub", 42, 858), Writer("lamps", 100, 0)]
    assert (found.disk_bytes, found.bytes_per_day, found.amplification) == (20_000, 20_000, 2.0)


async def test_a_card_lasts_as_long_as_its_cycles_at_the_pace_so_far() -> None:
    async with running(Wear, config=CARD) as hub:
        hub.stand_in("hub.statistics", figures(365.25 * DAY, 10**12))
        found = await told(hub)
        smaller = await told(hub, card_gb=8, cycles=500)
    assert found.worn_percent == pytest.approx(12.5)  # of 32 GB * 1000 / 4
    assert found.years_left == pytest.approx(7)
    assert smaller.card.bytes == 8 * 10**9
    assert (smaller.worn_percent, smaller.years_left) == (100.0, 0.0)


async def test_before_an_hour_nothing_is_foretold() -> None:
    async with running(Wear, config=CARD) as hub:
        hub.stand_in("hub.statistics", figures(0, 0))
        assert (await told(hub)).years_left is None
        hub.stand_in("hub.statistics", figures(3599, 10**6))
        assert (await told(hub)).years_left is None
        hub.stand_in("hub.statistics", figures(3600, 10**6))
        assert (await told(hub)).years_left is not None


async def test_who_writes_nothing_wears_nothing() -> None:
    async with running(Wear, config=CARD) as hub:
        hub.stand_in("hub.statistics", figures(DAY, 0))
        found = await told(hub)
    assert (found.worn_percent, found.years_left, found.bytes_per_day) == (0, None, 0)


async def test_the_cards_size_is_detected() -> None:
    async with running(Wear) as hub:
        hub.stand_in("hub.statistics", figures(1, 1))
        assert (await told(hub)).card.bytes > 10**6


async def test_totals_outlive_a_restart_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Wear) as hub:
        hub.stand_in("hub.statistics", figures(100, 1000, {"lamps": 10}, {"lamps": 5}))
        await hub.stop("wear")
        monkeypatch.setattr(plugin, "life", lambda: "another")
        await hub.run(Wear)
        hub.stand_in("hub.statistics", figures(50, 400, {"lamps": 1, "bell": 2}))
        found = await told(hub)
        assert await told(hub) == found  # looking adds nothing
    assert (found.seconds, found.disk_bytes) == (150, 1400)
    assert found.writers == [Writer("lamps", 11, 5), Writer("bell", 2, 0)]


async def test_a_reload_of_the_plugin_counts_nothing_twice() -> None:
    async with running(Wear) as hub:
        hub.stand_in("hub.statistics", figures(100, 1000, {"lamps": 10}))
        await hub.stop("wear")
        await hub.run(Wear)
        hub.stand_in("hub.statistics", figures(110, 1100, {"lamps": 12}))
        found = await told(hub)
    assert (found.seconds, found.disk_bytes, found.writers) == (110, 1100, [Writer("lamps", 12, 0)])


async def test_totals_are_kept_now_and_then_also_after_a_failure() -> None:
    async with running(Wear, config={"wear": {"every": 60}}) as hub:
        hub.stand_in("hub.statistics", HubError("not now"))
        await hub.clock.advance(60)
        hub.stand_in("hub.statistics", figures(100, 1000))
        assert await hub.context("wear").storage.get("totals") is None
        await hub.clock.advance(60)
        kept = await hub.context("wear").storage.get("totals")
        assert kept["total"]["disk"] == 1000
        assert hub.errors == []


async def test_a_damaged_row_begins_anew() -> None:
    async with running() as hub:
        hub.stand_in("hub.statistics", figures(100, 1000))
        await hub.core.storage.namespace("wear").set("totals", {"total": "much"})
        await hub.run(Wear)
        assert (await told(hub)).disk_bytes == 1000
