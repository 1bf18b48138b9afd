"""Which capabilities a device has: chosen from its signature and what it answered, endpoint by endpoint."""

from collections.abc import Iterable
from typing import NamedTuple

from device_plugins.sdk import Feature, capability, feature_keys
from device_plugins.zigbee.mapping import buttons
from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping.decode import Decode
from device_plugins.zigbee.mapping.extras import row_of
from device_plugins.zigbee.mapping.narrow import factor_of, narrowed
from device_plugins.zigbee.mapping.rows import Encode, Report, Source
from device_plugins.zigbee.mapping.signature import Endpoint, Facts, Raw, Signature
from device_plugins.zigbee.mapping.sources import place_of, rows_of
from device_plugins.zigbee.mapping.tables.security import OTHER_ZONE, ZONE_EXTRAS, ZONES


class Point(NamedTuple):
    """One attribute of one device that tells the value of `key`; `part` is its place in a pair.

    `name` is the key without the endpoint, `manufacturer` the code its frames bear (0: none); `output`: the attribute
    stands on the client's side; `converted`: what `decode` takes is what the quirk's own function makes of it.
    """

    key: str
    name: str
    endpoint: int
    cluster: int
    attribute: int
    decode: Decode
    report: Report | None
    part: int | None
    manufacturer: int = 0
    output: bool = False
    converted: bool = False


class Control(NamedTuple):
    """How the value of a key is set: an attribute to write, or the `table` of plans for its commands."""

    cluster: int
    attribute: int
    encode: Encode | None = None
    unset: Raw | None = None
    kind: int = 0
    manufacturer: int = 0
    table: str = ""
    name: str = ""


class Mapping(NamedTuple):
    """What a device is in the vocabulary: its features, where their values come from, where its buttons are."""

    features: tuple[Feature, ...]
    points: tuple[Point, ...]
    controls: dict[str, Control]
    remotes: tuple[tuple[int, int], ...]
    """Output clusters (endpoint, cluster) whose commands are button presses."""
    zones: tuple[int, ...]
    """Endpoints that must be enrolled as IAS zones."""
    detectors: tuple[tuple[int, int], ...]
    """Output clusters (endpoint, cluster) whose on and off mean that somebody is there, or not."""
    spoken: tuple[tuple[int, int], ...]
    """Input clusters (endpoint, cluster) from which a quirk may tell presses in its own words."""
    firmware: str


class _Found(NamedTuple):
    capability: str
    endpoint: int
    source: Source | None = None
    name: str = ""

    @property
    def key(self) -> str:
        return self.name or (self.source.key if self.source else self.capability)


LINK_QUALITY, SIGNAL_STRENGTH = "link_quality", "signal_strength"
_FEATURES_MOST = 250
_HOME_AUTOMATION, _LIGHT_LINK, _GREEN_POWER = 0x0104, 0xC05E, 0xA1E0
# What zigpy speaks with; endpoints of other profiles are the manufacturer's own affair.
_PROFILES = {_HOME_AUTOMATION, _LIGHT_LINK}
# Device types that only send: on/off and level switches, remotes, dimmers; and the controllers of Light Link.
_REMOTE_TYPES = {0x0000, 0x0001, 0x0004, 0x0006, 0x0103, 0x0104, 0x0105, 0x0203, 0x0800, 0x0810, 0x0820, 0x0830}
_LIGHT_LINK_REMOTES = {0x0800, 0x0810, 0x0820, 0x0830, 0x0840}
_DETECTOR_TYPES = {(_HOME_AUTOMATION, 0x0107), (_LIGHT_LINK, 0x0850), (_HOME_AUTOMATION, 0x0850)}
_OWN_CLUSTERS, _REMOTE_CONTROL = range(0xFC00, 0xFFFF), 0x0006
# What something other than a remote serves.
_THINGS = {c.ON_OFF, c.LEVEL, c.COLOR, c.OCCUPANCY, c.COVERING, c.IAS_ZONE, c.ILLUMINANCE, c.THERMOSTAT}


def describe(signature: Signature, facts: Facts) -> Mapping:
    """Map a device."""
    endpoints = speaking(signature)
    found = [one for endpoint in endpoints for one in _of_endpoint(endpoint, signature, facts)]
    if signature.presses and not any(one.capability == "button" for one in found):
        found.append(_Found("button", min((endpoint.id for endpoint in endpoints), default=1)))
    found += _of_device(endpoints)
    pairs = dict.fromkeys((one.key, one.endpoint) for one in found)
    keys = feature_keys([*pairs][:_FEATURES_MOST])
    found = [one for one in found if (one.key, one.endpoint) in keys]
    features: dict[str, Feature] = {}
    for one in found:
        features.setdefault(keys[one.key, one.endpoint], _feature(keys[one.key, one.endpoint], one, facts))
    return Mapping(
        features=tuple(features[key] for key in keys.values()),
        points=tuple(_point(one, one.source, keys, facts) for one in found if one.source and not _is_press(one.source)),
        controls={
            keys[one.key, one.endpoint]: _control(one.source, one.endpoint, facts) for one in found if one.source
        },
        remotes=tuple((e.id, cluster) for e in endpoints for cluster in _remote(e)),
        zones=tuple(e.id for e in endpoints if c.IAS_ZONE in e.inputs),
        detectors=tuple((e.id, c.ON_OFF) for e in endpoints if _detects(e)),
        spoken=tuple((e.id, cluster) for e in endpoints for cluster in _spoken(e, signature)),
        firmware=next((t for e in endpoints if (t := facts.text(e.id, c.BASIC, c.SW_BUILD))), ""),
    )


def speaking(signature: Signature) -> tuple[Endpoint, ...]:
    """The endpoints whose profile is one that is spoken here."""
    return tuple(endpoint for endpoint in signature.endpoints if endpoint.profile in _PROFILES)


def _of_device(endpoints: tuple[Endpoint, ...]) -> Iterable[_Found]:
    first = min((endpoint.id for endpoint in endpoints), default=1)
    yield _Found(LINK_QUALITY, first)
    yield _Found(SIGNAL_STRENGTH, first)
    updating = [endpoint.id for endpoint in endpoints if c.OTA in (*endpoint.outputs, *endpoint.inputs)]
    if updating:
        yield _Found("update", min(updating))


def _of_endpoint(endpoint: Endpoint, signature: Signature, facts: Facts) -> Iterable[_Found]:
    taken: set[tuple[str, int | None]] = set()
    extras = (row_of(one) for one in signature.extras if one.endpoint == endpoint.id)
    for row in (*extras, *_rows(endpoint, signature)):
        place = (row.key, row.part)
        if place not in taken and _has(row, endpoint, facts):
            taken.add(place)
            taken.update((name, None) for name in row.hides)
            yield _Found(row.capability, endpoint.id, row)
    names = {name for name, _ in taken}
    if c.IAS_ZONE in endpoint.inputs:
        yield from _of_zone(endpoint.id, facts, names)
    if _detects(endpoint) and "occupancy" not in names:
        yield _Found("occupancy", endpoint.id)
    yield from _without_values(endpoint)


def _rows(endpoint: Endpoint, signature: Signature) -> Iterable[Source]:
    """The rows of its clusters, in the order of the tables."""
    spoken = {c.ON_OFF} & {*_spoken(endpoint, signature)}  # there is nothing to switch
    shown = [one for one in endpoint.inputs if (endpoint.id, one) not in signature.hidden and one not in spoken]
    rows = [row for cluster in shown for row in rows_of(cluster, signature)]
    rows += [row for cluster in endpoint.outputs for row in rows_of(cluster, signature, output=True)]
    return sorted(rows, key=place_of)


def _without_values(endpoint: Endpoint) -> Iterable[_Found]:
    if c.IAS_WD in endpoint.inputs:
        yield _Found("siren", endpoint.id)
    if c.IDENTIFY in endpoint.inputs:
        yield _Found("identify", endpoint.id)
    if c.IAS_ACE in (*endpoint.outputs, *endpoint.inputs):
        yield _Found("keypad", endpoint.id)
    if set(_remote(endpoint)) - {c.IAS_ACE}:
        yield _Found("button", endpoint.id)


def _of_zone(endpoint: int, facts: Facts, taken: set[str]) -> Iterable[_Found]:
    kind = facts.number(endpoint, c.IAS_ZONE, c.ZONE_TYPE)
    for name, decode in (ZONES.get(int(kind or 0), OTHER_ZONE), *ZONE_EXTRAS):
        if name not in taken:
            yield _Found(name, endpoint, Source(name, c.IAS_ZONE, c.ZONE_STATUS, decode))


def _has(row: Source, endpoint: Endpoint, facts: Facts) -> bool:
    if row.told and not facts.told(endpoint.id, row.cluster, row.attribute):
        return False
    if row.optional and facts.lacks(endpoint.id, row.cluster, row.attribute):
        return False
    return row.when is None or row.when(endpoint, facts)


def _is_press(row: Source) -> bool:
    return row.capability == "press"


def _remote(endpoint: Endpoint) -> tuple[int, ...]:
    """The clusters whose commands are presses; those of a keypad always are."""
    sends = tuple(cluster for cluster in buttons.CLUSTERS if cluster in endpoint.outputs)
    types = _LIGHT_LINK_REMOTES if endpoint.profile == _LIGHT_LINK else _REMOTE_TYPES
    if _detects(endpoint):
        return ()
    is_remote = endpoint.device_type in types or not _THINGS & set(endpoint.inputs)
    return sends if is_remote else tuple(cluster for cluster in sends if cluster == c.IAS_ACE)


def _spoken(endpoint: Endpoint, signature: Signature) -> tuple[int, ...]:
    if all(press.plain for press in signature.presses):
        return ()
    sends = {c.ON_OFF} if endpoint.device_type == _REMOTE_CONTROL else set()
    return tuple(cluster for cluster in endpoint.inputs if cluster in _OWN_CLUSTERS or cluster in sends)


def _detects(endpoint: Endpoint) -> bool:
    return (endpoint.profile, endpoint.device_type) in _DETECTOR_TYPES and c.ON_OFF in endpoint.outputs


def _point(one: _Found, row: Source, keys: dict[tuple[str, int], str], facts: Facts) -> Point:
    return Point(
        keys[one.key, one.endpoint],
        one.key,
        one.endpoint,
        row.cluster,
        row.attribute,
        _decoder(row, one.endpoint, facts),
        row.report,
        row.part,
        row.own.manufacturer if row.own else 0,
        row.output,
        row.converted,
    )


def _control(row: Source, endpoint: int, facts: Facts) -> Control:
    encode, factor = row.encode, factor_of(row, endpoint, facts)
    if encode is not None and factor != 1:
        inner = encode

        def encode(value: float) -> Raw:
            return inner(value / factor)

    attribute = row.attribute if row.target is None else row.target
    kind, manufacturer = (row.own.kind, row.own.manufacturer) if row.own else (0, 0)
    return Control(row.cluster, attribute, encode, row.unset, kind, manufacturer, row.table, row.key)


def _decoder(row: Source, endpoint: int, facts: Facts) -> Decode:
    factor, decode = factor_of(row, endpoint, facts), row.decode
    if row.scale is not None:
        times, by = (facts.number(endpoint, row.cluster, attribute) or 1 for attribute in row.scale)
        factor = times / by
    if row.exponent is not None:
        # As the ZCL writes it, the device has multiplied by this power of ten.
        factor = 10.0 ** -(facts.number(endpoint, row.cluster, row.exponent) or 0)
    if factor == 1:
        return decode

    def scaled(raw: Raw) -> bool | float | str | None:
        # The sentinels are those of the raw value, so they are looked for before scaling.
        if not isinstance(raw, int | float):
            raise TypeError("it is no number")
        return None if decode(raw) is None else decode(float(raw) * factor)

    return scaled


def _feature(key: str, one: _Found, facts: Facts) -> Feature:
    word, row = capability(one.capability), one.source
    commands = tuple(command.name for command in word.commands if _can(command.name, row, one))
    return Feature(
        key,
        word.name,
        one.endpoint,
        writable=bool(commands),
        commands=commands,
        **narrowed(word, row, one.endpoint, facts),
    )


def _can(command: str, row: Source | None, one: _Found) -> bool:
    if one.capability in {"number", "enum", "switch", "text"}:
        return row is not None and row.encode is not None and (command != "unset" or row.unset is not None)
    return True
