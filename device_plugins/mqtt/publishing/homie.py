"""The hub's devices by Homie 5 (homieiot.github.io): the hub is the root, its devices are the children; pure.

Each endpoint is a node, each feature a property. Commands beside `set` are a property of their own that keeps no
value. What a value cannot say, by the convention, is said by no message.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from device_plugins.mqtt.description import Message
from device_plugins.mqtt.publishing.layout import Layout, homie_name
from device_plugins.mqtt.publishing.payloads import number_words, words_of
from device_plugins.mqtt.publishing.records import Record, span, title, unit, words
from device_plugins.sdk import VOCABULARY, Availability, Feature

INIT, READY, DISCONNECTED, LOST = "init", "ready", "disconnected", "lost"

_VERSION = "5.0"
_DATATYPES = {"bool": "boolean", "number": "float", "integer": "integer", "enum": "enum", "text": "string"}
_TOP = 1 << 53


class Property(msgspec.Struct, frozen=True):
    """Where a property stands below its device, and what it is of the feature: its value or its commands."""

    path: str
    feature: Feature
    commands: tuple[str, ...] = ()


def properties(record: Record) -> dict[str, Property]:
    """The properties of a device by their path, `<node>/<property>`."""
    found: dict[str, Property] = {}
    for feature in record.features:
        path = _path(feature, found)
        if VOCABULARY[feature.capability].access != "write":
            found[path] = Property(path, feature)
        if commands := _spoken(feature):
            found[f"{path}-command"] = Property(f"{path}-command", feature, commands)
    return found


def describe(record: Record, layout: Layout) -> Message:
    """The `$description` of a device."""
    nodes: dict[str, Any] = {}
    for one in properties(record).values():
        node, _, name = one.path.partition("/")
        held = nodes.setdefault(node, {"name": f"Endpoint {one.feature.endpoint}", "properties": {}})
        held["properties"][name] = _commands(one) if one.commands else _value(one.feature)
    about: dict[str, Any] = {"name": record.name, "root": layout.settings.prefix, "parent": layout.settings.prefix}
    if record.model:
        about["type"] = record.model
    return _description(layout.homie(record.id), about | {"nodes": nodes})


def describe_root(layout: Layout, devices: Iterable[str]) -> Message:
    """The `$description` of the hub; all devices are its children, by their ids."""
    children = sorted(map(layout.homie_id, devices))
    return _description(layout.root, {"name": layout.settings.prefix, "type": "Domovoi", "children": children})


def state_of(base: str, state: str) -> Message:
    """The `$state` of the hub or of a device, by its base topic."""
    return Message(f"{base}/$state", state.encode(), retain=True)


def presence(availability: Availability) -> str:
    """The state of a device: what is not known to be away counts as there."""
    return LOST if availability == "offline" else READY


def values(record: Record, layout: Layout, truths: Mapping[str, Any]) -> list[Message]:
    """The retained values of the features in `truths`, by key; an unknown one is taken back."""
    base = layout.homie(record.id)
    return [
        Message(f"{base}/{one.path}", payload_of(truths[one.feature.key]), retain=True)
        for one in properties(record).values()
        if one.feature.key in truths and not one.commands and VOCABULARY[one.feature.capability].type != "event"
    ]


def happened(record: Record, layout: Layout, key: str, what: str) -> list[Message]:
    """An event, by the convention with QoS 0 and not retained."""
    base = layout.homie(record.id)
    return [
        Message(f"{base}/{one.path}", what.encode(), qos=0)
        for one in properties(record).values()
        if one.feature.key == key and not one.commands and VOCABULARY[one.feature.capability].type == "event"
    ]


def payload_of(value: Any) -> bytes:  # noqa: ANN401 - the vocabulary's types
    """A value as the convention writes it: an empty text is a zero byte, a colour says in which space it is."""
    if value is None:
        return b""
    if isinstance(value, list | tuple):
        return f"xyz,{words_of(value)}".encode()
    return words_of(value).encode() or b"\x00"


def payload_from(feature: Feature, payload: bytes) -> bytes:
    """What a controller has sent, in the words of the plain topics."""
    if VOCABULARY[feature.capability].type == "pair":
        return payload.removeprefix(b"xyz,")
    return b"" if payload == b"\x00" else payload


def _path(feature: Feature, found: Mapping[str, Property]) -> str:
    name, _, number = feature.key.partition(".")
    plain = name if number in {"", str(feature.endpoint)} else feature.key
    node = f"endpoint-{feature.endpoint}"
    path = f"{node}/{homie_name(plain.replace('_', '-'))}"
    return path if path not in found else f"{node}/{homie_name(feature.key)}"


def _description(base: str, about: dict[str, Any]) -> Message:
    # By its content, so that the same description has the same version after a restart.
    content = msgspec.json.encode(about, order="sorted")
    version = int.from_bytes(_digest(content)) % _TOP
    whole = {"homie": _VERSION, "version": version} | about
    return Message(f"{base}/$description", msgspec.json.encode(whole), retain=True)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:8]


def _value(feature: Feature) -> dict[str, Any]:
    kind = VOCABULARY[feature.capability]
    told: dict[str, Any] = {"name": title(feature)}
    match kind.type:
        case "event":
            told |= {"datatype": "float" if feature.capability == "rotary" else "string", "retained": False}
        case "pair":
            told |= {"datatype": "color", "format": "xyz"}
        case "enum":
            options = words(feature)
            # A word with a comma cannot be told from two.
            plain = options and not any("," in one for one in options)
            told |= {"datatype": "enum", "format": ",".join(options)} if plain else {"datatype": "string"}
        case "number" | "integer":
            told |= {"datatype": _DATATYPES[kind.type]} | _range(feature)
        case _:
            told["datatype"] = _DATATYPES[kind.type]
    if unit(feature):
        told["unit"] = unit(feature)
    if "set" in feature.commands:
        told["settable"] = True
    return told


def _range(feature: Feature) -> dict[str, str]:
    low, high = ("" if one is None else number_words(one) for one in span(feature))
    return {"format": f"{low}:{high}"} if low or high else {}


def _commands(one: Property) -> dict[str, Any]:
    return {
        "name": f"{title(one.feature)}: command",
        "datatype": "enum",
        "format": ",".join(one.commands),
        "settable": True,
        "retained": False,
    }


def _spoken(feature: Feature) -> tuple[str, ...]:
    """The commands beside `set` that need no argument."""
    return tuple(
        command.name
        for command in VOCABULARY[feature.capability].commands
        if command.name in feature.commands and command.name != "set" and not any(a.required for a in command.arguments)
    )
