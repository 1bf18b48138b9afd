"""Times as people write them: durations, times of day and days of the week, and their next moment on the clock.

Local time is that of `zone`; `None` is the machine's own. A moment is wall time in seconds since 1970.
"""

import re
from datetime import datetime, time, timedelta, tzinfo

type Duration = str | int | float

LONGEST = 366 * 86400.0

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))

_WEEK_AND_MORE = 9
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?")


def seconds(duration: Duration) -> float:
    """The duration in seconds, 0 to 366 days.

    Raises ValueError with a sentence for the owner.
    """
    if isinstance(duration, str):
        text = duration.strip()
        if not _WHOLE.fullmatch(text):
            raise ValueError(f"{duration[:40]!r} is no duration; write '10s', '5m', '1h30m' or a number of seconds")
        length = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(text))
    else:
        length = duration
    if not 0 <= length <= LONGEST:
        raise ValueError(f"{str(duration)[:40]!r} must be between 0 seconds and 366 days")
    return float(length)


def time_of_day(text: str) -> time:
    """Read `07:30` or `07:30:15`.

    Raises ValueError with a sentence for the owner.
    """
    if _TIME.fullmatch(text):
        return time.fromisoformat(text.zfill(len("07:30") if text.count(":") == 1 else len("07:30:15")))
    raise ValueError(f"{text[:40]!r} is no time of day; write '07:30' or '07:30:15'")


def weekdays(names: list[str]) -> frozenset[int]:
    """The days by number, Monday is 0; no names are all days.

    Raises ValueError with a sentence for the owner.
    """
    if not names:
        return EVERY_DAY
    wrong = [name for name in names if name[:3].lower() not in DAYS]
    if wrong:
        raise ValueError(f"{wrong[0][:40]!r} is no day of the week; write {', '.join(DAYS)}")
    return frozenset(DAYS.index(name[:3].lower()) for name in names)


def next_moment(after: float, at: time, days: frozenset[int], zone: tzinfo | None) -> float:
    """The first moment behind `after` at which the local clock shows `at` on one of `days`.

    A time that the clock skips in spring comes as much later as the clock was put forward; one that it shows twice
    in autumn counts the first time only. So each day has it exactly once.
    """
    day = datetime.fromtimestamp(after, zone).date() - timedelta(days=1)
    for _ in range(_WEEK_AND_MORE):
        if day.weekday() in days:
            moment = datetime.combine(day, at, zone).timestamp()
            if moment > after:
                return moment
        day += timedelta(days=1)
    raise ValueError("there is no day to choose from")


def within(moment: datetime, after: time | None, before: time | None, days: frozenset[int]) -> bool:
    """Whether a local moment lies in the window; one that passes midnight belongs to the day on which it began."""
    now = moment.time()
    day = moment.weekday()
    start = after or time.min
    if before is None:
        inside = now >= start
    elif start < before:
        inside = start <= now < before
    else:
        inside = now >= start or now < before
        if now < before:
            day = (day - 1) % 7
    return inside and day in days
