"""Which capabilities a device has: chosen from its signature and what it answered, endpoint by endpoint."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from device_plugins.sdk import Capability, Feature, capability, feature_keys
from device_plugins.zigbee.mapping import buttons
from device_plugins.zigbee.mapping import sources as s
from device_plugins.zigbee.mapping.decode import NO_U16, Decode, kelvin
from device_plugins.zigbee.mapping.signature import Endpoint, Facts, Raw, Signature
from device_plugins.zigbee.mapping.sources import SOURCES, ZONE_EXTRAS, ZONES, Report, Source


class Point(NamedTuple):
    """One attribute of one device that tells the value of `key`; `part` is its place in a pair."""

    key: str
    capability: str
    endpoint: int
    cluster: int
    attribute: int
    decode: Decode
    report: Report | None
    part: int | None


class Mapping(NamedTuple):
    """What a device is in the vocabulary: its features, where their values come from, where its buttons are."""

    features: tuple[Feature, ...]
    points: tuple[Point, ...]
    remotes: tuple[tuple[int, int], ...]
    """Output clusters (endpoint, cluster) whose commands are button presses."""
    zones: tuple[int, ...]
    """Endpoints that must be enrolled as IAS zones."""
    firmware: str


class _Found(NamedTuple):
    capability: str
    endpoint: int
    source: Source | None = None
    decode: Decode | None = None


LINK_QUALITY = "link_quality"

# Device types that only send: on/off and level switches, remotes, dimmers; and the controllers of Light Link.
_REMOTE_TYPES = {0x0000, 0x0001, 0x0006, 0x0103, 0x0104, 0x0105, 0x0203}
_LIGHT_LINK, _LIGHT_LINK_REMOTES = 0xC05E, {0x0800, 0x0810, 0x0820, 0x0830}
# What something other than a remote serves.
_THINGS = {s.ON_OFF, s.LEVEL, s.COLOR, s.OCCUPANCY, s.COVERING, s.IAS_ZONE, s.ILLUMINANCE, s.THERMOSTAT}

# Colour capabilities (ZCL 5.2.2.2.1.12), and what device types have that do not tell.
_HUE, _XY, _TEMPERATURE = 0x01, 0x08, 0x10
_COLOR_OF_TYPE = {0x0102: _XY, 0x0200: _XY, 0x010C: _TEMPERATURE, 0x0220: _TEMPERATURE}
_TILT_ONLY, _TILT_TOO = {0x06, 0x07}, {0x08}
_HEATS, _COOLS = {2, 3, 4, 5}, {0, 1, 4, 5}
_KILOWATTS = {0x00}
_FAN_WORDS = {
    0: ("off", "low", "medium", "high"),
    1: ("off", "low", "high"),
    2: ("off", "low", "medium", "high", "auto"),
    3: ("off", "low", "high", "auto"),
    4: ("off", "on", "auto"),
}


def describe(signature: Signature, facts: Facts) -> Mapping:
    """Map a device."""
    found = [one for endpoint in signature.endpoints for one in _of_endpoint(endpoint, facts)]
    first = min((endpoint.id for endpoint in signature.endpoints), default=1)
    found.append(_Found(LINK_QUALITY, first))
    keys = feature_keys((one.capability, one.endpoint) for one in found)
    features = {key: _feature(key, *pair, facts) for pair, key in keys.items()}
    return Mapping(
        features=tuple(features.values()),
        points=tuple(_point(one, keys, facts) for one in found if one.source),
        remotes=tuple((e.id, cluster) for e in signature.endpoints for cluster in _remote(e)),
        zones=tuple(e.id for e in signature.endpoints if s.IAS_ZONE in e.inputs),
        firmware=next((t for e in signature.endpoints if (t := facts.text(e.id, s.BASIC, s.SW_BUILD))), ""),
    )


def _of_endpoint(endpoint: Endpoint, facts: Facts) -> Iterable[_Found]:
    taken = set()
    for source in SOURCES:
        place = (source.capability, source.part)
        if source.cluster in endpoint.inputs and place not in taken and _has(source, endpoint, facts):
            taken.add(place)
            yield _Found(source.capability, endpoint.id, source)
    if s.IAS_ZONE in endpoint.inputs:
        yield from _of_zone(endpoint.id, facts, {name for name, _ in taken})
    if s.IAS_WD in endpoint.inputs:
        yield _Found("siren", endpoint.id)
    if s.IDENTIFY in endpoint.inputs:
        yield _Found("identify", endpoint.id)
    if _remote(endpoint):
        yield _Found("button", endpoint.id)


def _of_zone(endpoint: int, facts: Facts, taken: set[str]) -> Iterable[_Found]:
    main = ZONES.get(int(facts.number(endpoint, s.IAS_ZONE, s.ZONE_TYPE) or 0))
    for name, decode in ((main,) if main else ()) + ZONE_EXTRAS:
        if name not in taken:
            source = Source(name, s.IAS_ZONE, s.ZONE_STATUS, decode)
            yield _Found(name, endpoint, source)


def _has(source: Source, endpoint: Endpoint, facts: Facts) -> bool:
    if source.optional and facts.lacks(endpoint.id, source.cluster, source.attribute):
        return False
    condition = _CONDITIONS.get((source.cluster, source.capability))
    return condition is None or condition(endpoint, facts)


def _colors(*bits: int) -> Callable[[Endpoint, Facts], bool]:
    def condition(endpoint: Endpoint, facts: Facts) -> bool:
        told = facts.number(endpoint.id, s.COLOR, s.COLOR_CAPABILITIES)
        return any(_color_bits(told, endpoint.device_type) & one for one in bits)

    return condition


def _color_bits(told: float | None, device_type: int) -> int:
    return int(told) if told else _COLOR_OF_TYPE.get(device_type, _XY | _TEMPERATURE)


def _covers(*, tilt: bool) -> Callable[[Endpoint, Facts], bool]:
    def condition(endpoint: Endpoint, facts: Facts) -> bool:
        kind = facts.number(endpoint.id, s.COVERING, s.COVERING_TYPE)
        return kind in _TILT_ONLY | _TILT_TOO if tilt else kind not in _TILT_ONLY

    return condition


def _operates(sequences: set[int]) -> Callable[[Endpoint, Facts], bool]:
    def condition(endpoint: Endpoint, facts: Facts) -> bool:
        told = facts.number(endpoint.id, s.THERMOSTAT, s.SEQUENCE_OF_OPERATION)
        return (2 if told is None else told) in sequences

    return condition


def _electric(endpoint: Endpoint, facts: Facts) -> bool:
    return (facts.number(endpoint.id, s.METERING, s.UNIT_OF_MEASURE) or 0) in _KILOWATTS


_CONDITIONS: dict[tuple[int, str], Callable[[Endpoint, Facts], bool]] = {
    (s.LEVEL, "level"): lambda endpoint, _: s.COVERING not in endpoint.inputs,
    (s.ON_OFF, "on_off"): lambda endpoint, _: s.COVERING not in endpoint.inputs,
    (s.COLOR, "color_hue"): _colors(_HUE),
    (s.COLOR, "color_saturation"): _colors(_HUE),
    (s.COLOR, "color_xy"): _colors(_XY),
    (s.COLOR, "color_temperature"): _colors(_TEMPERATURE),
    (s.COLOR, "color_mode"): _colors(_XY, _HUE),
    (s.COVERING, "cover_position"): _covers(tilt=False),
    (s.COVERING, "cover_tilt"): _covers(tilt=True),
    (s.THERMOSTAT, "heating_setpoint"): _operates(_HEATS),
    (s.THERMOSTAT, "cooling_setpoint"): _operates(_COOLS),
    (s.METERING, "energy"): _electric,
    (s.METERING, "power"): _electric,
}


def _remote(endpoint: Endpoint) -> tuple[int, ...]:
    sends = tuple(cluster for cluster in buttons.CLUSTERS if cluster in endpoint.outputs)
    if endpoint.profile == _LIGHT_LINK:
        is_remote = endpoint.device_type in _LIGHT_LINK_REMOTES
    else:
        is_remote = endpoint.device_type in _REMOTE_TYPES
    return sends if is_remote or not _THINGS & set(endpoint.inputs) else ()


def _point(one: _Found, keys: dict[tuple[str, int], str], facts: Facts) -> Point:
    source = one.source
    assert source is not None  # noqa: S101 - only rows with a source come here
    return Point(
        keys[one.capability, one.endpoint],
        one.capability,
        one.endpoint,
        source.cluster,
        source.attribute,
        _decoder(source, one.endpoint, facts),
        source.report,
        source.part,
    )


def _decoder(source: Source, endpoint: int, facts: Facts) -> Decode:
    if source.scale is None:
        return source.decode
    times, by = (facts.number(endpoint, source.cluster, attribute) or 1 for attribute in source.scale)
    factor, decode = times / by, source.decode

    def scaled(raw: Raw) -> bool | float | str | None:
        # The sentinels are those of the raw value, so they are looked for before scaling.
        return None if decode(raw) is None else decode(float(raw) * factor)

    return scaled


def _feature(key: str, name: str, endpoint: int, facts: Facts) -> Feature:
    word = capability(name)
    commands = tuple(command.name for command in word.commands)
    narrowed = _NARROW[name](endpoint, facts) if name in _NARROW else {}
    if "minimum" in narrowed:
        narrowed = _within(word, narrowed["minimum"], narrowed["maximum"])
    return Feature(key, name, endpoint, writable=bool(commands), commands=commands, **narrowed)


def _within(word: Capability, low: float, high: float) -> dict[str, Any]:
    """The range a device tells, cut to the vocabulary's; none if it makes no sense."""
    low = low if word.minimum is None else max(low, word.minimum)
    high = high if word.maximum is None else min(high, word.maximum)
    return {"minimum": low, "maximum": high} if low < high else {}


def _kelvin_range(endpoint: int, facts: Facts) -> dict[str, Any]:
    coldest = facts.number(endpoint, s.COLOR, s.MIN_MIREDS) or 153
    warmest = facts.number(endpoint, s.COLOR, s.MAX_MIREDS) or 500
    if not 0 < coldest < warmest < NO_U16:
        return {}
    return {"minimum": kelvin(warmest), "maximum": kelvin(coldest)}


def _setpoint_range(low: int, high: int, default: tuple[float, float]) -> Callable[[int, Facts], dict[str, Any]]:
    def narrow(endpoint: int, facts: Facts) -> dict[str, Any]:
        least = facts.number(endpoint, s.THERMOSTAT, low)
        most = facts.number(endpoint, s.THERMOSTAT, high)
        return {
            "minimum": default[0] if least is None else least / 100,
            "maximum": default[1] if most is None else most / 100,
        }

    return narrow


def _modes(endpoint: int, facts: Facts) -> dict[str, Any]:
    told = facts.number(endpoint, s.THERMOSTAT, s.SEQUENCE_OF_OPERATION)
    sequence = 2 if told is None else int(told)
    both = ("auto",) if sequence in _HEATS & _COOLS else ()
    cools = ("cool",) if sequence in _COOLS else ()
    heats = ("heat",) if sequence in _HEATS else ()
    return {"values": ("off", *both, *cools, *heats)}


def _fan_modes(endpoint: int, facts: Facts) -> dict[str, Any]:
    return {"values": _FAN_WORDS.get(int(facts.number(endpoint, s.FAN, s.FAN_SEQUENCE) or 0), _FAN_WORDS[0])}


_NARROW: dict[str, Callable[[int, Facts], dict[str, Any]]] = {
    "color_temperature": _kelvin_range,
    # ZCL 6.3.2.2.1: the defaults of the limits.
    "heating_setpoint": _setpoint_range(s.MIN_HEAT, s.MAX_HEAT, (7, 30)),
    "cooling_setpoint": _setpoint_range(s.MIN_COOL, s.MAX_COOL, (16, 32)),
    "thermostat_mode": _modes,
    "fan_mode": _fan_modes,
}
