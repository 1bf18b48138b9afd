"""A whole node in the vocabulary's words."""

from collections.abc import Callable, Iterable

from device_plugins.sdk import Feature, capability, feature_keys
from device_plugins.zwave.mapping import (
    alarms,
    buttons,
    climate,
    colour,
    covering,
    locking,
    measuring,
    powering,
    settings,
    sounding,
    switching,
)
from device_plugins.zwave.mapping.found import Encode, Endpoint, Found
from device_plugins.zwave.mapping.model import Action, Mapped, NodeFacts, Reading

# A device has at most 256; settings come last, so that they are what is left out.
_FEATURES_MOST = 250
# Of two that give the same feature, the first does.
_MAPPERS: tuple[Callable[[Endpoint], Iterable[Found]], ...] = (
    covering.found,
    sounding.found,
    switching.found,
    colour.found,
    climate.found,
    locking.found,
    alarms.found,
    measuring.found,
    powering.found,
    buttons.found,
    settings.found,
)


def map_node(facts: NodeFacts) -> Mapped:
    """What a node can do and tell."""
    points = [Endpoint(facts, number) for number in sorted({one.id.endpoint for one in facts.values})]
    chosen: dict[tuple[str, int], Found] = {}
    for mapper in _MAPPERS:
        for point in points:
            for one in mapper(point):
                chosen.setdefault((one.key, -1) if one.key else (one.name, one.endpoint), one)
    kept = list(chosen.values())[:_FEATURES_MOST]
    keys = feature_keys((one.name, one.endpoint) for one in kept if not one.key)
    named = [(one.key or keys[one.name, one.endpoint], one) for one in kept]
    return Mapped(
        tuple(_feature(key, one) for key, one in named),
        tuple(Reading(value, key, take) for key, one in named for value, take in one.readings),
        tuple(
            Action(key, command, _encoder(encode, one.endpoint, keys))
            for key, one in named
            for command, encode in one.commands.items()
        ),
    )


def _encoder(encode: Encode, endpoint: int, keys: dict[tuple[str, int], str]) -> Encode:
    names = {key: name for (name, number), key in keys.items() if number == endpoint}
    return lambda given, now: encode(given, {names[key]: value for key, value in now.items() if key in names})


def _feature(key: str, one: Found) -> Feature:
    kind = capability(one.capability)
    low, high = one.minimum, one.maximum
    return Feature(
        key,
        one.capability,
        one.endpoint,
        writable=bool(one.commands),
        minimum=low if low is None or kind.minimum is None else max(low, kind.minimum),
        maximum=high if high is None or kind.maximum is None else min(high, kind.maximum),
        values=one.values,
        commands=tuple(one.commands),
        unit=one.unit,
        label=one.label[:255],
    )
