"""Rows of intruder alarm systems: what the zones' alarm bits tell (ZCL 8.2)."""

from collections.abc import Mapping

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.decode import Decode
from device_plugins.zigbee.mapping.rows import Source, number

ALARM = 0x0003
ZONES: Mapping[int, tuple[str, Decode]] = {
    0x000D: ("occupancy", d.bit(ALARM)),
    0x0015: ("contact", d.bit(ALARM, inverted=True)),
    0x0016: ("contact", d.bit(ALARM, inverted=True)),
    0x0028: ("smoke", d.bit(ALARM)),
    0x002A: ("water_leak", d.bit(ALARM)),
    0x002B: ("co", d.bit(ALARM)),
    0x002D: ("vibration", d.bit(ALARM)),
    0x0226: ("vibration", d.bit(ALARM)),
}
"""IAS zone types (ZCL 8.2.2.2.1.2) to what their alarm bits tell; all others are in `alarm`, or not."""

OTHER_ZONE: tuple[str, Decode] = ("alarm", d.bit(ALARM))
ZONE_EXTRAS: tuple[tuple[str, Decode], ...] = (("tamper", d.bit(0x0004)), ("battery_low", d.bit(0x0008)))
"""What every zone tells besides."""

ROWS: tuple[Source, ...] = (
    number("zone_sensitivity", (c.IAS_ZONE, 0x0013), span=(0, 254), label="Sensitivity"),
    number("siren_maximum_duration", (c.IAS_WD, 0x0000), 1, "s", (0, 65_534), label="Sounds for at most"),
)
