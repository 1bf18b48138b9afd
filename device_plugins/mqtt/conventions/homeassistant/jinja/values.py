"""What an expression may be worth, and the bounds it has to keep."""

import math
from typing import Any

LONGEST = 4096
"""Characters of a text that an expression takes or gives."""
LARGEST = 1e18
MOST = 256
"""Entries of a list or an object that an expression walks through."""
DEEPEST = 8


class MissingError(LookupError):
    """The template asks for something that the payload does not have, so it says nothing."""


class Undefined:
    """What is not there; there is one of it."""

    def __bool__(self) -> bool:
        return False


UNDEFINED = Undefined()


def there(value: Any) -> Any:  # noqa: ANN401 - JSON's types
    """The value.

    Raises MissingError where there is none.
    """
    if value is UNDEFINED:
        raise MissingError("it is not in the payload")
    return value


def text_of(value: Any) -> str:  # noqa: ANN401
    """The value as Jinja2 writes it.

    Raises ValueError for one that is too long or no plain value.
    """
    if isinstance(value, str):
        found = value
    elif value is UNDEFINED:
        found = ""
    elif value is None or isinstance(value, bool | int | float):
        found = str(value)
    else:
        raise TypeError("a list or an object is no text")
    if len(found) > LONGEST:
        raise ValueError(f"a text of more than {LONGEST} characters")
    return found


def number_of(value: Any) -> float:  # noqa: ANN401
    """The number, as int or float; a bool counts as 0 or 1.

    Raises TypeError for what is none, OverflowError for one beyond all measure.
    """
    if there(value) is None or not isinstance(value, int | float):
        raise TypeError("not a number")
    return bounded(int(value) if isinstance(value, bool) else value)


def bounded(value: float) -> float:
    """The number.

    Raises OverflowError for one beyond all measure.
    """
    if not -LARGEST <= value <= LARGEST:
        raise OverflowError("a number beyond all measure")
    return value


def parsed(value: Any) -> float:  # noqa: ANN401
    """The number that a number or a text says.

    Raises ValueError or TypeError for what says none.
    """
    if isinstance(value, str):
        value = float(text_of(value))
        if not math.isfinite(value):
            raise ValueError("not a number")
    return number_of(value)


def small(value: Any) -> Any:  # noqa: ANN401
    """The text, list or object, if it is small enough to be walked through.

    Raises ValueError, or TypeError for what is none of these.
    """
    if not isinstance(there(value), str | list | dict):
        raise TypeError("neither text nor list nor object")
    if len(value) > (LONGEST if isinstance(value, str) else MOST):
        raise ValueError(f"more than {MOST} entries or {LONGEST} characters")
    return value


def shallow(value: Any, room: int = MOST, depth: int = 0) -> int:  # noqa: ANN401
    """How many entries are still allowed after all that is in the value.

    Raises ValueError when there is too much of it, or it is nested too deeply.
    """
    room -= 1 + len(value) // 64 if isinstance(value, str) else 1
    if isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            if depth >= DEEPEST or room <= 0:
                raise ValueError("too much in it")
            room = shallow(one, room, depth + 1)
    if room <= 0:
        raise ValueError("too much in it")
    return room


def item(holder: Any, key: Any) -> Any:  # noqa: ANN401
    """What stands in an object or a list at this place, or undefined; nothing else has anything in it.

    Raises MissingError where the holder itself is not there.
    """
    if isinstance(holder, dict):
        return holder.get(key, UNDEFINED) if isinstance(key, str | int | float | None) else UNDEFINED
    if isinstance(holder, list | str) and isinstance(key, int):
        return holder[key] if -len(holder) <= key < len(holder) else UNDEFINED
    there(holder)
    return UNDEFINED
