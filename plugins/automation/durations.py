"""Durations as people write them: `10s`, `5m`, `1h30m`, or a plain number of seconds."""

import re

type Duration = str | int | float

LONGEST = 366 * 86400.0

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


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
