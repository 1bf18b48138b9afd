"""From raw values to values of the vocabulary; None where the device says that it does not know.

Each raises ValueError for what no such value can be.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from device_plugins.zwave.mapping.model import NOTHING

type Take = Callable[[Any], Any]

LEVEL_MAX = 99
PERCENT_MAX = 100
UNKNOWN = 254
FULL = 255
_WORD = re.compile(r"[^a-z0-9]+")


def number(raw: Any) -> float:  # noqa: ANN401 - JSON
    """A finite number."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise ValueError("it is no number")
    return raw


def known(take: Take) -> Take:
    """Take it, or None for a value that is not known yet."""
    return lambda raw: None if raw is None else take(raw)


def linear(factor: float = 1, offset: float = 0) -> Take:
    """`raw * factor + offset`, to six significant decimals."""
    if factor == 1 and not offset:
        return known(number)
    return known(lambda raw: round(number(raw) * factor + offset, 6))


def percent(raw: Any) -> float:  # noqa: ANN401 - JSON
    """0 to 100, as it is."""
    if not 0 <= number(raw) <= PERCENT_MAX:
        raise ValueError("it is no percentage")
    return float(raw) if isinstance(raw, float) else int(raw)


def flag(raw: Any) -> bool:  # noqa: ANN401 - JSON
    """True or false; of a number, whether it is anything but 0."""
    return raw if isinstance(raw, bool) else number(raw) != 0


def inverted(raw: Any) -> bool:  # noqa: ANN401 - JSON
    """The opposite of `flag`."""
    return not flag(raw)


def level(raw: Any) -> int | None:  # noqa: ANN401 - JSON
    """0..99 as percent: 99 is all there is, and so is 255 of old devices; 254 is unknown."""
    value = number(raw)
    if value == UNKNOWN:
        return None
    if value == FULL:
        return PERCENT_MAX
    if not 0 <= value <= PERCENT_MAX:
        raise ValueError("it is no level")
    return PERCENT_MAX if value >= LEVEL_MAX else int(value)


def lit(raw: Any) -> bool | None:  # noqa: ANN401 - JSON
    """Whether a level is anything but 0."""
    value = level(raw)
    return None if value is None else value > 0


def raw_level(value: float) -> int:
    """Undo `level`; above 0 % never off."""
    return min(max(round(value), 1), LEVEL_MAX) if value > 0 else 0


def among(table: Mapping[int, Any]) -> Take:
    """What the table says of a number; what it does not know says nothing."""
    return lambda raw: table.get(int(number(raw)), NOTHING)


def one_of(numbers: Collection[int], *, closed: bool = False) -> Take:
    """Whether it is one of these numbers; with `closed`, whether it is none of them."""
    return lambda raw: (int(number(raw)) in numbers) is not closed


def word(text: str) -> str:
    """A text as a word in lower case: "Auto high" is `auto_high`."""
    return _WORD.sub("_", text.casefold()).strip("_")


def name(text: str) -> str:
    """A text as a name that can stand in a key."""
    plain = word(text)[:60]
    return plain if plain[:1].isalpha() else f"n_{plain}"


def words(states: Mapping[str, str]) -> dict[int, str]:
    """The words for the numbers of `states`, each its own: those alike get their number."""
    found: dict[int, str] = {}
    for raw, text in sorted(states.items()):
        try:
            key = int(raw)
        except ValueError:
            continue
        name = word(text)[:80] or str(key)
        found[key] = name if name not in found.values() else f"{name}_{key}"
    return dict(sorted(found.items()))
