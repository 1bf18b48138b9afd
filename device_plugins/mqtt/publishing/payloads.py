"""Values and commands in words, as they stand on the plain topics and in Homie's.

A truth is `true` or `false`, a number its digits, a word or a text itself, a pair two numbers with a comma.
"""

import math
from typing import Any

import msgspec

from device_plugins.sdk import VOCABULARY, Feature, InvalidValueError

UNKNOWN = "None"
"""What stands for a value that is not known; Home Assistant's own word for it."""
PAYLOAD_LIMIT = 4096

_TRUTHS = {"true": True, "false": False}
_DIGITS = 10


def words_of(value: Any) -> str:  # noqa: ANN401 - the vocabulary's types
    """The value in words."""
    match value:
        case None:
            return UNKNOWN
        case bool():
            return "true" if value else "false"
        case int() | float():
            return number_words(value)
        case [first, second]:
            return f"{words_of(first)},{words_of(second)}"
    return str(value)


def number_words(value: float) -> str:
    """A number without an exponent, with ten significant digits behind the point at most."""
    if value == int(value):
        return str(int(value))
    words = f"{value:.{_DIGITS}f}".rstrip("0").removesuffix(".")
    return "0" if words == "-0" else words


def value_from(feature: Feature, payload: bytes) -> Any:  # noqa: ANN401 - the vocabulary's types
    """The value that the words mean, for a feature's `set`; its range is not checked.

    Raises InvalidValueError.
    """
    text = text_from(feature, payload)
    match VOCABULARY[feature.capability].type:
        case "bool" if text in _TRUTHS:
            return _TRUTHS[text]
        case "number" | "integer":
            return _number(feature, text)
        case "pair" if text.count(",") == 1:
            return [_number(feature, part) for part in text.split(",")]
        case "enum" | "text":
            return text
    raise InvalidValueError(f"{feature.key} cannot be {text!r:.60}")


def command_from(feature: Feature, payload: bytes) -> tuple[str, dict[str, Any]]:
    """A command and its arguments, from its name or from `{"command": ..., "arguments": {...}}`.

    Raises InvalidValueError.
    """
    text = text_from(feature, payload)
    if not text.startswith("{"):
        return text, {}
    try:
        told = msgspec.json.decode(text, type=_Told)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidValueError(f"{feature.key} was told a command that is none: {error}") from error
    return told.command, told.arguments


def text_from(feature: Feature, payload: bytes) -> str:
    """The text of a payload.

    Raises InvalidValueError.
    """
    if len(payload) > PAYLOAD_LIMIT:
        raise InvalidValueError(f"{feature.key} was told {len(payload)} bytes; {PAYLOAD_LIMIT} are the most")
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise InvalidValueError(f"{feature.key} was told something that is no text") from None


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str
    arguments: dict[str, Any] = {}


def _number(feature: Feature, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidValueError(f"{feature.key} must be a number, not {text!r:.60}")
    return int(value) if value == int(value) else value
