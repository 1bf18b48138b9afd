"""The components of a device in one description: keys, readings, commands, presence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import structs

from device_plugins.mqtt.conventions.homeassistant.configs import word
from device_plugins.mqtt.conventions.homeassistant.entities import Entity, identities
from device_plugins.mqtt.conventions.homeassistant.parts import Part, Send
from device_plugins.mqtt.description import Action, Described, Encode, Happening, Message, Presence, Reading
from device_plugins.sdk import VOCABULARY, Device, Feature

_MOST_FEATURES = 256
_LONGEST_REST = 28
_RESERVED = frozenset({"availability", "availability_reason", "last_seen", "pending"})
# What a component is called says nothing about which of several it is.
_EMPTY_WORDS = frozenset(
    {"sensor", "binary", "switch", "light", "cover", "climate", "fan", "lock", "state", "relay", "value", "mqtt"}
)

type Placed = tuple[Entity, Part]


def described(device: str, parent: str, entities: Sequence[Entity]) -> Described:
    """The device; `entities` are all that it has, in any order."""
    sorted_ones = _merged(sorted(entities, key=lambda one: one.place))
    owners = [one.owner for one in sorted_ones]
    names = tuple(dict.fromkeys(name for one in owners for name in one.names))
    placed = [(one, part) for one in sorted_ones for part in one.parts][:_MOST_FEATURES]
    keys = _keys(placed)
    roles: dict[tuple[str, str, str], dict[str, str]] = {one.place: {} for one in sorted_ones}
    for (one, part), key in zip(placed, keys, strict=True):
        roles[one.place][part.role] = key
    return Described(
        Device(
            device,
            "mqtt",
            # Many tell all of their device with one component only, and in the others just which one it is.
            next((one.model for one in owners if one.model), ""),
            next((one.manufacturer for one in owners if one.manufacturer), ""),
            next((one.firmware for one in owners if one.firmware), ""),
            tuple(_feature(part, key) for (_, part), key in zip(placed, keys, strict=True)),
            parent,
            next((one.name for one in owners if one.name), names[0]),
        ),
        tuple(_readings(placed, keys)),
        tuple(_happenings(placed, keys)),
        tuple(_actions(placed, keys, roles)),
        presence_of(sorted_ones),
        identities(names),
    )


def _merged(entities: list[Entity]) -> list[Entity]:
    """All triggers as one component, for they are ways to use the same buttons."""
    triggers = [one for one in entities if one.place[0] == "device_automation"]
    if len(triggers) <= 1:
        return entities
    happens = tuple(source for one in triggers for part in one.parts for source in part.happens)
    button = structs.replace(triggers[0].parts[0], happens=happens)
    joined = structs.replace(triggers[0], place=("device_automation", "", ""), parts=(button,))
    return [joined, *(one for one in entities if one.place[0] != "device_automation")]


def _feature(part: Part, key: str) -> Feature:
    return structs.replace(part.feature, key=key)


def _keys(placed: Sequence[Placed]) -> list[str]:
    """A key for each part, which depends on the device's components and not on when they came.

    A capability that is there once has its bare name. One that is there several times has the name of its component
    after it, so that one is never taken for another when a further one turns up.
    """
    bases = [_base(one, part) for one, part in placed]
    times = Counter(bases)
    nodes = len({one.place[2] for one, _ in placed}) > 1
    taken: set[str] = set()
    found = []
    for (one, part), base in zip(placed, bases, strict=True):
        rest = _apart(one, part, nodes=nodes) if times[base] > 1 else ""
        key = wanted = f"{base}.{rest}" if rest and "." not in base else base
        number = 2
        while key in taken:
            key = f"{wanted}_{number}" if "." in wanted else f"{wanted}.{number}"
            number += 1
        taken.add(key)
        found.append(key)
    return found


def _base(one: Entity, part: Part) -> str:
    if not part.own:
        return part.feature.capability
    own = "_".join(_told(part.own, one))
    if own in VOCABULARY or own in _RESERVED or not own[0].isalpha():
        return f"{part.feature.capability}.{own[:_LONGEST_REST].strip('_')}"
    return own


def _told(name: str, one: Entity) -> list[str]:
    """The pieces of a name, without those in front that stand for the device."""
    whole = sorted((word(other) for other in (one.owner.name, *one.owner.names)), key=len, reverse=True)
    name = next((name.removeprefix(f"{other}_") for other in whole if other and name.startswith(f"{other}_")), name)
    own = {piece for other in whole for piece in other.split("_") if not piece.isdigit()}
    pieces = name.split("_")
    while len(pieces) > 1 and pieces[0] in own:
        pieces.pop(0)
    return pieces


def _apart(one: Entity, part: Part, *, nodes: bool) -> str:
    """What tells this component from the device's others, as part of a key; empty for its main one.

    With `nodes`, its node does, too.
    """
    empty = _EMPTY_WORDS | {*part.feature.capability.split("_"), *part.own.split("_")}
    pieces = _told(word(f"{one.place[2]} {one.place[1]}" if nodes else one.place[1]), one)
    return "_".join(piece for piece in pieces if piece not in empty)[:_LONGEST_REST].strip("_")


def _readings(placed: Sequence[Placed], keys: Sequence[str]) -> Iterable[Reading]:
    for (_, part), key in zip(placed, keys, strict=True):
        for one in part.sources:
            yield Reading(one.topic, key, one.take, one.encoding, one.fades)


def _happenings(placed: Sequence[Placed], keys: Sequence[str]) -> Iterable[Happening]:
    for (_, part), key in zip(placed, keys, strict=True):
        for one in part.happens:
            yield Happening(one.topic, key, one.take, one.encoding)


def _actions(
    placed: Sequence[Placed], keys: Sequence[str], roles: dict[tuple[str, str, str], dict[str, str]]
) -> Iterable[Action]:
    for (one, part), key in zip(placed, keys, strict=True):
        waits = part.waits and part.sources
        for command, send in part.sends:
            confirmed = key if waits and command != "stop" else ""
            yield Action(key, command, _encode(send, roles[one.place]), confirmed)


def _encode(send: Send, roles: dict[str, str]) -> Encode:
    def encode(arguments: dict[str, Any], values: dict[str, Any]) -> Sequence[Message]:
        return send(arguments, lambda role: values.get(roles.get(role, "")))

    return encode


def presence_of(entities: Sequence[Entity]) -> Presence:
    """What says that the device is there: what all its components ask for, or else any of what they do."""
    told = [one.presence for one in entities if one.presence.signs]
    silence = max((part.silence for one in entities for part in one.parts), default=0.0)
    if not told:
        return Presence(silence=silence)
    if all(one is told[0] for one in told):
        return structs.replace(told[0], silence=silence) if silence else told[0]
    common = [sign for sign in told[0].signs if all(sign in other.signs for other in told)]
    if common:
        return Presence(tuple(common), told[0].mode, silence)
    signs = dict.fromkeys(sign for one in told for sign in one.signs)
    return Presence(tuple(signs), "any", silence)
