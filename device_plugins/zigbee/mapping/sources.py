"""All rows put together, in the order in which they are tried: the first that fits tells the capability."""

from collections.abc import Iterable

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping.rows import Source, matches
from device_plugins.zigbee.mapping.signature import Signature
from device_plugins.zigbee.mapping.tables import climate, closures, energy, generic, lighting, security, sensing
from device_plugins.zigbee.mapping.vendors import lighting as own_lighting
from device_plugins.zigbee.mapping.vendors import lumi
from device_plugins.zigbee.mapping.vendors import sensing as own_sensing

SOURCES: tuple[Source, ...] = (
    *lumi.ROWS,
    *own_lighting.ROWS,
    *own_sensing.ROWS,
    *lighting.ROWS,
    *sensing.ROWS,
    *closures.ROWS,
    *climate.ROWS,
    *energy.ROWS,
    *security.ROWS,
    *generic.ROWS,
)

_PLACES = {id(row): place for place, row in enumerate(SOURCES)}
_BY_CLUSTER: dict[int, tuple[Source, ...]] = {}
for _row in SOURCES:
    _BY_CLUSTER[_row.cluster] = (*_BY_CLUSTER.get(_row.cluster, ()), _row)

# Read when a device joins, because they decide which capabilities it has or how its values are scaled.
_FACTS: dict[int, tuple[int, ...]] = {
    c.COLOR: (c.COLOR_CAPABILITIES, c.MIN_MIREDS, c.MAX_MIREDS),
    c.COVERING: (c.COVERING_TYPE, c.COVERING_MODE),
    c.THERMOSTAT: (c.SEQUENCE_OF_OPERATION, c.MIN_HEAT, c.MAX_HEAT, c.MIN_COOL, c.MAX_COOL),
    c.FAN: (c.FAN_SEQUENCE,),
    c.PRESSURE: (sensing.SCALED_PRESSURE, sensing.PRESSURE_SCALE),
    c.IAS_ZONE: (c.ZONE_TYPE,),
    c.METERING: (c.UNIT_OF_MEASURE,),
    **dict.fromkeys(
        (c.ANALOG_INPUT, c.ANALOG_OUTPUT, c.ANALOG_VALUE),
        (c.DESCRIPTION, c.ENGINEERING_UNITS, c.RESOLUTION, c.MIN_PRESENT, c.MAX_PRESENT),
    ),
    **dict.fromkeys(
        (
            c.BINARY_INPUT, c.BINARY_OUTPUT, c.BINARY_VALUE, c.MULTISTATE_INPUT, c.MULTISTATE_OUTPUT,
            c.MULTISTATE_VALUE,
        ),
        (c.DESCRIPTION,),
    ),
}  # fmt: skip


def place_of(row: Source) -> int:
    """Which row of all it is; the lower is tried first."""
    return _PLACES[id(row)]


def rows_of(cluster: int, signature: Signature, *, output: bool = False) -> Iterable[Source]:
    """The rows of a cluster that are for this manufacturer and model."""
    return (row for row in _BY_CLUSTER.get(cluster, ()) if row.output is output and matches(signature, row))


def wanted_facts(clusters: Iterable[int], signature: Signature, *, output: bool = False) -> dict[int, tuple[int, ...]]:
    """Which attributes to read of a joining device's clusters before it is mapped."""
    wanted: dict[int, tuple[int, ...]] = {}
    for cluster in clusters:
        found = [] if output else [*_FACTS.get(cluster, ())]
        for row in rows_of(cluster, signature, output=output):
            found += [row.attribute] if row.optional or row.told else []
            found += row.scale or ()
        if found:
            wanted[cluster] = tuple(dict.fromkeys(found))
    return wanted


def own_of(cluster: int, attribute: int, signature: Signature) -> tuple[int, int] | None:
    """Type and manufacturer code of an attribute that the ZCL does not know, if a row tells them."""
    rows = (row for row in _BY_CLUSTER.get(cluster, ()) if row.attribute == attribute and matches(signature, row))
    return next(((row.own.kind, row.own.manufacturer) for row in rows if row.own is not None), None)
