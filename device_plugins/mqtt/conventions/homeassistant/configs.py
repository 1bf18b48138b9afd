"""What one discovery payload says, read with bounds: texts, numbers, topics, templates."""

import re
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.homeassistant.abbreviations import expanded
from device_plugins.mqtt.conventions.homeassistant.jinja.values import text_of
from device_plugins.mqtt.conventions.homeassistant.templates import (
    Render,
    ValueTemplate,
    command_template,
    value_template,
)
from device_plugins.mqtt.description import Message
from device_plugins.sdk import slug

LONGEST_TEXT = 255
LONGEST_LABEL = 64
_LONGEST_TOPIC = 1024
_MOST_WORDS = 128
_LONGEST_KEY = 60
_LARGEST = 1e15
_YES = frozenset({"true", "yes", "on", "1", "enable"})
_NO_WORD = re.compile(r"[^a-z0-9]+")


def decoded(payload: bytes) -> dict[str, Any]:
    """The payload's object, with whole names.

    Raises MalformedError when it is none.
    """
    try:
        config = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedError("a discovery payload is no JSON") from None
    if not isinstance(config, dict):
        raise MalformedError("a discovery payload is no JSON object")
    return expanded(config)


def clean(value: object, longest: int = LONGEST_TEXT) -> str:
    """A short text of one line out of whatever stands there."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
    if not text.isprintable():
        text = "".join(letter for letter in text[: 2 * longest] if letter.isprintable())
    return text.strip()[:longest].strip()


def word(text: str) -> str:
    """The text as a key: small letters, digits and `_`, at most 60 of them; empty when nothing is left."""
    return _NO_WORD.sub("_", slug(text[:LONGEST_TEXT])).strip("_")[:_LONGEST_KEY].strip("_")


class Config:
    """The options of one component, with whole names."""

    __slots__ = ("_options", "component", "name", "object_id", "own_id")

    def __init__(self, component: str, object_id: str, options: Mapping[str, Any]) -> None:
        self.component = component
        self._options = options
        self.object_id = object_id
        self.own_id = clean(options.get("unique_id")) or object_id
        self.name = clean(options.get("name"), LONGEST_LABEL)

    def has(self, *names: str) -> bool:
        """Whether all of these are given."""
        return all(self._options.get(name) not in (None, "") for name in names)

    def given(self, name: str) -> bool:
        """Whether the option is written, if only as null."""
        return name in self._options

    def raw(self, name: str) -> Any:  # noqa: ANN401 - whatever stands there
        """The option as it is, or None."""
        return self._options.get(name)

    def text(self, name: str, default: str = "") -> str:
        """The option as a short text."""
        value = self._options.get(name)
        return default if value is None else clean(value)

    def payload(self, name: str, default: str) -> str:
        """A payload to send or to compare with: a number or a bool is written as Home Assistant does."""
        value = self._options.get(name)
        return default if value is None or isinstance(value, list | dict) else text_of(value)

    def flag(self, name: str) -> bool:
        """Whether the option is set."""
        value = self._options.get(name)
        return (
            value.strip().lower() in {"true", "yes", "on", "1"}
            if isinstance(value, str)
            else value is True or value == 1
        )

    def number(self, name: str, default: float) -> float:
        """The option as a number, which may be written as a text."""
        value = self._options.get(name)
        try:
            number = float(value) if isinstance(value, str | int | float) else default
        except (ValueError, OverflowError):
            return default
        return number if -_LARGEST <= number <= _LARGEST else default

    def words(self, name: str) -> tuple[str, ...]:
        """The option as a list of short texts, each once."""
        value = self._options.get(name)
        listed = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        found = dict.fromkeys(text_of(one)[:LONGEST_TEXT] for one in listed[:_MOST_WORDS] if _plain(one))
        return tuple(one for one in found if one)

    def topic(self, name: str) -> str:
        """The option as a topic, or empty.

        Raises MalformedError for one that is none, or that has a wildcard.
        """
        value = self._options.get(name)
        return topic_of(value, name) if value else ""

    def needed(self, name: str) -> str:
        """The topic.

        Raises MalformedError when there is none.
        """
        found = self.topic(name)
        if not found:
            raise MalformedError(f"it has no {name}")
        return found

    def value(self, *names: str) -> ValueTemplate:
        """What reads payloads, by the first of these templates that is given; without one it is their text."""
        return value_template(next((found for name in names if (found := self._template(name))), ""))

    def render(self, name: str) -> Render | None:
        """What writes payloads, if the template is given."""
        text = self._template(name)
        return command_template(text) if text else None

    def message(self, topic: str, payload: str) -> Message:
        """A command as it goes out."""
        qos = next((level for level in (0, 2) if self._options.get("qos") is level), 1)
        return Message(topic, payload.encode("utf-8", "replace"), qos, self.flag("retain"))

    def _template(self, name: str) -> str:
        value = self._options.get(name)
        if value is not None and not isinstance(value, str):
            raise MalformedError(f"{name} is no text")
        return value or ""


def topic_of(value: object, name: str) -> str:
    """The topic.

    Raises MalformedError for what is none, or has a wildcard.
    """
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TOPIC:
        raise MalformedError(f"{name} is no topic")
    if any(letter in value for letter in "+#\0"):
        raise MalformedError(f"{name} has a wildcard, and only plain topics are read: {value:.80}")
    # One device's components share it.
    return sys.intern(value)


def _plain(value: object) -> bool:
    return not isinstance(value, list | dict)
