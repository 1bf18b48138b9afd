"""When a backup is due, and which of the old ones may go. Local time is the machine's own."""

from collections.abc import Mapping
from datetime import datetime, timedelta

_NS = 1_000_000_000


def newest_due(now: int, at: tuple[int, int]) -> int:
    """The last moment (ns since 1970) at which the clock showed the time of day `at`, hours and minutes."""
    local = datetime.fromtimestamp(now / _NS).astimezone()
    moment = local.replace(hour=at[0], minute=at[1], second=0, microsecond=0, tzinfo=None)
    if moment > local.replace(tzinfo=None):
        moment -= timedelta(days=1)
    return int(moment.timestamp()) * _NS


def next_due(now: int, at: tuple[int, int]) -> int:
    """The next such moment."""
    last = datetime.fromtimestamp(newest_due(now, at) / _NS)  # noqa: DTZ006 - a day later by the clock on the wall
    return int((last + timedelta(days=1)).timestamp()) * _NS


def spare(made: Mapping[str, int], daily: int, weekly: int) -> list[str]:
    """Those of the backups, by name with their time (ns since 1970), that need not be kept.

    Kept are the newest of each of the last `daily` days and `weekly` weeks that have any, and the newest of all.
    """
    newest_first = sorted(made, key=lambda name: (made[name], name), reverse=True)
    kept = {*newest_first[:1]}
    for count, form in ((daily, "%Y-%m-%d"), (weekly, "%G-%V")):
        periods: dict[str, str] = {}
        for name in newest_first:
            moment = datetime.fromtimestamp(made[name] / _NS).astimezone()
            periods.setdefault(moment.strftime(form), name)
        kept |= {*[*periods.values()][:count]}
    return [name for name in newest_first if name not in kept]
