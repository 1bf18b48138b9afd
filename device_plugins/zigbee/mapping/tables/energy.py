"""Rows of meters: smart energy and electrical measurement, phase by phase (ZCL 4.9, 10.4)."""

from typing import Any

from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping import decode as d
from device_plugins.zigbee.mapping.rows import CALM, Condition, Report, Source, word
from device_plugins.zigbee.mapping.signature import Endpoint, Facts

_METER = (c.METER_MULTIPLIER, c.METER_DIVISOR)
_FREQUENCY, _VOLTAGE, _CURRENT, _POWER = (0x0400, 0x0401), (0x0600, 0x0601), (0x0602, 0x0603), (0x0604, 0x0605)
_DC_VOLTAGE, _DC_CURRENT, _DC_POWER = (0x0200, 0x0201), (0x0202, 0x0203), (0x0204, 0x0205)
_LIVELY = Report(5, 3600, 5)
_PHASES = {"": 0x0500, "_b": 0x0900, "_c": 0x0A00}
_FT3, _US_GALLON, _IMPERIAL_GALLON = 0.028_316_846_592, 0.003_785_411_784, 0.004_546_09

# Units of measure (ZCL 10.4.2.2.4.1): what one of them is in Wh, W, m³; the upper half is the same in BCD.
_WATT_HOURS = {0x00: 1000.0, 0x06: 0.293_071_07, 0x0D: 277.777_778}
_CUBIC_METRES = {
    0x01: 1.0, 0x02: _FT3, 0x03: 100 * _FT3, 0x04: _US_GALLON, 0x05: _IMPERIAL_GALLON, 0x07: 0.001,
}  # fmt: skip
_KVARH = 0x0E
DEVICE_TYPES = {
    0: "electric", 1: "gas", 2: "water", 3: "thermal", 4: "pressure", 5: "heat", 6: "cooling", 7: "charging",
    8: "pv", 9: "electric_element", 10: "gas_element", 11: "water_element", 12: "thermal_element",
}  # fmt: skip


def _unit(endpoint: Endpoint, facts: Facts) -> int:
    return int(facts.number(endpoint.id, c.METERING, c.UNIT_OF_MEASURE) or 0) & 0x7F


def _measures(*units: int) -> Condition:
    return lambda endpoint, facts: _unit(endpoint, facts) in units


def _sums(attribute: int, name: str, *, optional: bool = True, told: bool = False) -> tuple[Source, ...]:
    """A summation, by each unit it may be in."""
    energy = "energy_returned" if name == "energy_returned" else "energy"
    report = None if told else Report(30, 3600, 1)
    common: dict[str, Any] = {"report": report, "scale": _METER, "optional": optional, "told": told}
    suffix = name.removeprefix("energy")
    sums = [
        Source(
            energy, c.METERING, attribute, d.scaled(factor, 1, (d.NO_U48,)), name=name, when=_measures(unit), **common
        )
        for unit, factor in _WATT_HOURS.items()
    ]
    sums += [
        Source("volume", c.METERING, attribute, d.scaled(factor, 6, (d.NO_U48,)), name="volume" + suffix,
               when=_measures(unit), **common)
        for unit, factor in _CUBIC_METRES.items()
    ]  # fmt: skip
    return tuple(sums)


def _demand() -> tuple[Source, ...]:
    common: dict[str, Any] = {"report": _LIVELY, "scale": _METER, "optional": True}
    powers = {**_WATT_HOURS}
    return (
        *(
            Source("power", c.METERING, 0x0400, d.scaled(factor, 2, (d.NO_S24,)), when=_measures(unit), **common)
            for unit, factor in powers.items()
        ),
        *(
            Source("flow", c.METERING, 0x0400, d.scaled(factor, 6, (d.NO_S24,)), when=_measures(unit), **common)
            for unit, factor in _CUBIC_METRES.items()
        ),
        Source("reactive_power", c.METERING, 0x0400, d.scaled(1000, 2, (d.NO_S24,)), when=_measures(_KVARH), **common),
    )


def _phase(suffix: str, base: int) -> tuple[Source, ...]:
    """One phase: the first is asked for, the others are there if the device told of them."""

    def row(name: str, offset: int, digits: int, scale: tuple[int, int] | None, invalid: int) -> Source:
        return Source(
            name, c.ELECTRICAL, base + offset, d.scaled(1, digits, (invalid,)), _LIVELY if name == "power" else CALM,
            scale, optional=True, told=bool(suffix), name=name + suffix,
        )  # fmt: skip

    return (
        row("voltage", 0x05, 2, _VOLTAGE, d.NO_U16),
        row("current", 0x08, 3, _CURRENT, d.NO_U16),
        row("power", 0x0B, 2, _POWER, d.NO_S16),
        row("reactive_power", 0x0E, 2, _POWER, d.NO_S16),
        row("apparent_power", 0x0F, 2, _POWER, d.NO_U16),
        Source(
            "power_factor", c.ELECTRICAL, base + 0x10, d.scaled(1, 0, (d.NO_S8,)), CALM, optional=True,
            told=bool(suffix), name="power_factor" + suffix,
        ),
    )  # fmt: skip


ROWS: tuple[Source, ...] = (
    *(row for suffix, base in _PHASES.items() for row in _phase(suffix, base)),
    Source("frequency", c.ELECTRICAL, 0x0300, d.scaled(1, 2, (d.NO_U16,)), CALM, _FREQUENCY, optional=True),
    Source("power", c.ELECTRICAL, 0x0304, d.scaled(1, 2, (d.NO_S32,)), CALM, told=True, name="power_total"),
    Source("reactive_power", c.ELECTRICAL, 0x0305, d.scaled(1, 2, (d.NO_S32,)), CALM, told=True,
           name="reactive_power_total"),
    Source("apparent_power", c.ELECTRICAL, 0x0306, d.scaled(1, 2, (d.NO_U32,)), CALM, told=True,
           name="apparent_power_total"),
    Source("voltage", c.ELECTRICAL, 0x0100, d.scaled(1, 2, (d.NO_S16,)), CALM, _DC_VOLTAGE, told=True,
           name="dc_voltage"),
    Source("current", c.ELECTRICAL, 0x0103, d.scaled(1, 3, (d.NO_S16,)), CALM, _DC_CURRENT, told=True,
           name="dc_current"),
    Source("power", c.ELECTRICAL, 0x0106, d.scaled(1, 2, (d.NO_S16,)), CALM, _DC_POWER, told=True, name="dc_power"),
    *_sums(0x0000, "energy", optional=False),
    *_sums(0x0001, "energy_returned", told=True),
    *(row for tier in range(1, 7) for row in _sums(0x00FE + 2 * tier, f"energy_tier_{tier}", told=True)),
    *_demand(),
    word("meter_type", (c.METERING, 0x0306), DEVICE_TYPES),
)  # fmt: skip
