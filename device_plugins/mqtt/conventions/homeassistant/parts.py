"""What a component adds to its device: parts, each a feature with where its value comes from and what it can do."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from device_plugins.mqtt.conventions.homeassistant.configs import LONGEST_LABEL, LONGEST_TEXT, Config, word
from device_plugins.mqtt.conventions.homeassistant.jinja.values import parsed, text_of
from device_plugins.mqtt.conventions.homeassistant.templates import ValueTemplate
from device_plugins.mqtt.description import NOTHING, Encoding, Message, Take
from device_plugins.sdk import Feature, InvalidValueError, capability

type Local = Callable[[str], Any]
"""The present value of another part of the same component, by its role; None where there is none."""
type Send = Callable[[dict[str, Any], Local], Sequence[Message]]

_KEPT = 1024

UNKNOWN = frozenset({"None", "unknown", "unavailable", "none"})


class Source(msgspec.Struct, frozen=True):
    """Where a value, or an event, comes from."""

    topic: str
    take: Take
    encoding: Encoding = "text"
    fades: float = 0.0


class Part(msgspec.Struct, frozen=True):
    """One feature of a component; `feature` has all but the key.

    `role` names it within the component; `own` is the key of one whose capability could be many things, such as a
    setting. `waits` is for what tells its new state soon after a command. After `silence` seconds without a reading it
    is not known whether the device is there; 0: never.
    """

    role: str
    feature: Feature
    own: str = ""
    sources: tuple[Source, ...] = ()
    happens: tuple[Source, ...] = ()
    sends: tuple[tuple[str, Send], ...] = ()
    silence: float = 0.0
    waits: bool = True


def part(
    config: Config,
    name: str,
    sources: Sequence[Source] = (),
    sends: dict[str, Send] | None = None,
    *,
    own: str = "",
    **narrowed: Any,  # noqa: ANN401 - the fields of a feature
) -> Part:
    """A part with this capability; what has a value and can be set is writable."""
    sends = sends or {}
    label = narrowed.pop("label", config.name)
    if own and own != word(config.object_id):
        label = f"{label} {own.replace('_', ' ')}".strip()
    feature = Feature(
        "",
        name,
        writable="set" in sends or (bool(sends) and capability(name).type != "event"),
        commands=tuple(sends),
        label=label[:LONGEST_LABEL],
        **_within(name, narrowed),
    )
    return Part(own or name, feature, own, tuple(sources), (), tuple(sends.items()))


def source(topic: str, template: ValueTemplate, convert: Take, fades: float = 0.0) -> tuple[Source, ...]:
    """What a topic says, through its template and then `convert`; none without a topic."""
    return (Source(topic, _read(template.take, convert), template.encoding, fades),) if topic else ()


@functools.lru_cache(maxsize=_KEPT)
def _read(take: Take, convert: Take) -> Take:
    """Both in one; devices of one model share it."""

    def run(payload: Any) -> Any:  # noqa: ANN401 - JSON's types
        raw = take(payload)
        return raw if raw is NOTHING else convert(raw)

    return run


@functools.lru_cache(maxsize=_KEPT)
def numbers(convert: Callable[[float], float] | None = None) -> Take:
    """Reads a number, which may be written as a text; an empty one says nothing, and `None` is unknown."""

    def take(raw: Any) -> Any:  # noqa: ANN401
        if raw is None or raw == "" or (raw.__class__ is str and raw in UNKNOWN):
            return NOTHING if raw == "" else None
        number = raw if raw.__class__ is float else parsed(raw)
        return number if convert is None else convert(number)

    return take


def texts(raw: Any) -> Any:  # noqa: ANN401
    """Reads a text."""
    if raw is None or raw == "None":
        return None
    return text_of(raw)[:LONGEST_TEXT]


def choices(table: dict[str, Any], *, lower: bool = False) -> Take:
    """Reads one of a few payloads; another says nothing, and `None` is unknown."""

    def take(raw: Any) -> Any:  # noqa: ANN401
        text = text_of(raw)
        text = text.lower() if lower else text
        return table.get(text, None if text in UNKNOWN else NOTHING)

    return take


def percents(low: float, high: float) -> Take:
    """Reads a number between these two as percent; `low` may be the larger one."""

    def convert(number: float) -> float:
        return round(min(max((number - low) / (high - low), 0.0), 1.0) * 100, 1)

    return numbers(convert)


def scaled(percent: float, low: float, high: float) -> int:
    """The whole number between these two that percent stands for."""
    return round(low + (high - low) * percent / 100)


def plain(number: float) -> str:
    """The number as a payload: a whole one without a point."""
    return str(int(number)) if number == int(number) else repr(round(number, 6))


def rendered(render: Callable[..., str] | None, default: str, **names: Any) -> str:  # noqa: ANN401
    """A payload by its template, or the default.

    Raises InvalidValueError when the template does not go with what is asked.
    """
    if render is None:
        return default
    try:
        return render(**names)
    except (ValueError, TypeError, LookupError) as exc:
        raise InvalidValueError(f"the device's command template does not take this: {exc}") from None


def _within(name: str, narrowed: dict[str, Any]) -> dict[str, Any]:
    """The range cut to the vocabulary's; none when it makes no sense."""
    word = capability(name)
    low, high = narrowed.pop("minimum", None), narrowed.pop("maximum", None)
    low = low if low is None or word.minimum is None else max(low, word.minimum)
    high = high if high is None or word.maximum is None else min(high, word.maximum)
    if low is not None and high is not None and low >= high:
        low = high = None
    return narrowed | {"minimum": low, "maximum": high}
