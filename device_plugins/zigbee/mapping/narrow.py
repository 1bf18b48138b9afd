"""How a device's feature differs from the vocabulary's word: its range, its words, its unit, its label."""

from collections.abc import Callable
from typing import Any

from device_plugins.sdk import Capability
from device_plugins.zigbee.mapping import clusters as c
from device_plugins.zigbee.mapping.decode import NO_U16, kelvin
from device_plugins.zigbee.mapping.rows import Source
from device_plugins.zigbee.mapping.signature import Facts
from device_plugins.zigbee.mapping.tables.climate import COOLS, FAN_WORDS, HEATS, sequence_of
from device_plugins.zigbee.mapping.tables.generic import UNITS

type Narrow = Callable[[int, Facts], dict[str, Any]]

_LABEL_LIMIT = 64


def narrowed(word: Capability, row: Source | None, endpoint: int, facts: Facts) -> dict[str, Any]:
    """Fields of the feature."""
    found: dict[str, Any] = {}
    if row is not None:
        found = {"label": row.label, "unit": row.unit, "values": row.values}
        found |= {} if row.low is None else {"minimum": row.low}
        found |= {} if row.high is None else {"maximum": row.high}
    key = row.key if row is not None else word.name
    if key in _BY_NAME:
        found |= _BY_NAME[key](endpoint, facts)
    if row is not None and row.attribute == c.PRESENT_VALUE:
        found |= _described(row, endpoint, facts)
    return _within(word, found)


def factor_of(row: Source, endpoint: int, facts: Facts) -> float:
    """How many of our units one engineering unit of an analog value is."""
    units = facts.number(endpoint, row.cluster, c.ENGINEERING_UNITS)
    is_analog = row.cluster in {c.ANALOG_INPUT, c.ANALOG_OUTPUT, c.ANALOG_VALUE} and row.attribute == c.PRESENT_VALUE
    return UNITS.get(int(units), ("", 1))[1] if is_analog and units is not None else 1


def _within(word: Capability, found: dict[str, Any]) -> dict[str, Any]:
    """The range a device tells, cut to the vocabulary's; none if it makes no sense."""
    low, high = found.pop("minimum", None), found.pop("maximum", None)
    if low is not None and word.minimum is not None:
        low = max(low, word.minimum)
    if high is not None and word.maximum is not None:
        high = min(high, word.maximum)
    if low is not None and high is not None and low >= high:
        return found
    return found | ({} if low is None else {"minimum": low}) | ({} if high is None else {"maximum": high})


def _described(row: Source, endpoint: int, facts: Facts) -> dict[str, Any]:
    """What an analog, binary or multistate value says of itself."""
    found: dict[str, Any] = {}
    label = facts.text(endpoint, row.cluster, c.DESCRIPTION)
    if label:
        found["label"] = "".join(one for one in label if one.isprintable())[:_LABEL_LIMIT]
    units = facts.number(endpoint, row.cluster, c.ENGINEERING_UNITS)
    factor = factor_of(row, endpoint, facts)
    if units is not None and int(units) in UNITS:
        found["unit"] = UNITS[int(units)][0]
    for name, attribute in (("minimum", c.MIN_PRESENT), ("maximum", c.MAX_PRESENT)):
        bound = facts.number(endpoint, row.cluster, attribute)
        if bound is not None and row.encode is not None and abs(bound) < 1e15:  # noqa: PLR2004 - exact in a float
            found[name] = bound * factor
    return found


def _kelvin_range(endpoint: int, facts: Facts) -> dict[str, Any]:
    coldest = facts.number(endpoint, c.COLOR, c.MIN_MIREDS) or 153
    warmest = facts.number(endpoint, c.COLOR, c.MAX_MIREDS) or 500
    if not 0 < coldest < warmest < NO_U16:
        return {}
    return {"minimum": kelvin(warmest), "maximum": kelvin(coldest)}


def _setpoint_range(low: int, high: int, default: tuple[float, float]) -> Narrow:
    def narrow(endpoint: int, facts: Facts) -> dict[str, Any]:
        least = facts.number(endpoint, c.THERMOSTAT, low)
        most = facts.number(endpoint, c.THERMOSTAT, high)
        return {
            "minimum": default[0] if least is None else least / 100,
            "maximum": default[1] if most is None else most / 100,
        }

    return narrow


def _modes(endpoint: int, facts: Facts) -> dict[str, Any]:
    sequence = sequence_of(facts.number(endpoint, c.THERMOSTAT, c.SEQUENCE_OF_OPERATION))
    both = ("auto",) if sequence in HEATS & COOLS else ()
    cools = ("cool",) if sequence in COOLS else ()
    heats = ("heat",) if sequence in HEATS else ()
    return {"values": ("off", *both, *cools, *heats)}


def _fan_modes(endpoint: int, facts: Facts) -> dict[str, Any]:
    told = facts.number(endpoint, c.FAN, c.FAN_SEQUENCE)
    return {"values": FAN_WORDS.get(int(told or 0), FAN_WORDS[0])}


_HEATING = _setpoint_range(c.MIN_HEAT, c.MAX_HEAT, (7, 30))  # ZCL 6.3.2.2.1: the defaults of the limits
_COOLING = _setpoint_range(c.MIN_COOL, c.MAX_COOL, (16, 32))
_BY_NAME: dict[str, Narrow] = {
    "color_temperature": _kelvin_range,
    "start_up_color_temperature": _kelvin_range,
    "heating_setpoint": _HEATING,
    "away_heating_setpoint": _HEATING,
    "cooling_setpoint": _COOLING,
    "away_cooling_setpoint": _COOLING,
    "thermostat_mode": _modes,
    "fan_mode": _fan_modes,
}
