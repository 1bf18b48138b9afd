"""Multilevel sensors: their type and scale as a quantity of the vocabulary, in its unit."""

from collections.abc import Iterable
from typing import NamedTuple

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Endpoint, Found, amount
from device_plugins.zwave.mapping.model import ValueFacts


class Scale(NamedTuple):
    """`raw * factor + offset` is the value in the vocabulary's unit."""

    factor: float = 1.0
    offset: float = 0.0


type Scales = dict[int, Scale]

_CELSIUS: Scales = {0: Scale(), 1: Scale(1 / 1.8, -32 / 1.8)}
_FIRST: Scales = {0: Scale()}
_SECOND: Scales = {1: Scale()}
_KPA: Scales = {0: Scale(1000), 1: Scale(3386.389)}
_KPA_PSI: Scales = {0: Scale(1000), 1: Scale(6894.757)}
_MILLI: Scales = {0: Scale(), 1: Scale(0.001)}

# By sensor type: the name, the word of the vocabulary, and its scales. Other types and scales are numbers of their own.
_SENSORS: dict[int, tuple[str, str, Scales]] = {
    1: ("temperature", "temperature", _CELSIUS),
    3: ("illuminance", "illuminance", _SECOND),
    4: ("power", "power", {0: Scale(), 1: Scale(0.293071)}),
    5: ("humidity", "humidity", _FIRST),
    6: ("wind_speed", "wind_speed", {0: Scale(), 1: Scale(0.44704)}),
    8: ("pressure", "pressure", _KPA),
    9: ("barometric_pressure", "pressure", _KPA),
    11: ("dew_point", "temperature", _CELSIUS),
    15: ("voltage", "voltage", _MILLI),
    16: ("current", "current", _MILLI),
    17: ("co2", "co2", _FIRST),
    18: ("flow", "flow", {0: Scale(), 1: Scale(1.699011)}),
    19: ("tank_volume", "volume", {0: Scale(0.001), 1: Scale(), 2: Scale(0.00378541)}),
    23: ("water_temperature", "temperature", _CELSIUS),
    24: ("soil_temperature", "temperature", _CELSIUS),
    29: ("conductivity", "conductivity", {0: Scale(10_000)}),
    31: ("moisture", "soil_moisture", _FIRST),
    32: ("frequency", "frequency", {0: Scale(), 1: Scale(1000)}),
    34: ("target_temperature", "temperature", _CELSIUS),
    35: ("pm25", "pm25", _SECOND),
    39: ("voc", "voc", {1: Scale(1000)}),
    40: ("co_concentration", "co_concentration", _SECOND),
    41: ("soil_moisture", "soil_moisture", _FIRST),
    42: ("ph", "ph", _FIRST),
    52: ("acceleration_x", "acceleration", _FIRST),
    53: ("acceleration_y", "acceleration", _FIRST),
    54: ("acceleration_z", "acceleration", _FIRST),
    56: ("water_flow", "flow", {0: Scale(0.001)}),
    57: ("water_pressure", "pressure", {0: Scale(1000)}),
    59: ("pm10", "pm10", _SECOND),
    62: ("boiler_temperature", "temperature", _CELSIUS),
    63: ("hot_water_temperature", "temperature", _CELSIUS),
    64: ("outside_temperature", "temperature", _CELSIUS),
    65: ("exhaust_temperature", "temperature", _CELSIUS),
    67: ("water_ph", "ph", _FIRST),
    72: ("return_air_temperature", "temperature", _CELSIUS),
    73: ("supply_air_temperature", "temperature", _CELSIUS),
    74: ("condenser_temperature", "temperature", _CELSIUS),
    75: ("evaporator_temperature", "temperature", _CELSIUS),
    76: ("liquid_line_temperature", "temperature", _CELSIUS),
    77: ("discharge_line_temperature", "temperature", _CELSIUS),
    78: ("suction_pressure", "pressure", _KPA_PSI),
    79: ("discharge_pressure", "pressure", _KPA_PSI),
    80: ("defrost_temperature", "temperature", _CELSIUS),
    86: ("pm1", "pm1", _FIRST),
}


def found(point: Endpoint) -> Iterable[Found]:
    """What an endpoint measures."""
    for value in point.of(c.MULTILEVEL_SENSOR):
        kind = value.cc_specific.get("sensorType")
        if kind is not None and value.type == "number" and value.readable:
            yield _sensor(value, int(kind))


def _sensor(value: ValueFacts, kind: int) -> Found:
    name, capability, scales = _SENSORS.get(kind, ("", "", {}))
    scale = scales.get(value.cc_specific.get("scale", 0))
    if scale is None:
        return amount(value, d.name(f"sensor {value.id.property}"))
    return quantity(value, name, capability, scale)


def quantity(value: ValueFacts, name: str, capability: str, scale: Scale) -> Found:
    """A measured quantity of the vocabulary; it is labelled where its name does not say all."""
    label = "" if name == capability else value.label
    return Found(name, capability, value.id.endpoint, ((value.id, d.linear(*scale)),), label=label)
