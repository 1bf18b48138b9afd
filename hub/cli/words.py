"""Words of a command line as values: on/off, true/false, numbers, JSON, or text."""

import json
from math import isfinite
from typing import Any

from hub.cli.errors import WrongUsageError

_FLAGS = {"on": True, "true": True, "off": False, "false": False}


def parse(word: str) -> Any:  # noqa: ANN401 - JSON
    """The value a word stands for."""
    if word.lower() in _FLAGS:
        return _FLAGS[word.lower()]
    try:
        return json.loads(word, parse_constant=_no_number)
    except ValueError:
        return word


def pair(word: str) -> tuple[str, str]:
    """The two sides of `key=value`.

    Raises WrongUsageError.
    """
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise WrongUsageError(f"{word!r} is not like key=value")
    return key, value


def finite(number: float | None) -> float | None:
    """Let an option's number pass, unless it is `nan`, which lies within all bounds, or infinite.

    Raises WrongUsageError.
    """
    if number is not None and not isfinite(number):
        raise WrongUsageError(f"{number} is no number")
    return number


def wants_text(schema: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a JSON Schema takes texts and neither flags nor numbers."""
    if not isinstance(schema, dict):
        return False
    kinds = schema.get("anyOf", [schema])
    types = {one.get("type", "string" if "enum" in one else "any") for one in kinds}
    return "string" in types and types <= {"string", "null"}


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")
