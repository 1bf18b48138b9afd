"""What a payload of discovery is taken apart with: it is text from the network, and nothing about it is believed."""

from collections.abc import Iterator
from typing import Any

import msgspec

from device_plugins.mqtt.convention import MalformedError
from device_plugins.sdk.values import TEXT_LIMIT

DEVICES = 2000
"""Most devices of one convention."""
ENTITIES = 256
"""Most parts of one device that are looked at."""
TOPIC_LIMIT = 512
"""Longest topic, in characters, that is taken from a payload."""


def document(payload: bytes, what: str) -> Any:  # noqa: ANN401 - JSON
    """The JSON document; raises MalformedError, which names `what`."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedError(f"{what:.120} is no JSON: {error!s:.120}") from None


def record(value: object) -> dict[str, Any]:
    """The object of JSON; empty when it is something else."""
    return value if isinstance(value, dict) else {}


def records(value: object, most: int = ENTITIES) -> Iterator[dict[str, Any]]:
    """The objects in an array of JSON, the first `most` places of it."""
    if isinstance(value, list):
        yield from (one for one in value[:most] if isinstance(one, dict))


def listed(value: object, most: int = ENTITIES) -> list[Any]:
    """The array of JSON; empty when it is something else, and never longer than `most`."""
    return value[:most] if isinstance(value, list) else []


def word(value: object, limit: int = TEXT_LIMIT) -> str:
    """The text, at most `limit` characters of it, without what cannot be printed; empty when it is no text."""
    if not isinstance(value, str):
        return ""
    cut = value[:limit]
    return (cut if cut.isprintable() else "".join(letter for letter in cut if letter.isprintable())).strip()


def words(value: object, most: int = ENTITIES) -> tuple[str, ...]:
    """The texts in an array of JSON that can be a value, each once."""
    found = (one for one in listed(value, most) if isinstance(one, str) and 0 < len(one) <= TEXT_LIMIT)
    return tuple(dict.fromkeys(found))


def number(value: object) -> float | None:
    """The number, None when it is something else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -1e15 <= value <= 1e15 else None  # noqa: PLR2004 - what is exact everywhere


def whole(value: object) -> int | None:
    """The whole number, None when it is something else."""
    found = number(value)
    return int(found) if found is not None and found == int(found) else None


def level(value: object, limit: int = TOPIC_LIMIT) -> str:
    """The text if it can stand in a topic that is published to; empty when it cannot."""
    if not isinstance(value, str) or not 0 < len(value) <= limit or value[0] in "/$" or value[-1] == "/":
        return ""
    return value if value.isprintable() and not set(value) & {"+", "#"} else ""


def hex_digits(value: object, digits: int) -> str:
    """The address in lower-case hex without 0x, colons and dashes; empty unless it has so many digits."""
    if not isinstance(value, str) or len(value) > 4 * digits:
        return ""
    plain = value.lower().removeprefix("0x").replace(":", "").replace("-", "")
    return plain if len(plain) == digits and set(plain) <= set("0123456789abcdef") else ""
