"""Devices without a convention: what their topics mean is written by hand, in TOML."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

import msgspec

from device_plugins.mqtt.description import (
    NOTHING,
    Action,
    Described,
    Encode,
    Encoding,
    Happening,
    Message,
    Presence,
    Reading,
    Sign,
    Take,
    device_id,
)
from device_plugins.mqtt.topics import is_topic
from device_plugins.mqtt.units import converter, from_vocabulary, known_unit
from device_plugins.sdk import (
    VOCABULARY,
    ButtonPressed,
    Capability,
    Device,
    Feature,
    InvalidValueError,
    check_device,
)
from hub.api import ConfigError, HubError

type Topic = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
type Text = Annotated[str, msgspec.Meta(max_length=1024)]
type Value = bool | float | str

_INDEX = re.compile(r"\d{1,5}")
_SETTERS = {"on": True, "off": False}
_DIGITS = 10


class TableFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[plugin.mqtt.device.feature]]`: one thing a device tells or can be told.

    `key` is needed where a device has a capability twice. Its value comes on `topic`: the payload, or what stands at
    `path` (`a.b.0`) of its JSON. The number is times `scale` plus `offset` in `unit`, the device's own. `values`
    says which payload means which value, for a button which action. It is told on `command_topic`: the value, turned
    back, or a JSON object with it at `command_path`; `payloads` are those of other commands. Without `confirm` nothing
    needs to come back.
    """

    capability: str
    key: str = ""
    topic: Text = ""
    path: Text = ""
    unit: Annotated[str, msgspec.Meta(max_length=16)] = ""
    scale: float = 1.0
    offset: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    values: dict[str, Value] = {}
    command_topic: Text = ""
    command_path: Text = ""
    payloads: dict[str, str] = {}
    retain: bool = False
    qos: Literal[0, 1, 2] = 1
    confirm: bool = True


class TablePresence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[plugin.mqtt.device.presence]`: where a device tells whether it is there, and with which payloads."""

    topic: Topic
    path: Text = ""
    online: str = "online"
    offline: str = "offline"


class TableDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[[plugin.mqtt.device]]`: a device without a convention; after `silence` seconds without a word it is unknown."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$")]
    name: str = ""
    model: str = ""
    manufacturer: str = ""
    silence: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    presence: TablePresence | None = None
    feature: tuple[TableFeature, ...] = ()


def describe(devices: Iterable[TableDevice]) -> list[Described]:
    """What the table says.

    Raises ConfigError for what cannot be.
    """
    found: dict[str, Described] = {}
    for one in devices:
        where = f"[[plugin.mqtt.device]] {one.id}"
        if one.id in found:
            raise ConfigError("this id stands there twice; give each device its own", where=where)
        try:
            found[one.id] = _described(one, where)
        except ConfigError:
            raise
        except HubError as error:
            raise ConfigError(str(error), where=where) from error
    return [*found.values()]


def _described(one: TableDevice, where: str) -> Described:
    features: list[Feature] = []
    readings: list[Reading] = []
    happenings: list[Happening] = []
    actions: list[Action] = []
    for entry in one.feature:
        here = f"{where} {entry.key or entry.capability}"
        kind = VOCABULARY.get(entry.capability)
        if kind is None:
            raise ConfigError("the vocabulary has no such capability; see docs/reference/capabilities.md", where=here)
        _check(entry, kind, here)
        feature = _feature(entry, kind)
        features.append(feature)
        if kind.type == "event" and entry.topic:
            happenings.append(Happening(entry.topic, feature.key, _pressed(entry), _encoding(entry.path)))
        elif entry.topic:
            readings.append(Reading(entry.topic, feature.key, _taking(entry), _encoding(entry.path)))
        confirmed = feature.key if entry.topic and entry.confirm and kind.type != "event" else ""
        actions += [
            Action(feature.key, command, _encoding_of(entry, feature, command), confirmed)
            for command in feature.commands
        ]
    device = Device(
        id=device_id("table", one.id),
        protocol="mqtt",
        model=one.model,
        manufacturer=one.manufacturer,
        features=tuple(features),
        suggested_name=one.name or one.id,
    )
    signs = () if one.presence is None else (_sign(one.presence, where),)
    presence = Presence(signs, silence=one.silence)
    return Described(check_device(device), tuple(readings), tuple(happenings), tuple(actions), presence)


def _check(entry: TableFeature, kind: Capability, where: str) -> None:
    for name, topic in (("topic", entry.topic), ("command_topic", entry.command_topic)):
        if topic and not is_topic(topic):
            raise ConfigError(f"{name} {topic!r} is no topic; a topic has no wildcard", where=where)
    if not entry.topic and not entry.command_topic:
        raise ConfigError("it has neither a topic nor a command_topic; set one", where=where)
    if kind.type in {"number", "integer"} and kind.name != "number" and not known_unit(kind.name, entry.unit):
        raise ConfigError(f"{kind.name} is not measured in {entry.unit!r}", where=where)
    if not entry.scale:
        raise ConfigError("scale cannot be 0", where=where)
    _check_payloads(entry, kind, where)


def _check_payloads(entry: TableFeature, kind: Capability, where: str) -> None:
    if entry.payloads and not entry.command_topic:
        raise ConfigError("payloads are of no use without a command_topic", where=where)
    known = [command.name for command in kind.commands]
    for command in entry.payloads:
        if command not in known:
            have = ", ".join(known) or "none"
            raise ConfigError(f"{kind.name} has no command {command!r}; it has: {have}", where=where)


def _feature(entry: TableFeature, kind: Capability) -> Feature:
    commands: list[str] = []
    if entry.command_topic:
        has = {command.name for command in kind.commands}
        if "set" in has:
            commands = ["set", *(name for name in ("on", "off", "toggle") if name in has and kind.type == "bool")]
        commands += [name for name in entry.payloads if name not in commands]
    values: tuple[str, ...] = ()
    if kind.type == "enum":
        values = tuple(dict.fromkeys(str(value) for value in entry.values.values()))
    return Feature(
        key=entry.key or entry.capability,
        capability=entry.capability,
        writable=bool(commands),
        minimum=entry.minimum,
        maximum=entry.maximum,
        values=values,
        commands=tuple(commands),
        unit=entry.unit if entry.capability == "number" else "",
    )


# From the device


def _encoding(path: str) -> Encoding:
    return "json" if path else "text"


def _finder(path: str) -> Callable[[Any], Any]:
    """What finds the value at a path; NOTHING where there is none."""
    steps = path.split(".") if path else []

    def find(payload: Any) -> Any:  # noqa: ANN401 - JSON
        for step in steps:
            if isinstance(payload, dict) and step in payload:
                payload = payload[step]
            elif isinstance(payload, list) and _INDEX.fullmatch(step) and int(step) < len(payload):
                payload = payload[int(step)]
            else:
                return NOTHING
        return payload

    return find


def _word(raw: object) -> str:
    """A payload as `values` names it: JSON's true is `true`."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw).strip()


def _taking(entry: TableFeature) -> Take:
    find, kind = _finder(entry.path), VOCABULARY[entry.capability]
    convert = converter(kind.name, entry.unit) if kind.name != "number" else None

    def take(payload: Any) -> Any:  # noqa: ANN401 - JSON, and the vocabulary's types
        raw = find(payload)
        if raw is NOTHING or raw is None:
            return raw
        if entry.values:
            return entry.values[_word(raw)]
        if kind.type not in {"number", "integer"}:
            return _plain(kind, raw)
        number = float(raw)
        if (entry.scale, entry.offset) != (1.0, 0.0):
            number = round(number * entry.scale + entry.offset, _DIGITS)
        return number if convert is None else convert(number)

    return take


def _plain(kind: Capability, raw: Any) -> Any:  # noqa: ANN401 - JSON, and the vocabulary's types
    if kind.type == "bool" and not isinstance(raw, bool):
        word = _word(raw).lower()
        if word in {"on", "true", "1", "yes"}:
            return True
        if word in {"off", "false", "0", "no"}:
            return False
        raise ValueError(f"{raw!r:.60} is neither on nor off; say in `values` what it means")
    return _word(raw) if kind.type in {"text", "enum"} else raw


def _pressed(entry: TableFeature) -> Take:
    find = _finder(entry.path)

    def take(payload: Any) -> Any:  # noqa: ANN401 - JSON
        raw = find(payload)
        if raw is NOTHING or raw is None:
            return NOTHING
        if entry.values:
            action = entry.values.get(_word(raw))
            return NOTHING if action is None else ButtonPressed(str(action))
        return ButtonPressed(_word(raw)[:64] or "single")

    return take


def _sign(presence: TablePresence, where: str) -> Sign:
    if not is_topic(presence.topic):
        raise ConfigError(f"presence.topic {presence.topic!r} is no topic; a topic has no wildcard", where=where)
    find, said = _finder(presence.path), {presence.online: True, presence.offline: False}

    def take(payload: Any) -> Any:  # noqa: ANN401 - JSON
        raw = find(payload)
        return raw if raw is NOTHING else said.get(_word(raw), NOTHING)

    return Sign(presence.topic, take, _encoding(presence.path))


# To the device


def _encoding_of(entry: TableFeature, feature: Feature, command: str) -> Encode:
    def message(payload: bytes) -> list[Message]:
        return [Message(entry.command_topic, payload, entry.qos, entry.retain)]

    if command in entry.payloads:
        literal = entry.payloads[command].encode()
        return lambda _arguments, _values: message(literal)
    back = partial(_back, entry, feature)

    def encode(arguments: dict[str, Any], values: dict[str, Any]) -> list[Message]:
        if command == "toggle":
            return message(back(not values.get(feature.key, False)))
        return message(back(_SETTERS[command] if command in _SETTERS else arguments["value"]))

    return encode


def _back(entry: TableFeature, feature: Feature, value: Any) -> bytes:  # noqa: ANN401 - the vocabulary's types
    raw = _raw(entry, feature, value)
    if not entry.command_path:
        return msgspec.json.encode(raw) if isinstance(raw, list) else _word(raw).encode()
    told: Any = raw
    for step in reversed(entry.command_path.split(".")):
        told = {step: told}
    return msgspec.json.encode(told)


def _raw(entry: TableFeature, feature: Feature, value: Any) -> Any:  # noqa: ANN401 - the vocabulary's types
    if entry.values:
        return _named(entry.values, feature, value)
    if isinstance(value, bool) and not entry.command_path:
        return "ON" if value else "OFF"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    number = value if entry.capability == "number" else from_vocabulary(entry.capability, entry.unit, value)
    number = round((number - entry.offset) / entry.scale, _DIGITS)
    return int(number) if number == int(number) else number


def _named(values: Mapping[str, Value], feature: Feature, value: object) -> str:
    for payload, meaning in values.items():
        if meaning == value and isinstance(meaning, bool) == isinstance(value, bool):
            return payload
    raise InvalidValueError(f"{feature.key}: `values` names no payload for {value!r}")
