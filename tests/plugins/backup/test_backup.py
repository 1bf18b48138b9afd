"""Backups by the clock: when, where, what is thinned out, and what is told when one cannot be made."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.api import ConfigError, HubError
from hub.testing import HubInMemory, running
from plugins.backup.plugin import Backup
from plugins.backup.thinning import Made, newest_due, next_due, spare
from tests.harness import eventually

DAY = 86400.0
NS = 1_000_000_000
PASSPHRASE = "right horse"


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


class Maker:
    """Stands in for the hub: makes files, or refuses."""

    def __init__(self, hub: HubInMemory) -> None:
        self.asked: list[dict[str, Any]] = []
        self.refusal = ""
        self.missing: dict[str, str] = {}
        self._hub = hub
        hub.core.services.register("hub.create_backup", self.create, "hub")

    async def create(
        self,
        folder: str = "",
        passphrase: str = "",
        telemetry: bool = False,  # noqa: FBT001, FBT002
    ) -> AsyncGenerator[dict[str, Any]]:
        """As the hub does."""
        self.asked.append({"folder": folder, "passphrase": passphrase, "telemetry": telemetry})
        yield {"text": "packing", "done": 0.5, "backup": None}
        if self.refusal:
            raise HubError(self.refusal)
        made = self._hub.clock.now()
        path = Path(folder or self._hub.core.data_dir / "backups") / f"home-{made}.hubbackup"
        await asyncio.to_thread(path.parent.mkdir, exist_ok=True)
        await asyncio.to_thread(path.write_text, "a backup")
        yield {
            "text": "done",
            "done": 1.0,
            "backup": {"file": str(path), "made": made, "bytes": 8, "missing": self.missing},
        }

    def files(self) -> list[Path]:
        """Those in the hub's own folder."""
        return [*(self._hub.core.data_dir / "backups").iterdir()]


async def pass_time(hub: HubInMemory, seconds: float) -> None:
    """Turn the clock step by step: files are written in between."""
    for _ in range(int(seconds / 1800)):
        await hub.clock.advance(1800)
        await asyncio.sleep(0.005)


async def test_every_day_one_is_made_and_old_ones_are_thinned_out(tmp_path: Path) -> None:
    async with running(config={"backup": {"daily": 3, "weekly": 2}}, data_dir=tmp_path) as hub:
        maker = Maker(hub)
        (tmp_path / "backups").mkdir()
        (tmp_path / "backups" / "by-hand.hubbackup").write_text("mine")
        await hub.run(Backup)
        assert (await hub.call("backup.schedule")).places["here"].made == 0
        await pass_time(hub, 12 * DAY)
        assert 11 <= len(maker.asked) <= 12
        assert {one["passphrase"] for one in maker.asked} == {""}
        made = hub.events_of("backup.made")
        assert {event.subject for event in made} == {"backup/here"}
        hours = {datetime.fromtimestamp(event.data.made / 1e9).astimezone().hour for event in made}
        assert hours <= {3, 4}
        names = sorted(path.name for path in (tmp_path / "backups").iterdir())
        assert names[0] == "by-hand.hubbackup"
        assert 4 <= len(names) <= 5 + 1
        assert Path(made[-1].data.file).name in names
        assert await hub.call("backup.health") == {"status": "ok"}
        assert hub.errors == []


async def test_a_missing_stick_is_told_once_and_tried_until_it_is_there(tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    config = {"backup": {"copy_to": str(stick), "passphrase": PASSPHRASE}}
    async with running(config=config, data_dir=tmp_path / "data") as hub:
        maker = Maker(hub)
        await asyncio.to_thread((tmp_path / "data").mkdir, exist_ok=True)
        await hub.run(Backup)
        await pass_time(hub, DAY)
        health = await hub.call("backup.health")
        assert health["status"] == "degraded"
        assert f"{stick} is not there" in health["reason"]
        [failed] = hub.events_of("backup.failed")
        assert failed.subject == "backup/copy"
        assert len(maker.asked) == 1  # in the hub's own folder
        stick.mkdir()
        await pass_time(hub, 3600)
        assert maker.asked[-1] == {"folder": str(stick), "passphrase": PASSPHRASE, "telemetry": False}
        assert await hub.call("backup.health") == {"status": "ok"}
        assert len([*stick.iterdir()]) == 1
        assert PASSPHRASE not in str([event.data for event in hub.recorded])


async def test_an_empty_mount_point_is_no_stick(tmp_path: Path) -> None:
    config = {"backup": {"copy_to": str(tmp_path), "passphrase": PASSPHRASE, "mount": True}}
    async with running(config=config, data_dir=tmp_path) as hub:
        Maker(hub)
        await hub.run(Backup)
        with pytest.raises(HubError, match="no disk is mounted on"):
            await hub.call("backup.run")


async def test_what_the_hub_refuses_is_told_and_mends_itself(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        maker = Maker(hub)
        maker.refusal = "the disk is full"
        await hub.run(Backup)
        with pytest.raises(HubError, match="the disk is full"):
            await hub.call("backup.run")
        assert (await hub.call("backup.schedule")).places["here"].problem == "the disk is full"
        maker.refusal = ""
        await hub.call("backup.run")
        assert (await hub.call("backup.schedule")).places["here"].problem == ""
        assert [event.data.reason for event in hub.events_of("backup.failed")] == ["the disk is full"]


async def test_after_a_night_off_it_is_made_at_once_but_not_twice(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        maker = Maker(hub)
        await hub.run(Backup)
        await hub.stop("backup")
        await hub.clock.advance(DAY)
        for _ in range(2):
            await hub.run(Backup, {})
            await pass_time(hub, 3600)
            await hub.stop("backup")
        assert len(maker.asked) == 1


async def test_a_damaged_row_begins_anew(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        maker = Maker(hub)
        await hub.core.storage.namespace("backup").set("place/", {"since": "noon"})
        await hub.run(Backup)
        await hub.call("backup.run")
        assert len(maker.files()) == 1


async def test_a_clock_that_is_not_trusted_makes_none(tmp_path: Path) -> None:
    async with running(data_dir=tmp_path) as hub:
        maker = Maker(hub)
        hub.state.set("clock/trusted", False)
        await hub.run(Backup)
        await pass_time(hub, 3 * DAY)
        assert maker.asked == []
        hub.clock.jump(-400 * DAY)
        health = await hub.call("backup.health")
        assert (health["status"], "nobody has set the clock" in health["reason"]) == ("degraded", True)
        hub.clock.jump(400 * DAY)
        hub.state.set("clock/trusted", True)
        await hub.clock.advance(60)
        await eventually(lambda: (tmp_path / "backups").exists() and len(maker.files()) == 1)
        hub.clock.jump(-400 * DAY)
        await pass_time(hub, 3600)
        await eventually(lambda: len(maker.asked) == 2)


async def test_a_clock_that_is_put_back_by_an_hour_makes_no_other(tmp_path: Path) -> None:
    async with running(config={"backup": {"at": "00:10"}}, data_dir=tmp_path) as hub:
        maker = Maker(hub)
        await hub.run(Backup)
        await pass_time(hub, 1800)
        await eventually(lambda: len(maker.asked) == 1)
        hub.clock.jump(-1500)
        await pass_time(hub, 12 * 3600)
        hub.clock.jump(-3600)
        await pass_time(hub, 6 * 3600)
        assert len(maker.asked) == 1


@pytest.mark.parametrize(
    ("config", "sentence"),
    [({"at": "25:00"}, "no time of day"), ({"copy_to": "/media/stick"}, "what leaves the hub is encrypted")],
)
async def test_mistakes_in_the_configuration(tmp_path: Path, config: dict[str, Any], sentence: str) -> None:
    async with running(data_dir=tmp_path) as hub:
        with pytest.raises(ConfigError, match=sentence):
            await hub.run(Backup, config)


TIMES = st.integers(min_value=1_600_000_000, max_value=1_900_000_000).map(lambda seconds: seconds * 1_000_000_000)


@given(now=TIMES, hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_the_moments_lie_around_now(now: int, hour: int, minute: int) -> None:
    last, following = newest_due(now, (hour, minute)), next_due(now, (hour, minute))
    assert last <= now < following
    assert following - last == DAY * 1e9


@pytest.mark.parametrize("zone", ["Europe/Helsinki", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_each_day_has_one_moment_also_when_the_clock_is_put(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    begin = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    for at in ((3, 30), (2, 15), (1, 45), (0, 0)):
        moments = set()
        for now in range(begin, begin + 365 * 86400, 1800):
            last, following = newest_due(now * NS, at), next_due(now * NS, at)
            assert last <= now * NS < following
            assert newest_due(following, at) == following
            moments.add(last)
        gaps = {(later - earlier) / NS / 3600 for earlier, later in pairwise(sorted(moments))}
        assert gaps <= {22.5, 23.0, 23.5, 24.0, 24.5, 25.0}
        assert len(moments) in {365, 366}


async def test_when_summer_time_leaves_the_moment_out_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Helsinki")  # where 03:30 is left out
    time.tzset()
    async with running(data_dir=tmp_path) as hub:
        hub.clock.jump(datetime(2026, 3, 28, 23, 50, tzinfo=UTC).timestamp() - hub.clock.now() / NS)
        maker = Maker(hub)
        await hub.run(Backup)
        for _ in range(130):
            await hub.clock.advance(60)
            await asyncio.sleep(0.002)
        assert len(maker.asked) == 1


async def test_a_backup_that_is_just_made_stays_whatever_the_clock_showed(tmp_path: Path) -> None:
    async with running(config={"backup": {"daily": 2, "weekly": 1}}, data_dir=tmp_path) as hub:
        maker = Maker(hub)
        await hub.run(Backup)
        await pass_time(hub, 4 * DAY)
        hub.state.set("clock/trusted", False)
        hub.clock.jump(-hub.clock.now() / NS + 60)  # 1970
        await hub.call("backup.run")
        assert Path(hub.events_of("backup.made")[-1].data.file).exists()
        hub.clock.jump(129 * 365 * DAY)  # far ahead, for some days, before it is right
        for _ in range(4):
            await hub.call("backup.run")
            await hub.clock.advance(DAY)
        hub.clock.jump(2_000_000_000 - hub.clock.now() / NS)
        await hub.stop("backup")
        await hub.run(Backup, {"daily": 2, "weekly": 1})
        for _ in range(3):
            await hub.call("backup.run")
            assert Path(hub.events_of("backup.made")[-1].data.file).exists()
            await hub.clock.advance(DAY)
        years = {datetime.fromtimestamp(int(one.stem[5:]) / NS).astimezone().year for one in maker.files()}
        assert years == {2033}


async def test_what_lacks_something_does_not_push_out_what_is_whole(tmp_path: Path) -> None:
    async with running(config={"backup": {"daily": 2, "weekly": 1}}, data_dir=tmp_path) as hub:
        maker = Maker(hub)
        await hub.run(Backup)
        await hub.call("backup.run")
        [whole] = maker.files()
        maker.missing = {"plugins/zigbee/zigbee.db": "it is damaged"}
        for _ in range(10):
            await hub.clock.advance(DAY)
            await hub.call("backup.run")
        assert whole.exists()
        assert len(maker.files()) <= 4
        assert hub.events_of("backup.made")[-1].data.missing == maker.missing
        health = await hub.call("backup.health")
        assert health["status"] == "degraded"
        assert "plugins/zigbee/zigbee.db is not in it" in health["reason"]
        maker.missing = {}
        await hub.clock.advance(DAY)
        await hub.call("backup.run")
        assert await hub.call("backup.health") == {"status": "ok"}
        assert not whole.exists()


async def test_an_old_one_that_cannot_be_removed_hurts_nothing(tmp_path: Path) -> None:
    async with running(config={"backup": {"daily": 1, "weekly": 0}}, data_dir=tmp_path) as hub:
        maker = Maker(hub)
        await hub.run(Backup)
        await hub.call("backup.run")
        [old] = maker.files()
        old.unlink()
        (old / "sub").mkdir(parents=True)
        await hub.clock.advance(DAY)
        await hub.call("backup.run")
        assert (await hub.call("backup.schedule")).places["here"].problem == ""
        (old / "sub").rmdir()
        old.rmdir()
        old.write_text("can be removed")
        await hub.call("backup.run")
        assert not old.exists()


@given(times=st.lists(TIMES, max_size=40, unique=True), daily=st.integers(0, 8), weekly=st.integers(0, 8))
def test_the_newest_of_each_day_and_week_are_kept(times: list[int], daily: int, weekly: int) -> None:
    made = [Made(str(one), one) for one in sorted(times)]
    gone = {one.name for one in spare(made, daily, weekly)}
    kept = sorted((one.made for one in made if one.name not in gone), reverse=True)
    assert not made or kept[0] == max(times)
    assert len(kept) <= max(daily + weekly, 1)

    def day(one: int) -> str:
        return (datetime.fromtimestamp(one / 1e9).astimezone() + timedelta()).strftime("%Y-%m-%d")

    newest_days = sorted({day(one) for one in times}, reverse=True)[:daily]
    assert {*newest_days} <= {day(one) for one in kept}


@given(
    backups=st.lists(
        st.builds(Made, st.uuids().map(str), TIMES, st.booleans()), max_size=40, unique_by=lambda one: one.name
    ),
    daily=st.integers(0, 8),
    weekly=st.integers(0, 8),
)
def test_the_last_and_the_last_whole_one_always_stay(backups: list[Made], daily: int, weekly: int) -> None:
    gone = {one.name for one in spare(backups, daily, weekly)}
    for last in (backups[-1:], [one for one in backups if one.is_whole][-1:]):
        assert not {one.name for one in last} & gone
    assert len(backups) - len(gone) <= max(daily + weekly + 1, 2)
