"""When a wall clock is trusted, as its owner would judge."""

import logging

import msgspec
import pytest

from hub.api import HubError
from plugins.clock.machine import Evidence
from plugins.clock.plugin import ClockConfig
from plugins.clock.trust import RELEASED, Facts, Memory, judge, shown
from tests.harness import eventually
from tests.plugins.clock.bench import DAY, bench

SERVED = Evidence(synchronised=True, boot="start 1")
BATTERY = Evidence(battery=True, boot="start 1")
NOBODY = Evidence(boot="start 1")
NOW = "2026-11-24 08:00"


@pytest.mark.parametrize(
    ("evidence", "trusted", "why"),
    [
        (SERVED, True, "a time server keeps it"),
        (BATTERY, True, "the machine has a battery clock"),
        (NOBODY, False, "nobody has set it yet and the machine has no battery clock"),
    ],
)
async def test_somebody_must_speak_for_it(evidence: Evidence, trusted: bool, why: str) -> None:  # noqa: FBT001
    async with bench(NOW, evidence) as one:
        await one.start()
        assert one.hub.state.get("clock/trusted") is trusted
        status = await one.look()
        assert (status.trusted, status.why) == (trusted, why)
        assert one.told == [("trusted", trusted)]
        assert one.hub.events_of("clock.trusted")[0].data.why == why


@pytest.mark.parametrize("evidence", [SERVED, BATTERY])
@pytest.mark.parametrize(
    ("wall", "why"),
    [
        ("1970-01-01 00:00:07", "it shows 1970-01-01 00:00 UTC, which is before this hub was made"),
        ("2025-12-31 23:59", "it shows 2025-12-31 23:59 UTC, which is before this hub was made"),
        ("2099-01-01 00:00", "it shows 2099-01-01 00:00 UTC, and no hub gets that old"),
    ],
)
async def test_no_evidence_helps_a_time_that_cannot_be(evidence: Evidence, wall: str, why: str) -> None:
    async with bench(wall, evidence) as one:
        await one.start()
        status = await one.look()
        assert (status.trusted, status.why) == (False, why)


async def test_a_battery_clock_that_shows_less_than_it_has_shown_is_wrong() -> None:
    async with bench(NOW, BATTERY) as one:
        await one.start()
        await one.goes_on(DAY)
        await one.hub.stop("clock")
        one.hub.clock.jump(-30 * DAY)  # its battery was changed while the hub was off
        await one.start()
        status = await one.look()
        assert not status.trusted
        assert status.why == "it shows 2026-10-26 08:00 UTC, but it has shown 2026-11-25 08:00 UTC before"
        await one.set_to("2026-11-26 09:00")
        assert (await one.look()).trusted


async def test_a_damaged_row_begins_anew() -> None:
    async with bench(NOW, BATTERY) as one:
        await one.hub.core.storage.namespace("clock").set("seen", {"latest": "noon"})
        await one.start()
        assert (await one.look()).trusted


async def test_a_power_cut_forgets_at_most_an_hour() -> None:
    async with bench(NOW, BATTERY) as one:
        await one.start()
        kept: list[float] = []
        one.hub.context("clock").storage.watch("seen", lambda _key, memory: kept.append(memory["latest"]))
        for hour in range(1, 4):
            await one.hub.clock.advance(3600)
            await eventually(lambda hour=hour: len(kept) == hour)  # type: ignore[misc]
            assert kept[-1] == one.hub.clock.now() / 1e9


async def test_a_time_server_that_stands_by_an_earlier_time_is_believed_in_the_end() -> None:
    async with bench("2031-05-01 12:00", BATTERY) as one:  # a battery clock that has run wild
        await one.start()
        one.evidence = SERVED
        await one.set_to(NOW)
        assert not (await one.look()).trusted
        assert not (await one.goes_on(590)).trusted
        assert (await one.goes_on(20)).trusted
        one.evidence = BATTERY
        assert (await one.goes_on(60)).trusted, "the time that was wrong is forgotten"


async def test_a_time_server_that_wavers_is_not() -> None:
    async with bench("2031-05-01 12:00", BATTERY) as one:
        await one.start()
        await one.set_to(NOW)
        for _ in range(5):
            one.evidence = SERVED
            assert not (await one.goes_on(400)).trusted
            one.evidence = NOBODY
            assert not (await one.goes_on(10)).trusted


async def test_once_right_it_stays_right_without_the_internet_until_somebody_sets_it() -> None:
    async with bench(NOW, SERVED) as one:
        await one.start()
        one.evidence = NOBODY  # the kernel takes itself for out of step some hours after the last answer
        status = await one.goes_on(3 * DAY)
        assert (status.trusted, status.why) == (True, "it was right before and nobody has set it since")
        await one.hub.stop("clock")
        await one.hub.clock.advance(600)
        await one.start()
        assert (await one.look()).trusted, "a restart of the hub changes nothing"
        await one.hub.stop("clock")
        one.hub.clock.jump(-7 * 3600)
        await one.start()
        assert not (await one.look()).trusted, "somebody set it while the hub was off"


async def test_who_sets_it_while_the_hub_runs_is_believed_also_after_a_restart_of_the_hub() -> None:
    async with bench("1970-01-01 00:01") as one:
        await one.start()
        await one.set_to("2026-01-02 08:00")
        status = await one.look()
        assert (status.trusted, status.why) == (True, "somebody has set it while the hub ran")
        await one.hub.stop("clock")
        await one.start()
        assert (await one.look()).trusted
        await one.set_to("2026-01-01 08:00")
        assert not (await one.look()).trusted, "but not that time ran backward"


async def test_another_start_of_the_machine_begins_with_nothing() -> None:
    async with bench(NOW, SERVED) as one:
        await one.start()
        await one.hub.stop("clock")
        one.boots()
        await one.start()
        assert not (await one.look()).trusted


async def test_its_owner_may_confirm_it() -> None:
    async with bench("1970-01-01 00:01") as one:
        await one.start()
        with pytest.raises(HubError, match=r"cannot be right: it shows 1970.* made; set it first"):
            await one.hub.call("clock.confirm")
    async with bench(NOW) as one:
        await one.start()
        assert not (await one.look()).trusted
        assert (await one.hub.call("clock.confirm")).trusted
        assert one.hub.state.get("clock/trusted") is True
        assert (await one.goes_on(DAY)).trusted
        one.boots()
        assert not (await one.look()).trusted


async def test_a_confirmed_time_takes_the_place_of_a_later_one() -> None:
    async with bench("2031-05-01 12:00", BATTERY) as one:
        await one.start()
        await one.set_to(NOW)
        assert not (await one.look()).trusted
        assert (await one.hub.call("clock.confirm")).trusted


async def test_what_cannot_be_held_to_this_start_of_the_machine_cannot_be_confirmed() -> None:
    async with bench(NOW, Evidence()) as one:
        await one.start()
        with pytest.raises(HubError, match="nobody has set it yet"):
            await one.hub.call("clock.confirm")


@pytest.mark.parametrize(("trust", "wall", "trusted"), [("always", "1970-01-01", True), ("never", NOW, False)])
async def test_the_configuration_may_decide(trust: str, wall: str, trusted: bool) -> None:  # noqa: FBT001
    async with bench(wall, SERVED) as one:
        await one.start(trust=trust)
        status = await one.look()
        assert (status.trusted, status.why, status.latest) == (trusted, f'the configuration says trust = "{trust}"', 0)
        with pytest.raises(HubError, match=f'trust = "{trust}" decides'):
            await one.hub.call("clock.confirm")


@pytest.mark.parametrize("settings", [{"trust": "maybe"}, {"every": 0}, {"evry": 1}])
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, ClockConfig)


async def test_only_a_loss_of_trust_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with bench("1970-01-01 00:00:07") as one:
        await one.start()
        one.evidence = SERVED
        await one.set_to(NOW)
        await one.set_to("2026-01-02")
    told = [(one.levelname, one.getMessage()) for one in caplog.records if one.name == "hub.clock"]
    assert [level for level, _ in told] == ["INFO", "INFO", "INFO", "WARNING", "INFO"]
    assert told[1][1] == "The wall clock is trusted: a time server keeps it"
    assert told[3][1].startswith("The wall clock is not trusted: it shows 2026-01-02 00:00 UTC, but it has shown")


def test_no_time_is_too_odd_to_be_told() -> None:
    facts = Facts(1e30, 0.0, SERVED, Memory())
    assert judge(facts).why == "it shows a time out of all bounds, and no hub gets that old"
    assert shown(RELEASED) == "2026-01-01 00:00 UTC"
