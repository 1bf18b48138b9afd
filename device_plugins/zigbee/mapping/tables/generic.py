"""Rows of analog, binary and multistate inputs, outputs and values (ZCL 3.14), and of the basic cluster (3.2)."""

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.rows import CALM, OFTEN, Report, Source

POWER_SOURCES = {
    0: "unknown", 1: "mains", 2: "mains_three_phase", 3: "battery", 4: "dc", 5: "emergency_mains",
    6: "emergency_mains_and_transfer",
}  # fmt: skip

# Engineering units (BACnet's, ZCL 3.14.11.10): ours, and how many of ours one of them is.
UNITS: dict[int, tuple[str, float]] = {
    2: ("A", 0.001), 3: ("A", 1), 4: ("Ω", 1), 5: ("V", 1), 6: ("V", 1000), 8: ("VA", 1), 9: ("VA", 1000),
    11: ("var", 1), 12: ("var", 1000), 14: ("°", 1), 18: ("Wh", 1), 19: ("Wh", 1000), 27: ("Hz", 1), 29: ("%", 1),
    30: ("m", 0.001), 31: ("m", 1), 37: ("lx", 1), 39: ("kg", 1), 42: ("kg/s", 1), 47: ("W", 1), 48: ("W", 1000),
    49: ("W", 1_000_000), 53: ("Pa", 1), 54: ("Pa", 1000), 55: ("Pa", 100_000), 62: ("°C", 1), 63: ("K", 1),
    71: ("s", 3600), 72: ("s", 60), 73: ("s", 1), 74: ("m/s", 1), 75: ("m/s", 1 / 3.6), 80: ("m³", 1),
    82: ("m³", 0.001), 85: ("m³/h", 3600), 87: ("m³/h", 3.6), 88: ("m³/h", 0.06), 90: ("°", 1), 96: ("ppm", 1),
    97: ("ppb", 1), 98: ("%", 1), 104: ("rpm", 1), 118: ("m", 0.01), 124: ("V", 0.001), 131: ("Hz", 1000),
    132: ("W", 0.001), 133: ("Pa", 100), 135: ("m³/h", 1), 136: ("m³/h", 0.001), 146: ("Wh", 1_000_000),
    195: ("kg", 0.001), 199: ("dB", 1), 204: ("µg/m³", 1),
}  # fmt: skip
_ANY = Report(1, 3600, 0.1)


def _analog(cluster: int, name: str, *, writable: bool) -> Source:
    return Source(
        "number",
        cluster,
        c.PRESENT_VALUE,
        d.scaled(1, 4),
        _ANY,
        optional=True,
        name=name,
        encode=float if writable else None,
    )


def _binary(cluster: int, name: str, *, writable: bool) -> Source:
    encode = bool if writable else None
    return Source("switch", cluster, c.PRESENT_VALUE, d.flag, OFTEN, optional=writable, name=name, encode=encode)


def _multistate(cluster: int, name: str, *, writable: bool) -> Source:
    return Source(
        "number", cluster, c.PRESENT_VALUE, d.scaled(1, invalid=(d.NO_U16,)), CALM, optional=True, name=name, low=0,
        high=65_534,
        encode=int if writable else None,
    )  # fmt: skip


ROWS: tuple[Source, ...] = (
    _analog(c.ANALOG_INPUT, "analog_input", writable=False),
    _analog(c.ANALOG_OUTPUT, "analog_output", writable=True),
    _analog(c.ANALOG_VALUE, "analog_value", writable=True),
    _binary(c.BINARY_INPUT, "binary_input", writable=False),
    _binary(c.BINARY_OUTPUT, "binary_output", writable=True),
    _binary(c.BINARY_VALUE, "binary_value", writable=True),
    _multistate(c.MULTISTATE_INPUT, "multistate_input", writable=False),
    _multistate(c.MULTISTATE_OUTPUT, "multistate_output", writable=True),
    _multistate(c.MULTISTATE_VALUE, "multistate_value", writable=True),
    Source("firmware", c.BASIC, c.SW_BUILD, d.text, optional=True),
    Source(
        "enum",
        c.BASIC,
        0x0007,
        d.words({raw | high: word for high in (0, 0x80) for raw, word in POWER_SOURCES.items()}),
        told=True,
        name="power_source",
        values=tuple(POWER_SOURCES.values()),
    ),
    Source("text", c.OTA, 0x0002, d.hexed, told=True, name="firmware_file_version", output=True),
)
