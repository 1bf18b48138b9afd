"""What can happen to a device from outside: someone walks by, a door opens, a button is pressed. Physical units."""

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from device_plugins.virtual_radio import closures, household, lighting, metering, ota, parts, security, sleep, tuya
from device_plugins.virtual_radio.behaviour import Actor
from device_plugins.virtual_radio.cluster import Endpoint
from device_plugins.virtual_radio.errors import RadioError

type Apply = Callable[[Actor, Endpoint, object], object]


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One thing that can happen: what it takes, in words, and what it does."""

    help: str
    apply: Apply


def switched(says: str, apply: Callable[[Actor, Endpoint, bool], object]) -> Stimulus:
    """Return a stimulus that takes true or false."""

    def check(actor: Actor, here: Endpoint, value: object) -> object:
        if not isinstance(value, bool):
            raise RadioError(f"It takes true or false, not {value!r}.")
        return apply(actor, here, value)

    return Stimulus(says, check)


def measured(says: str, low: float, high: float, apply: Callable[[Actor, Endpoint, float], object]) -> Stimulus:
    """Return a stimulus that takes a number from `low` to `high`."""

    def check(actor: Actor, here: Endpoint, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise RadioError(f"It takes a number from {low:g} to {high:g}, not {value!r}.")
        return apply(actor, here, value)

    return Stimulus(f"{says}, {low:g} to {high:g}", check)


def chosen(says: str, choices: Mapping[str, Callable[[Actor, Endpoint], object]]) -> Stimulus:
    """Return a stimulus that takes one of a few words."""

    def check(actor: Actor, here: Endpoint, value: object) -> object:
        apply = choices.get(value) if isinstance(value, str) else None
        if apply is None:
            raise RadioError(f"It takes one of {', '.join(choices)}, not {value!r}.")
        return apply(actor, here)

    return Stimulus(f"{says}: {', '.join(choices)}", check)


def _alarm(bit: int) -> Callable[[Actor, Endpoint, bool], object]:
    def apply(actor: Actor, here: Endpoint, value: bool) -> None:  # noqa: FBT001 - the stimulus' own value
        security.set_alarm(actor, here, bit, on=value)

    return apply


def _illuminance(actor: Actor, here: Endpoint, lux: float) -> None:
    value = round(10000 * math.log10(lux) + 1) if lux >= 1 else 0
    actor.update(here, parts.ILLUMINANCE, measured_value=value)


def _reading(cluster: int, unit: float) -> Callable[[Actor, Endpoint, float], object]:
    return lambda actor, here, value: actor.update(here, cluster, measured_value=round(value / unit))


def _battery(actor: Actor, here: Endpoint, percent: float) -> None:
    volts = 20 + round(percent / 10)
    actor.update(here, parts.POWER_CONFIG, battery_percentage_remaining=round(percent * 2), battery_voltage=volts)
    if security.ZONE in here.clusters:
        security.set_alarm(actor, here, security.BATTERY_LOW, on=percent <= 10)  # noqa: PLR2004 - as such sensors do


def _room_temperature(actor: Actor, here: Endpoint, celsius: float) -> None:
    actor.update(here, household.THERMOSTAT, local_temperature=round(celsius * 100))
    household.regulate(actor, here)


def _setpoint(actor: Actor, here: Endpoint, celsius: float) -> None:
    actor.update(here, household.THERMOSTAT, occupied_heating_setpoint=round(celsius * 100))
    household.regulate(actor, here)


def _voltage(actor: Actor, here: Endpoint, volts: float) -> None:
    actor.update(here, metering.ELECTRICAL, rms_voltage=round(volts * metering.VOLTAGE_DIVISOR))
    metering.settle(actor, here)


def _energy(actor: Actor, here: Endpoint, kwh: float) -> None:
    actor.update(here, metering.METERING, current_summ_delivered=round(kwh * metering.ENERGY_DIVISOR))


def _sends(cluster: int, command: int, payload: bytes = b"") -> Callable[[Actor, Endpoint], object]:
    return lambda actor, here: actor.tell_bound(here, cluster, command, payload)


def _lock_state(state: int) -> Callable[[Actor, Endpoint], object]:
    return lambda actor, here: actor.update(here, closures.LOCK, lock_state=state)


def _datapoint(number: int, kind: int, unit: float = 1) -> Callable[[Actor, Endpoint, float], object]:
    return lambda actor, here, value: tuya.put(actor, here, number, kind, round(value / unit))


def plain(says: str, apply: Callable[[Actor, Endpoint], object]) -> Stimulus:
    """Return a stimulus that takes nothing."""
    return Stimulus(says, lambda actor, here, _: apply(actor, here))


# A remote's step is a sixth of the range in half a second, its move the whole range in three seconds.
_STEP, _STEP_TICKS, _RATE = 43, 5, 84

ON_OFF = switched("someone uses the switch on the device", lambda a, e, value: lighting.switch(a, e, on=value))
LEVEL = measured(
    "someone turns the knob on the device, ZCL level", 0, 254,
    lambda a, e, value: lighting.set_level(a, e, round(value), with_on_off=True),
)  # fmt: skip
POWER = measured("what the plugged-in load draws, W", 0, 3000, metering.settle)
VOLTAGE = measured("mains voltage, V", 0, 260, _voltage)
ENERGY = measured("the meter's count, kWh", 0, 1_000_000, _energy)
MOTION = switched(
    "true when someone moves in the room, false when it is empty",
    lambda a, e, value: a.update(e, parts.OCCUPANCY, occupancy=int(value)),
)
ZONE_MOTION = switched("true when someone moves in the room, false when it is empty", _alarm(security.ALARM_1))
CONTACT = chosen("the door or window", {
    "open": lambda a, e: security.set_alarm(a, e, security.ALARM_1, on=True),
    "closed": lambda a, e: security.set_alarm(a, e, security.ALARM_1, on=False),
})  # fmt: skip
LEAK = switched("true when the sensor is wet", _alarm(security.ALARM_1))
SMOKE = switched("true when there is smoke", _alarm(security.ALARM_1))
TAMPER = switched("true when the case is open", _alarm(security.TAMPER))
TEMPERATURE = measured("air temperature, °C", -40, 125, _reading(parts.TEMPERATURE, 0.01))
HUMIDITY = measured("relative humidity, %", 0, 100, _reading(parts.HUMIDITY, 0.01))
PRESSURE = measured("air pressure, Pa", 30_000, 110_000, _reading(parts.PRESSURE, 100))
ILLUMINANCE = measured("light, lx", 0, 100_000, _illuminance)
BATTERY = measured("charge left, %", 0, 100, _battery)
ROOM_TEMPERATURE = measured("air temperature at the valve, °C", -40, 60, _room_temperature)
SETPOINT = measured("someone turns the valve's wheel, °C", 5, 30, _setpoint)
POSITION = measured(
    "someone pulls the blind by hand, % closed",
    0,
    100,
    lambda a, e, value: a.update(e, closures.COVERING, lift=round(value)),
)
KEY = chosen("someone turns the key", {
    "locked": _lock_state(closures.LOCKED),
    "unlocked": _lock_state(closures.UNLOCKED),
})  # fmt: skip
PRESS = chosen("a button of the remote", {
    "single": _sends(lighting.ON_OFF, 0x02),
    "on": _sends(lighting.ON_OFF, 0x01),
    "off": _sends(lighting.ON_OFF, 0x00),
    "up": _sends(lighting.LEVEL, 0x06, struct.pack("<BBH", 0, _STEP, _STEP_TICKS)),
    "down": _sends(lighting.LEVEL, 0x02, struct.pack("<BBH", 1, _STEP, _STEP_TICKS)),
    "hold": _sends(lighting.LEVEL, 0x05, struct.pack("<BB", 0, _RATE)),
    "hold_down": _sends(lighting.LEVEL, 0x01, struct.pack("<BB", 1, _RATE)),
    "release": _sends(lighting.LEVEL, 0x07),
})  # fmt: skip
CHECK_IN = plain("its button is pressed, so that it checks in at once", sleep.check_in)
CHECK_UPDATE = plain("it asks whether there is newer firmware", ota.check)
TUYA_TEMPERATURE = measured("air temperature, °C", -40, 125, _datapoint(1, tuya.VALUE, 0.1))
TUYA_HUMIDITY = measured("relative humidity, %", 0, 100, _datapoint(2, tuya.VALUE))
TUYA_BATTERY = measured("charge left, %", 0, 100, _datapoint(4, tuya.VALUE))
TUYA_SWITCH = switched("someone uses the switch on the device", _datapoint(1, tuya.BOOL))
TUYA_LEVEL = measured("someone turns the knob on the device, ‰", 0, 1000, _datapoint(2, tuya.VALUE))
TUYA_TIME = plain("its display asks what time it is", tuya.ask_time)
