"""A device while it is put together: features under keys of their own, and what belongs to each of them."""

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any, TypedDict, Unpack

import msgspec

from device_plugins.mqtt.convention import MalformedError
from device_plugins.mqtt.conventions.parsing import TOPIC_LIMIT, word
from device_plugins.mqtt.description import (
    Action,
    Described,
    Encode,
    Encoding,
    Happening,
    Message,
    Reading,
    Sign,
    Take,
)
from device_plugins.sdk import VOCABULARY, Device, Feature
from device_plugins.sdk.values import FEATURE_LIMIT, RESERVED_KEYS

_OTHER = re.compile(r"[^a-z0-9_]+")
_NAME, _SUFFIX, _LABEL = 64, 32, 64
_SHARED = 4096
ON_OFF = ("set", "on", "off", "toggle")


class Narrow(TypedDict, total=False):
    """What a feature says beside its capability."""

    writable: bool
    minimum: float | None
    maximum: float | None
    values: tuple[str, ...]
    commands: tuple[str, ...]
    unit: str
    label: str


class Parts:
    """Collects what one device has; a device with too much is refused."""

    def __init__(self, topic_prefix: str = "") -> None:
        self.features: dict[str, Feature] = {}
        self.readings: list[Reading] = []
        self.happenings: list[Happening] = []
        self.actions: list[Action] = []
        self._prefix = topic_prefix

    def add(self, capability: str, name: str = "", suffix: str = "", **narrow: Unpack[Narrow]) -> str:
        """Add a feature and give its key: `name`, or the capability's, with a suffix where that is taken.

        Raises MalformedError when the device has more features than one may have.
        """
        if len(self.features) >= FEATURE_LIMIT:
            raise MalformedError(f"a device under {self._prefix!r:.80} has more than {FEATURE_LIMIT} features")
        key = self._free(_clean(name or capability, _NAME), _OTHER.sub("_", suffix.lower()).strip("_")[:_SUFFIX])
        self.features[key] = _feature(key, capability, **narrow)
        return key

    def widen(self, key: str, *commands: str) -> None:
        """Let a feature take more commands."""
        feature = self.features[key]
        self.features[key] = msgspec.structs.replace(feature, commands=(*feature.commands, *commands), writable=True)

    def reading(self, key: str, topic: str, take: Take, encoding: Encoding = "json") -> None:
        """Say where the value of a feature comes from; the topic stands below the device's prefix."""
        self.readings.append(Reading(self._topic(topic), key, take, encoding))

    def happening(self, key: str, topic: str, take: Take, encoding: Encoding = "json") -> None:
        """Say where an event comes from."""
        self.happenings.append(Happening(self._topic(topic), key, take, encoding))

    def action(self, key: str, command: str, encode: Encode, *, confirmed: bool = True) -> None:
        """Say how a command is carried out; a reading of the same key confirms it unless there is none."""
        self.actions.append(Action(key, command, encode, key if confirmed else ""))

    def described(self, device: Device, **more: Any) -> Described:  # noqa: ANN401 - fields of Described
        """The device with all that was collected."""
        return Described(
            device=msgspec.structs.replace(device, features=tuple(self.features.values())),
            readings=tuple(self.readings),
            happenings=tuple(self.happenings),
            actions=tuple(self.actions),
            **more,
        )

    def _topic(self, topic: str) -> str:
        found = f"{self._prefix}/{topic}" if self._prefix and topic else self._prefix or topic
        if len(found) > TOPIC_LIMIT or set(found) & {"+", "#"}:
            raise MalformedError(f"{found!r:.80} is no topic that can be used")
        return found

    def _free(self, base: str, suffix: str) -> str:
        if base not in self.features and base not in RESERVED_KEYS:
            return base
        if suffix and f"{base}.{suffix}" not in self.features:
            return f"{base}.{suffix}"
        stem = suffix[: _SUFFIX - 4] + "_" if suffix else ""
        return next(key for number in range(2, 999) if (key := f"{base}.{stem}{number}") not in self.features)


@functools.lru_cache(_SHARED)
def _clean(name: str, limit: int) -> str:
    plain = _OTHER.sub("_", name.lower()).strip("_")[:limit]
    return plain if plain[:1].isalpha() else f"x_{plain}"[:limit].rstrip("_")


@functools.lru_cache(_SHARED, typed=True)
def _feature(key: str, capability: str, **narrow: Unpack[Narrow]) -> Feature:
    """A feature; those of devices alike are one and the same."""
    kind = VOCABULARY[capability]
    low, high = _within(narrow.get("minimum"), narrow.get("maximum"), (kind.minimum, kind.maximum))
    values = narrow.get("values", ())
    return Feature(
        key=key,
        capability=capability,
        writable=narrow.get("writable", False),
        minimum=low,
        maximum=high,
        values=tuple(one for one in values if not kind.values or one in kind.values),
        commands=narrow.get("commands", ()),
        unit=word(narrow.get("unit", ""), 16),
        label=word(narrow.get("label", ""), _LABEL),
    )


def _within(
    low: float | None, high: float | None, span: tuple[float | None, float | None]
) -> tuple[float | None, float | None]:
    """The range, as far as the vocabulary allows; none when nothing is left of it."""
    if low is not None and span[0] is not None:
        low = max(low, span[0])
    if high is not None and span[1] is not None:
        high = min(high, span[1])
    nothing_left = (
        (low is not None and high is not None and low >= high)
        or (low is not None and span[1] is not None and low > span[1])
        or (high is not None and span[0] is not None and high < span[0])
    )
    return (None, None) if nothing_left else (low, high)


def says(topic: str, payload: str, *, qos: int = 1) -> Encode:
    """Publish always the same."""
    message = (Message(topic, payload.encode(), qos),)
    return lambda _arguments, _values: message


def writes(topic: str, make: Callable[[dict[str, Any]], object]) -> Encode:
    """Publish, as text, what is made of the arguments."""
    return lambda arguments, _values: (Message(topic, str(make(arguments)).encode()),)


def sends(topic: str, make: Callable[[dict[str, Any]], object]) -> Encode:
    """Publish, as JSON, what is made of the arguments."""
    return lambda arguments, _values: (Message(topic, msgspec.json.encode(make(arguments))),)


def yes_or_no(topic: str, words: Iterable[tuple[object, bool]]) -> Sign:
    """A sign that is one of a few words of plain text."""
    table = {str(said): there for said, there in words}
    return Sign(topic, lambda raw: table[raw.strip()], "text")
