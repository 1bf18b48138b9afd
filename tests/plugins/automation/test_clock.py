"""Times of day on a wall clock that can be wrong: nothing is lost, nothing comes twice, nothing storms."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.plugins.automation.home import Home, home

DAY = 86400.0
ACTION = 'action = { device = "Hall lamp", command = "toggle" }'


class Wall:
    """A home with one rule, its wall clock in a zone, and the stand-in for who judges it."""

    def __init__(self, house: Home, zone: str) -> None:
        self.house = house
        self.clock = house.hub.clock
        self.zone = ZoneInfo(zone)

    async def rule(self, *triggers: str) -> None:
        await self.house.rules(f'[[rule]]\nname = "It"\ntrigger = [{", ".join(triggers)}]\n{ACTION}')

    def at(self, text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=self.zone).timestamp()

    def judge(self, *, trusted: bool) -> None:
        self.house.hub.state.set("clock/trusted", trusted)

    def set_to(self, text: str, *, trusted: bool = True) -> None:
        """Set the clock, as a time server does, and tell as the plugin `clock` does."""
        seconds = self.at(text) - self.clock.now() / 1e9
        self.clock.jump(seconds)
        self.judge(trusted=trusted)
        self.house.hub.publish("clock.jumped", "clock", {"seconds": seconds})

    async def until(self, text: str) -> None:
        """Let time pass."""
        await self.clock.advance(self.at(text) - self.clock.now() / 1e9)

    @property
    def ran(self) -> Sequence[str]:
        """What set the rule off."""
        return [one.data.trigger for one in self.house.hub.events_of("automation.ran")]


@asynccontextmanager
async def wall(folder: Path, start: str, *, zone: str = "UTC", trusted: bool = True) -> AsyncIterator[Wall]:
    async with home(folder, {"timezone": zone}) as house:
        one = Wall(house, zone)
        one.set_to(start, trusted=trusted)
        yield one


async def test_nothing_is_due_by_a_clock_that_is_not_trusted(tmp_path: Path) -> None:
    async with wall(tmp_path, "1970-01-01 00:00:20", trusted=False) as one:
        await one.rule('{ time = "07:00" }')
        await one.clock.advance(3 * DAY)
        assert not one.ran
        one.set_to("2026-11-24 06:50")
        await one.until("2026-11-24 06:59:59")
        assert not one.ran
        await one.until("2026-11-24 07:00:00")
        assert one.ran == ["time/07:00"]
        await one.until("2026-11-25 12:00")
        assert len(one.ran) == 2


async def test_what_was_due_while_the_clock_was_wrong_runs_once_when_it_is_right(tmp_path: Path) -> None:
    async with wall(tmp_path, "1970-01-01 00:00:20", trusted=False) as one:
        await one.rule('{ time = "06:58" }', '{ time = "06:50" }')
        await one.clock.advance(300)
        one.set_to("2026-11-24 07:01")
        assert one.ran == ["time/06:58"], "the hub was not up yet at 06:50"
        await one.until("2026-11-24 23:00")
        assert len(one.ran) == 1


async def test_what_was_due_hours_ago_is_not_made_up_for_and_the_rest_of_the_day_comes(tmp_path: Path) -> None:
    async with wall(tmp_path, "1970-01-01 00:00:20", trusted=False) as one:
        await one.rule('{ time = "07:00" }', '{ time = "22:00" }')
        await one.clock.advance(3 * DAY)
        one.set_to("2026-11-24 15:00")
        await one.until("2026-11-24 23:00")
        assert one.ran == ["time/22:00"]


async def test_trust_that_comes_and_goes_runs_nothing_twice(tmp_path: Path) -> None:
    async with wall(tmp_path, "2026-11-24 06:00") as one:
        await one.rule('{ time = "07:00" }')
        for trusted in (False, True, False, True):
            one.judge(trusted=trusted)
            await one.clock.advance(1200)
        assert one.ran == ["time/07:00"]
        for trusted in (False, True, False, True):
            one.judge(trusted=trusted)
        assert len(one.ran) == 1


async def test_a_time_that_comes_while_trust_is_gone_runs_late(tmp_path: Path) -> None:
    async with wall(tmp_path, "2026-11-24 06:55") as one:
        await one.rule('{ time = "07:00" }')
        one.judge(trusted=False)
        await one.until("2026-11-24 07:30")
        assert not one.ran
        one.judge(trusted=True)
        assert one.ran == ["time/07:00"]


async def test_who_judges_no_more_holds_nothing_up(tmp_path: Path) -> None:
    async with wall(tmp_path, "2026-11-24 06:55", trusted=False) as one:
        await one.rule('{ time = "07:00" }')
        one.house.hub.state.delete("clock/trusted")
        await one.until("2026-11-24 07:00")
        assert one.ran == ["time/07:00"]


@pytest.mark.parametrize("was", ["1970-01-01 06:59:50", "2099-01-01 07:00:30"])
async def test_a_clock_that_is_set_by_decades_fires_no_salvo_and_skips_nothing(tmp_path: Path, was: str) -> None:
    async with wall(tmp_path, was) as one:
        await one.rule(*(f'{{ time = "{hour:02}:00" }}' for hour in range(24)))
        await one.clock.advance(5)
        one.set_to("2026-11-24 06:59:58")
        assert not one.ran
        await one.until("2026-11-24 07:00:00")
        assert one.ran == ["time/07:00"]
        await one.until("2026-11-24 23:59")
        assert one.ran == [f"time/{hour:02}:00" for hour in range(7, 24)]


@pytest.mark.parametrize("was", ["1970-01-01 12:00", "2099-01-01 12:00"])
async def test_a_clock_that_is_set_by_decades_and_nobody_tells(tmp_path: Path, was: str) -> None:
    async with wall(tmp_path, was) as one:
        await one.rule('{ time = "07:00" }')
        await one.clock.advance(30)
        one.clock.jump(one.at("2026-11-24 06:59:45") - one.clock.now() / 1e9)
        await one.clock.advance(60)
        assert one.ran == ["time/07:00"], "it came between two looks"


async def test_an_hour_backward_repeats_nothing_and_skips_nothing(tmp_path: Path) -> None:
    async with wall(tmp_path, "2026-11-24 06:00") as one:
        await one.rule('{ time = "07:00" }', '{ time = "07:45" }')
        await one.until("2026-11-24 07:30")
        one.set_to("2026-11-24 06:30")
        await one.until("2026-11-24 07:40")
        assert one.ran == ["time/07:00"]
        await one.until("2026-11-24 12:00")
        assert one.ran == ["time/07:00", "time/07:45"]


async def test_an_hour_forward_runs_what_it_skipped(tmp_path: Path) -> None:
    async with wall(tmp_path, "2026-11-24 06:30") as one:
        await one.rule('{ time = "07:00" }', '{ time = "07:45" }')
        one.set_to("2026-11-24 07:30")
        assert one.ran == ["time/07:00"]
        await one.until("2026-11-24 12:00")
        assert one.ran == ["time/07:00", "time/07:45"]


@pytest.mark.parametrize("start", ["2026-03-28 12:00", "2026-10-24 12:00"], ids=["spring", "autumn"])
async def test_each_day_has_each_time_once_when_summer_time_comes_and_goes(tmp_path: Path, start: str) -> None:
    async with wall(tmp_path, start, zone="Europe/Madrid") as one:
        await one.rule('{ time = "01:30" }', '{ time = "02:30" }', '{ time = "03:30" }')
        await one.clock.advance(2 * DAY)
        assert one.ran.count("time/01:30") == one.ran.count("time/02:30") == one.ran.count("time/03:30") == 2


@pytest.mark.parametrize("jump", ["2026-11-24 08:00", "1970-01-01 00:00", "2099-01-01 00:00"])
async def test_spans_and_delays_and_intervals_do_not_notice(tmp_path: Path, jump: str) -> None:
    async with wall(tmp_path, "2026-11-24 09:00") as one:
        await one.house.rules(
            '[[rule]]\nname = "Span"\ntrigger = { state = "a/b", to = 1, for = "5m" }\n' + ACTION + "\n"
            '[[rule]]\nname = "Pause"\ntrigger = { state = "a/b" }\naction = { delay = "5m" }\n'
            '[[rule]]\nname = "Again"\ntrigger = { every = "5m" }\n' + ACTION
        )
        one.house.hub.state.set("a/b", 1)
        await one.clock.advance(60)
        one.set_to(jump)
        await one.clock.advance(239)
        assert not one.ran
        await one.clock.advance(1)
        assert len(one.ran) == 3


async def test_an_automation_that_runs_often_is_told_of_by_the_time_that_passed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with wall(tmp_path, "2026-11-24 09:00") as one:
        await one.rule('{ state = "a/b" }')
        for value in range(100):
            await one.clock.advance(1)
            if value == 50:
                one.set_to("2026-11-24 08:00")
            one.house.hub.state.set("a/b", value)
        assert len(one.ran) == 100
    assert "times within" not in caplog.text


async def test_health_says_that_automations_wait(tmp_path: Path) -> None:
    async with wall(tmp_path, "1970-01-01", trusted=False) as one:
        await one.rule('{ state = "a/b" }')
        assert await one.house.hub.call("automation.health") == {"status": "ok"}
        await one.rule('{ time = "07:00" }')
        assert await one.house.hub.call("automation.health") == {
            "status": "degraded",
            "reason": "1 wait for the right time: the clock is not trusted",
        }
        one.set_to("2026-11-24 15:00")
        assert await one.house.hub.call("automation.health") == {"status": "ok"}
