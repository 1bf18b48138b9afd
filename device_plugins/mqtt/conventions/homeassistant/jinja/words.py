"""Filters, tests, functions and methods: each takes plain values, and costs no more than its bounded input."""

import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from device_plugins.mqtt.conventions.homeassistant.jinja.values import (
    LONGEST,
    UNDEFINED,
    MissingError,
    bounded,
    number_of,
    parsed,
    shallow,
    small,
    text_of,
    there,
)

type Word = Callable[..., Any]

_NOT_GIVEN: Any = object()
_FORMAT = re.compile(r"%(?:%|[-+ 0#]{0,2}\d{0,2}(?:\.\d{1,2})?[dfsxXeEgGi])")
_DIGITS = 15
_BASES = frozenset({2, 8, 16})
_ROOM = 2 * LONGEST
_LONGEST_WORD = 16
_TRUE = frozenset({"1", "true", "yes", "on", "enable"})
_FALSE = frozenset({"0", "false", "no", "off", "disable"})
_WHITE = frozenset(" \t\r\n-_.,:;/|+")


def _float(value: Any, default: Any = _NOT_GIVEN) -> Any:  # noqa: ANN401 - JSON's types
    try:
        return float(parsed(value))
    except (ValueError, TypeError):
        return _or_raise(default)


def _int(value: Any, default: Any = _NOT_GIVEN, base: Any = 10) -> Any:  # noqa: ANN401
    try:
        if base in _BASES and isinstance(value, str):
            return bounded(int(text_of(value), base))
        return int(parsed(value))
    except (ValueError, TypeError):
        return _or_raise(default)


def _or_raise(default: Any) -> Any:  # noqa: ANN401
    if default is _NOT_GIVEN:
        raise ValueError("it is not a number")
    return default


def _round(value: Any, precision: Any = 0, method: Any = "common", default: Any = _NOT_GIVEN) -> Any:  # noqa: ANN401
    try:
        number, digits = float(parsed(value)), int(number_of(precision))
    except (ValueError, TypeError):
        return _or_raise(default)
    if abs(digits) > _DIGITS:
        raise ValueError("rounded to too many digits")
    if method in {"ceil", "floor"}:
        number = (math.ceil if method == "ceil" else math.floor)(number * 10**digits) / 10**digits
    elif method == "half":
        number = round(number * 2) / 2
    else:
        number = round(number, digits)
    return int(number) if digits == 0 else number


def _default(value: Any, instead: Any = "", boolean: Any = False) -> Any:  # noqa: ANN401, FBT002 - Jinja2's signature
    return instead if value is UNDEFINED or (boolean and not value) else value


def _iif(value: Any, yes: Any = True, no: Any = False, none: Any = _NOT_GIVEN) -> Any:  # noqa: ANN401, FBT002
    return none if value is None and none is not _NOT_GIVEN else yes if value else no


def _bool(value: Any, default: Any = _NOT_GIVEN) -> Any:  # noqa: ANN401
    if isinstance(value, bool | int | float):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) and len(value) <= _LONGEST_WORD else ""
    if word in _TRUE | _FALSE:
        return word in _TRUE
    return _or_raise(default)


def _length(value: Any) -> int:  # noqa: ANN401
    if not isinstance(there(value), str | list | dict):
        raise TypeError("it has no length")
    return len(value)


def _first(value: Any) -> Any:  # noqa: ANN401
    return next(iter(small(value)), UNDEFINED)


def _last(value: Any) -> Any:  # noqa: ANN401
    return small(value)[-1] if value and not isinstance(value, dict) else UNDEFINED


def _join(value: Any, between: Any = "") -> str:  # noqa: ANN401
    parts, between = [text_of(one) for one in small(value)], text_of(between)
    if sum(map(len, parts)) + len(between) * len(parts) > _ROOM:
        raise ValueError("too long a text")
    return text_of(between.join(parts))


def _replace(value: Any, old: Any, new: Any) -> str:  # noqa: ANN401
    text, old, new = text_of(value), text_of(old), text_of(new)
    if len(text) + text.count(old) * len(new) > _ROOM:
        raise ValueError("too long a text")
    return text_of(text.replace(old, new))


def _extreme(choose: Callable[[list[float]], float]) -> Word:
    def take(*values: Any) -> float:  # noqa: ANN401
        given = small(values[0]) if len(values) == 1 else values
        return choose([number_of(one) for one in given])

    return take


def _to_json(value: Any, **_: Any) -> str:  # noqa: ANN401
    shallow(there(value))
    return text_of(msgspec.json.encode(value).decode())


def _from_json(value: Any) -> Any:  # noqa: ANN401
    try:
        return msgspec.json.decode(text_of(there(value)))
    except msgspec.DecodeError:
        raise ValueError("it is no JSON") from None


def _is_defined(value: Any) -> Any:  # noqa: ANN401
    return there(value)


def format_text(pattern: Any, *values: Any) -> str:  # noqa: ANN401
    """C's printf with small widths.

    Raises ValueError for wide ones, and for more or fewer values than the pattern has.
    """
    pattern = text_of(pattern)
    if "%" in _FORMAT.sub("", pattern):
        raise ValueError("a pattern that is not for one short number or text")
    return text_of(pattern % tuple(text_of(one) if isinstance(one, str) else number_of(one) for one in values))


def _math(of: Callable[[float], float]) -> Word:
    def take(value: Any, default: Any = _NOT_GIVEN) -> Any:  # noqa: ANN401
        try:
            return of(float(parsed(value)))
        except (ValueError, TypeError):
            return _or_raise(default)

    return take


def _is_number(value: Any) -> bool:  # noqa: ANN401
    try:
        return math.isfinite(parsed(value))
    except (ValueError, TypeError, MissingError, OverflowError):
        return False


def _contains(value: Any, part: Any) -> bool:  # noqa: ANN401
    return bool(inside(part, value))


def inside(part: Any, whole: Any) -> bool:  # noqa: ANN401
    """Whether the part is in the text, the list, or among the keys of the object."""
    whole = small(whole)
    if isinstance(whole, str):
        return text_of(part) in whole
    if isinstance(part, list | dict):
        raise TypeError("a list or an object is not looked for")
    return part in whole


def same(left: Any, right: Any) -> bool:  # noqa: ANN401
    """Whether two values are equal; lists and objects only compare while they are small."""
    if isinstance(left, list | dict) and isinstance(right, list | dict):
        shallow(left)
        shallow(right)
    return bool(left == right)


def _text(change: Callable[[str], str]) -> Word:
    return lambda value: text_of(change(text_of(value)))


def _strip(change: Callable[[str, str | None], str]) -> Word:
    return lambda value, letters=None: change(text_of(value), None if letters is None else text_of(letters))


def _bits(change: Callable[[int, int], int]) -> Word:
    return lambda value, other: change(int(number_of(value)), int(number_of(other)))


def _split(value: Any, between: Any = None, most: Any = -1) -> list[str]:  # noqa: ANN401
    return text_of(there(value)).split(None if between is None else text_of(between), int(number_of(most)))


def _get(value: Any, key: Any, default: Any = None) -> Any:  # noqa: ANN401
    if not isinstance(there(value), dict) or isinstance(key, list | dict):
        raise TypeError("only an object has entries by name")
    return value.get(key, default)


FILTERS: dict[str, Word] = {
    "abs": lambda value: abs(number_of(value)),
    "add": lambda value, other: bounded(parsed(value) + parsed(other)),
    "bitwise_and": _bits(lambda one, other: one & other),
    "bitwise_or": _bits(lambda one, other: one | other),
    "bool": _bool,
    "capitalize": _text(str.capitalize),
    "contains": _contains,
    "count": _length,
    "d": _default,
    "default": _default,
    "first": _first,
    "float": _float,
    "format": format_text,
    "from_json": _from_json,
    "iif": _iif,
    "int": _int,
    "is_defined": _is_defined,
    "is_number": _is_number,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": _text(str.lower),
    "max": _extreme(max),
    "min": _extreme(min),
    "multiply": lambda value, other: bounded(parsed(value) * parsed(other)),
    "replace": _replace,
    "round": _round,
    "safe": lambda value: value,
    "sqrt": _math(math.sqrt),
    "string": text_of,
    "title": _text(str.title),
    "to_json": _to_json,
    "tojson": _to_json,
    "trim": _strip(str.strip),
    "upper": _text(str.upper),
}

FUNCTIONS: dict[str, Word] = {
    name: FILTERS[name] for name in ("bool", "float", "iif", "int", "is_number", "max", "min", "sqrt")
}

METHODS: dict[str, Word] = {
    "capitalize": FILTERS["capitalize"],
    "endswith": lambda value, end: text_of(there(value)).endswith(text_of(end)),
    "find": lambda value, part: text_of(there(value)).find(text_of(part)),
    "get": _get,
    "keys": lambda value: list(small(value)) if isinstance(value, dict) else _or_raise(_NOT_GIVEN),
    "lower": FILTERS["lower"],
    "lstrip": _strip(str.lstrip),
    "replace": _replace,
    "rstrip": _strip(str.rstrip),
    "split": _split,
    "startswith": lambda value, start: text_of(there(value)).startswith(text_of(start)),
    "strip": _strip(str.strip),
    "title": FILTERS["title"],
    "upper": FILTERS["upper"],
    "values": lambda value: list(small(value).values()) if isinstance(value, dict) else _or_raise(_NOT_GIVEN),
}

TESTS: dict[str, Word] = {
    "boolean": lambda value: isinstance(value, bool),
    "contains": _contains,
    "defined": lambda value: value is not UNDEFINED,
    "divisibleby": lambda value, by: number_of(value) % number_of(by) == 0,
    "eq": same,
    "equalto": same,
    "even": lambda value: number_of(value) % 2 == 0,
    "false": lambda value: value is False,
    "float": lambda value: isinstance(value, float),
    "ge": lambda value, other: number_of(value) >= number_of(other),
    "gt": lambda value, other: number_of(value) > number_of(other),
    "in": inside,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "le": lambda value, other: number_of(value) <= number_of(other),
    "list": lambda value: isinstance(value, list),
    "lt": lambda value, other: number_of(value) < number_of(other),
    "mapping": lambda value: isinstance(value, dict),
    "match": lambda value, start: text_of(value).startswith(_plain(start)),
    "ne": lambda value, other: not same(value, other),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float),
    "odd": lambda value: number_of(value) % 2 == 1,
    "search": lambda value, part: _plain(part) in text_of(value),
    "sequence": lambda value: isinstance(value, str | list | dict),
    "string": lambda value: isinstance(value, str),
    "true": lambda value: value is True,
    "undefined": lambda value: value is UNDEFINED,
}


def _plain(pattern: Any) -> str:  # noqa: ANN401
    """A regular expression that is a plain text; others could run for years."""
    text = text_of(pattern)
    if re.escape(text) != text and not all(one.isalnum() or one in _WHITE for one in text):
        raise ValueError("only plain texts are searched for, no patterns")
    return text
