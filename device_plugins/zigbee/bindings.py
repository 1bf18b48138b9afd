"""Which clusters two devices can be bound by, and what bindings are called. Pure."""

from collections.abc import Iterable, Sequence

from device_plugins.sdk import InvalidValueError
from device_plugins.zigbee.links import Link
from device_plugins.zigbee.mapping import Endpoint

NAMES = {
    0x0001: "battery",
    0x0004: "groups",
    0x0005: "scenes",
    0x0006: "on_off",
    0x0008: "level",
    0x0101: "lock",
    0x0102: "cover",
    0x0201: "thermostat",
    0x0202: "fan",
    0x0300: "color",
    0x0400: "illuminance",
    0x0402: "temperature",
    0x0403: "pressure",
    0x0405: "humidity",
    0x0406: "occupancy",
    0x0500: "alarm_zone",
    0x0501: "alarm_panel",
    0x0702: "metering",
    0x0B04: "electrical",
}
"""Clusters by the names under which people know them."""
_NUMBERS = {name: number for number, name in NAMES.items()}
# A battery's level, groups and alarms concern the coordinator, not another device.
_BETWEEN_DEVICES = NAMES.keys() - {0x0001, 0x0004, 0x0500, 0x0501, 0x0702, 0x0B04}


def name_of(cluster: int) -> str:
    """The cluster's name, or its number."""
    return NAMES.get(cluster, f"0x{cluster:04x}")


def number_of(cluster: str) -> int:
    """A cluster's number from its name or number.

    Raises InvalidValueError.
    """
    if cluster in _NUMBERS:
        return _NUMBERS[cluster]
    try:
        number = int(cluster, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:  # noqa: PLR2004 - 16 bits
        raise InvalidValueError(f"there is no cluster {cluster[:40]!r}; there are: {', '.join(sorted(_NUMBERS))}")
    return number


def between(
    sources: Sequence[Endpoint], targets: Iterable[tuple[Endpoint, Link]], wanted: Iterable[int] = ()
) -> list[Link]:
    """The bindings that bring what `sources` say to the targets: their commands, and their values if they are taken.

    Each target is an endpoint with what it is bound as. With `wanted` only these clusters, even unusual ones.
    """
    found, only = list[Link](), {*wanted}
    for target, link in targets:
        for cluster in sorted(only or _BETWEEN_DEVICES):
            source = next((one for one in sources if _fits(one, target, cluster, forced=bool(only))), None)
            if source is not None:
                found.append(Link(source.id, cluster, link.ieee, link.target_endpoint, link.group))
    return sorted({*found})


def _fits(source: Endpoint, target: Endpoint, cluster: int, *, forced: bool) -> bool:
    commands = cluster in source.outputs and cluster in target.inputs
    values = cluster in source.inputs and cluster in target.outputs
    return commands or values or (forced and cluster in (*source.outputs, *source.inputs))
