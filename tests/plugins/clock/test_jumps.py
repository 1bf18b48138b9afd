"""A wall clock that is set while the hub runs: what is told, when, and how long a verdict lasts."""

import pytest

from plugins.clock.machine import Evidence
from tests.harness import eventually
from tests.plugins.clock.bench import DAY, bench

SERVED = Evidence(synchronised=True, boot="start 1")
NOW = "2026-11-24 08:00"


async def test_from_1970_to_now_is_told_as_a_jump_and_as_trust() -> None:
    async with bench("1970-01-01 00:00:10") as one:
        await one.start()
        one.evidence = SERVED
        await one.set_to(NOW)
        assert [trusted for what, trusted in one.told if what == "trusted"] == [False, True]
        (jump,) = one.hub.events_of("clock.jumped")
        assert jump.data.seconds == pytest.approx(56.9 * 365.25 * DAY, rel=0.01)
        trust = one.hub.events_of("clock.trusted")[-1]
        assert trust.seq < jump.seq, "who hears of a jump finds the verdict there"
        assert [trust.subject, jump.subject] == ["clock", "clock"]


async def test_an_hour_backward_is_a_jump_below_0() -> None:
    async with bench(NOW, SERVED) as one:
        await one.start()
        one.hub.clock.jump(-3600)
        assert (await one.look()).jumps == 1
        assert one.told[-1] == ("jumped", -3600.0)


@pytest.mark.parametrize("seconds", [1, -1, 0.4])
async def test_a_leap_second_and_a_small_correction_are_none(seconds: float) -> None:
    async with bench(NOW, SERVED) as one:
        await one.start()
        one.hub.clock.jump(seconds)
        status = await one.look()
        assert (status.jumps, status.trusted) == (0, True)


async def test_it_notices_at_once_when_the_kernel_tells() -> None:
    async with bench("1970-01-01") as one:
        await one.start(every=600)
        one.evidence = SERVED
        one.hub.clock.jump(57 * 365.25 * DAY)
        for hear in one.heard:
            hear()
        await one.becomes(trusted=True)


async def test_it_looks_by_itself_where_the_kernel_does_not_tell() -> None:
    async with bench("1970-01-01") as one:
        await one.start(every=10)
        one.evidence = SERVED
        one.hub.clock.jump(57 * 365.25 * DAY)
        await one.hub.clock.advance(9)
        assert one.hub.state.get("clock/trusted") is False
        await one.hub.clock.advance(1)
        await one.becomes(trusted=True)


async def test_the_same_verdict_again_is_no_news() -> None:
    async with bench(NOW, SERVED) as one:
        await one.start()
        changes = len(one.hub.events_of("state.changed"))
        for _ in range(100):
            await one.goes_on(10)
        assert len(one.hub.events_of("state.changed")) == changes
        assert one.told == [("trusted", True)]


async def test_a_verdict_runs_out_when_nobody_judges_any_more() -> None:
    async with bench("1970-01-01") as one:
        await one.start()
        await one.hub.stop("clock")
        assert not one.heard
        await one.hub.clock.advance(59)
        assert one.hub.state.get("clock/trusted") is False
        await one.hub.clock.advance(1)
        await eventually(lambda: one.hub.state.entry("clock/trusted") is None)
