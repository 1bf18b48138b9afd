from hypothesis import given, settings
from hypothesis import strategies as st

from hub.testing import ManualClock
from plugins.automation.timers import Alarm, Interval

DAY = 86400.0


def daily(moment: float) -> float:
    """The next multiple of a day behind `moment`."""
    return (moment // DAY + 1) * DAY


def clock_at(hour: float) -> ManualClock:
    return ManualClock(int((20_000 * DAY + hour * 3600) * 1e9))


async def test_an_alarm_rings_every_day() -> None:
    clock, rung = clock_at(22), list[int]()
    alarm = Alarm(clock, daily, lambda: rung.append(clock.now()))
    await clock.advance(2 * 3600 - 1)
    assert not rung
    await clock.advance(2)
    assert rung == [int(20_001 * DAY * 1e9)]
    await clock.advance(DAY)
    assert len(rung) == 2
    alarm.stop()
    await clock.advance(DAY)
    assert len(rung) == 2


async def test_a_corrected_clock_neither_loses_nor_doubles() -> None:
    clock, rung = clock_at(23.9), list[int]()
    alarm = Alarm(clock, daily, lambda: rung.append(1))
    clock.jump(1800)  # over the moment
    await clock.advance(61)
    assert len(rung) == 1
    clock.jump(-1800)  # and back before it
    await clock.advance(3600)
    assert len(rung) == 1
    alarm.stop()


async def test_a_clock_set_anew_makes_nothing_up_and_goes_on() -> None:
    clock, rung = clock_at(12), list[int]()
    alarm = Alarm(clock, daily, lambda: rung.append(1))
    clock.jump(100 * DAY)
    await clock.advance(3600)
    assert not rung
    clock.jump(-50 * DAY)
    await clock.advance(11 * 3600)
    assert len(rung) == 1
    alarm.stop()


async def test_while_the_clock_is_not_trusted_nothing_rings_and_what_was_due_rings_once_after() -> None:
    clock, rung, trusted = ManualClock(0), list[float](), False
    alarm = Alarm(clock, daily, lambda: rung.append(clock.now() / 1e9), lambda: trusted)
    await clock.advance(3 * DAY)  # in 1970
    assert not rung
    clock.jump(20_000 * DAY - 3 * DAY + 600)  # ten minutes after the moment, and the hub has run for three days
    trusted = True
    await clock.advance(60)
    assert len(rung) == 1
    await clock.advance(DAY)
    assert len(rung) == 2
    alarm.stop()


async def test_a_clock_that_is_found_right_soon_makes_nothing_up() -> None:
    clock, rung, trusted = ManualClock(0), list[float](), False
    alarm = Alarm(clock, daily, lambda: rung.append(1), lambda: trusted)
    await clock.advance(30)
    clock.jump(20_000 * DAY + 12 * 3600)
    trusted = True
    await clock.advance(60)
    assert not rung
    await clock.advance(12 * 3600)
    assert len(rung) == 1
    trusted = False  # and lost again
    clock.jump(-100 * DAY)
    await clock.advance(2 * DAY)
    assert len(rung) == 1
    alarm.stop()


async def test_an_interval_is_steady_and_skips_what_it_missed() -> None:
    clock, rung = clock_at(0), list[float]()
    interval = Interval(clock, 10, lambda: rung.append(clock.monotonic() - 1000))
    await clock.advance(35)
    assert rung == [10, 20, 30]
    interval.stop()
    await clock.advance(35)
    assert rung == [10, 20, 30]


@given(
    st.lists(st.tuples(st.floats(1, 7200), st.floats(-3600, 3600)), min_size=1, max_size=8),
    st.floats(0, 24),
)
@settings(max_examples=40, deadline=None)
async def test_however_a_clock_is_corrected_each_moment_rings_once(
    turns: list[tuple[float, float]], hour: float
) -> None:
    clock, rung = clock_at(hour), list[int]()
    begun = reached = clock.now() / 1e9
    alarm = Alarm(clock, daily, lambda: rung.append(1))
    for passed, jump in turns:
        await clock.advance(passed)
        reached = max(reached, clock.now() / 1e9)
        clock.jump(jump)
        alarm.look()
        reached = max(reached, clock.now() / 1e9)
    assert len(rung) == reached // DAY - begun // DAY
    alarm.stop()
