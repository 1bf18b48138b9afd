"""What is used and what is left: meters, energy production, batteries."""

from collections.abc import Iterable

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Endpoint, Found, amount, choice, fixed, flag
from device_plugins.zwave.mapping.measuring import Scale, quantity
from device_plugins.zwave.mapping.model import ValueFacts

_CUBIC_FOOT, _GALLON = 0.0283168, 0.00378541
_PRODUCED = 2
# By type of meter and scale.
_METERS: dict[tuple[int, int], tuple[str, str, Scale]] = {
    (1, 0): ("energy", "energy", Scale(1000)),
    (1, 2): ("power", "power", Scale()),
    (1, 4): ("voltage", "voltage", Scale()),
    (1, 5): ("current", "current", Scale()),
    (1, 6): ("power_factor", "power_factor", Scale(100)),
    (1, 7): ("reactive_power", "reactive_power", Scale(1000)),
    (2, 0): ("gas_volume", "volume", Scale()),
    (2, 1): ("gas_volume", "volume", Scale(_CUBIC_FOOT)),
    (3, 0): ("volume", "volume", Scale()),
    (3, 1): ("volume", "volume", Scale(_CUBIC_FOOT)),
    (3, 2): ("volume", "volume", Scale(_GALLON)),
    (4, 0): ("heating_energy", "energy", Scale(1000)),
    (5, 0): ("cooling_energy", "energy", Scale(1000)),
}
_RETURNED = {"energy": ("energy_returned", "energy_returned"), "power": ("power_returned", "power")}
_PRODUCTION = {"W": ("produced_power", "power", Scale()), "Wh": ("energy_returned", "energy_returned", Scale())}
_TOTALS = {0, 1}
_SOON, _NOW = 1, 2


def found(point: Endpoint) -> Iterable[Found]:
    """The meters and the battery of an endpoint."""
    for value in point.of(c.METER):
        if value.id.property == "value" and value.readable:
            yield _meter(value)
    if reset := point.get(c.METER, "reset"):
        yield Found("meter_reset", "press", point.number, (), {"press": fixed(reset, value=True)}, label=reset.label)
    for value in point.of(c.ENERGY_PRODUCTION):
        kind = _PRODUCTION.get(value.unit) if value.id.property_key in _TOTALS else None
        if kind:
            yield quantity(value, *kind)
        elif value.id.property == "value":
            yield amount(value, f"production_{value.id.property_key}")
    yield from _battery(point)


def _meter(value: ValueFacts) -> Found:
    about = value.cc_specific
    kind, scale = about.get("meterType", 0), about.get("scale", 0)
    row = _METERS.get((kind, scale))
    produced = about.get("rateType") == _PRODUCED
    if row is None:
        return amount(value, f"meter_{kind}_{scale}{'_returned' if produced else ''}")
    name, capability, factor = row
    if produced:
        name, capability = _RETURNED.get(name, (f"{name}_returned", capability))
    return quantity(value, name, capability, factor)


def _battery(point: Endpoint) -> Iterable[Found]:
    if level := point.get(c.BATTERY, "level"):
        yield Found("battery", "battery", point.number, ((level.id, d.known(d.percent)),))
    if low := point.get(c.BATTERY, "isLow"):
        yield flag(low, "battery_low", "battery_low")
    if renew := point.get(c.BATTERY, "rechargeOrReplace"):
        yield flag(renew, "battery_low", "battery_low", d.one_of({_SOON, _NOW}))
    if warmth := point.get(c.BATTERY, "temperature"):
        yield quantity(warmth, "battery_temperature", "temperature", Scale())
    if charging := point.get(c.BATTERY, "chargingStatus"):
        yield choice(charging, "battery_charging")
    if capacity := point.get(c.BATTERY, "maximumCapacity"):
        yield amount(capacity, "battery_capacity")
    if hot := point.get(c.BATTERY, "overheating"):
        yield flag(hot, "battery_overheating", label=hot.label)
