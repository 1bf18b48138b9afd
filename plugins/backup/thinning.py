"""When a backup is due, and which of the old ones may go. Local time is the machine's own."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import msgspec

_NS = 1_000_000_000


class Made(msgspec.Struct, frozen=True):
    """A backup: its file's name, when it was made (ns since 1970, as the clock was), and whether all could be read."""

    name: str
    made: int
    is_whole: bool = True


def newest_due(now: int, at: tuple[int, int]) -> int:
    """The last moment (ns since 1970) at which the clock showed the time of day `at`, hours and minutes.

    One that it left out, when summer time began, is an hour later by the clock.
    """
    today = datetime.fromtimestamp(now / _NS).astimezone().date()
    return next(moment for days in range(3) if (moment := _moment(today - timedelta(days), at)) <= now)


def next_due(now: int, at: tuple[int, int]) -> int:
    """The next such moment."""
    today = datetime.fromtimestamp(now / _NS).astimezone().date()
    return next(moment for days in range(3) if (moment := _moment(today + timedelta(days), at)) > now)


def _moment(day: date, at: tuple[int, int]) -> int:
    return int(datetime.combine(day, time(*at)).timestamp()) * _NS


def spare(backups: Sequence[Made], daily: int, weekly: int) -> list[Made]:
    """Those of the backups, in the order they were made in, that need not be kept.

    Kept are the newest of each of the last `daily` days and `weekly` weeks that have any, the newest of all, and the
    newest whole one. The clock may have been wrong at any of them, so it says only which were made on one day.
    """
    newest_first = [*reversed(backups)]
    kept = {one.name for one in (*newest_first[:1], *[one for one in newest_first if one.is_whole][:1])}
    for count, form in ((daily, "%Y-%m-%d"), (weekly, "%G-%V")):
        periods: dict[str, str] = {}
        for one in newest_first:
            moment = datetime.fromtimestamp(one.made / _NS).astimezone()
            periods.setdefault(moment.strftime(form), one.name)
        kept |= {*[*periods.values()][:count]}
    return [one for one in newest_first if one.name not in kept]
