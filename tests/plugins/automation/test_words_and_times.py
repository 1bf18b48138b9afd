from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.sdk import slug
from plugins.automation.times import EVERY_DAY, next_moment, seconds, time_of_day, weekdays, within
from plugins.automation.words import did_you_mean

BERLIN = ZoneInfo("Europe/Berlin")


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, secs: int) -> None:
    assert seconds(f"{hours}h{minutes}m{secs}s") == hours * 3600 + minutes * 60 + secs
    assert seconds(f" {hours}h {minutes}m ") == hours * 3600 + minutes * 60


@given(st.floats(0, 1e6))
def test_a_number_is_seconds(amount: float) -> None:
    assert seconds(amount) == amount


@pytest.mark.parametrize(("text", "length"), [("500ms", 0.5), ("1.5h", 5400), ("2d", 172800), ("0s", 0)])
def test_durations_have_units(text: str, length: float) -> None:
    assert seconds(text) == length


@given(st.text())
def test_no_text_does_worse_than_a_sentence(text: str) -> None:
    for read in (seconds, time_of_day):
        try:
            read(text)
        except ValueError as error:
            assert "write" in str(error) or "between" in str(error)  # noqa: PT017


@pytest.mark.parametrize("wrong", ["", "5", "5 minutes", "-5s", "5m5", "h", -1, float("nan"), float("inf"), "999d"])
def test_what_is_no_duration_is_refused(wrong: str | float) -> None:
    with pytest.raises(ValueError, match=r"no duration|between"):
        seconds(wrong)


@given(st.times())
def test_a_time_of_day_is_read_as_written(moment: time) -> None:
    moment = moment.replace(microsecond=0)
    assert time_of_day(moment.strftime("%H:%M:%S")) == moment
    assert time_of_day(moment.strftime("%H:%M")) == moment.replace(second=0)


@pytest.mark.parametrize("wrong", ["24:00", "7", "07:60", "07:30:61", "seven", "07:30:00:00", "07.30", "७:30"])
def test_what_is_no_time_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no time of day"):
        time_of_day(wrong)


def test_a_time_may_have_one_digit() -> None:
    assert time_of_day("7:05") == time(7, 5)


def test_days_are_read_by_their_first_letters() -> None:
    assert weekdays(["mon", "Sunday"]) == {0, 6}
    assert weekdays([]) == EVERY_DAY
    with pytest.raises(ValueError, match="no day of the week"):
        weekdays(["someday"])


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def following(after: float, moment: str, days: list[str] | None = None) -> datetime:
    found = next_moment(after, time_of_day(moment), weekdays(days or []), BERLIN)
    return datetime.fromtimestamp(found, BERLIN)


def test_the_next_moment_is_today_or_tomorrow() -> None:
    assert following(at("2026-01-10T07:00"), "07:30") == datetime(2026, 1, 10, 7, 30, tzinfo=BERLIN)
    assert following(at("2026-01-10T07:30"), "07:30") == datetime(2026, 1, 11, 7, 30, tzinfo=BERLIN)


def test_the_next_moment_is_on_a_day_that_was_asked_for() -> None:
    saturday = at("2026-01-10T12:00")
    assert following(saturday, "07:30", ["mon"]) == datetime(2026, 1, 12, 7, 30, tzinfo=BERLIN)
    assert following(saturday, "07:30", ["sat"]) == datetime(2026, 1, 17, 7, 30, tzinfo=BERLIN)


def test_a_time_keeps_its_place_on_the_clock_over_both_changes() -> None:
    spring, autumn = at("2026-03-28T08:00"), at("2026-10-24T08:00")
    assert following(spring, "07:30").isoformat() == "2026-03-29T07:30:00+02:00"
    assert following(autumn, "07:30").isoformat() == "2026-10-25T07:30:00+01:00"


def test_a_time_that_spring_skips_comes_once_and_later() -> None:
    first = following(at("2026-03-29T00:30"), "02:30")
    assert first.isoformat() == "2026-03-29T03:30:00+02:00"
    assert following(first.timestamp(), "02:30").isoformat() == "2026-03-30T02:30:00+02:00"


def test_a_time_that_autumn_shows_twice_comes_once() -> None:
    first = following(at("2026-10-25T00:30"), "02:30")
    assert first.isoformat() == "2026-10-25T02:30:00+02:00"
    assert following(first.timestamp(), "02:30").isoformat() == "2026-10-26T02:30:00+01:00"


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    st.times(),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from([BERLIN, UTC, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe"), None]),
)
def test_the_next_moment_lies_ahead_and_within_a_week_and_an_hour(
    start: datetime, moment: time, days: set[int], zone: ZoneInfo | None
) -> None:
    after = start.replace(tzinfo=UTC).timestamp()
    found = next_moment(after, moment, frozenset(days), zone)
    assert after < found <= after + 7 * 86400 + 3600
    assert next_moment(found, moment, frozenset(days), zone) > found


def test_a_window_lies_between_two_times() -> None:
    noon = datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert within(noon, time(11), time(13), EVERY_DAY)
    assert not within(noon, time(13), time(14), EVERY_DAY)
    assert within(noon, time(12), None, EVERY_DAY)
    assert not within(noon, None, time(12), EVERY_DAY)
    assert within(noon, None, None, frozenset({5}))
    assert not within(noon, None, None, frozenset({4}))


def test_a_window_over_midnight_belongs_to_the_day_it_begins() -> None:
    friday = frozenset({4})
    assert within(datetime(2026, 1, 9, 23, tzinfo=UTC), time(22), time(6), friday)
    assert within(datetime(2026, 1, 10, 5, tzinfo=UTC), time(22), time(6), friday)
    assert not within(datetime(2026, 1, 10, 23, tzinfo=UTC), time(22), time(6), friday)
    assert not within(datetime(2026, 1, 9, 5, tzinfo=UTC), time(22), time(6), friday)
    assert not within(datetime(2026, 1, 9, 12, tzinfo=UTC), time(22), time(6), friday)


def test_names_become_slugs() -> None:
    assert slug("Hall lamp") == slug(" hall-LAMP ") == "hall-lamp"
    assert slug("Küche_2") == "küche-2"
    assert slug("C+") == "c+"
    assert slug("--") == "--"


def test_a_typing_mistake_gets_a_hint() -> None:
    assert did_you_mean("acton", ["action", "trigger"]) == "; did you mean 'action'?"
    assert did_you_mean("zzz", ["action"]) == ""
