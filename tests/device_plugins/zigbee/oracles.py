"""What each value of an attribute of a real device means, written once more from the ZCL and the vendors' words.

Nothing is taken from the mapping's tables.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.device_plugins.zigbee.corpus import Learned, Told

type Other = Callable[[int], float | None]
type Oracle = Callable[[Any, Other], Any]


class Right(NamedTuple):
    """What is right, and how much rounding may change it."""

    of: Oracle
    tolerance: float = 0


def linear(factor: float, *nothing: int) -> Oracle:
    return lambda raw, _: None if raw in nothing or not math.isfinite(raw) else raw * factor


def ratio(times: int, by: int, factor: float, nothing: int) -> Oracle:
    def right(raw: Any, other: Callable[[int], float | None]) -> Any:  # noqa: ANN401
        return None if raw == nothing else raw * (other(times) or 1) / (other(by) or 1) * factor

    return right


def bits(mask: int, *, inverted: bool = False) -> Oracle:
    return lambda raw, _: bool(raw & mask) != inverted


def words(**numbers: int) -> Oracle:
    return lambda raw, _: next((word for word, number in numbers.items() if number == raw), None)


def level(raw: int, _: object) -> float | None:
    return None if raw == 255 else 0 if raw == 0 else max(1, raw / 254 * 100)


def kelvin(raw: int, _: object) -> float | None:
    return None if raw in {0, 0xFFFF} else 1e6 / raw


def lux(raw: int, _: object) -> float | None:
    return None if raw == 0xFFFF else 0 if raw == 0 else 10 ** ((raw - 1) / 10_000)


def closed(raw: int, _: object) -> float | None:
    return 100 - raw if raw <= 100 else None


def halves(raw: int, _: object) -> float | None:
    return None if raw == 255 else min(raw / 2, 100)


def inside(raw: int, _: object) -> float | None:
    return None if raw == -0x8000 else raw if abs(raw) <= 200 else raw / 100


def text(raw: str, _: object) -> str | None:
    return "".join(one for one in raw if one.isprintable()).strip() or None


def purifier(raw: int, _: object) -> str | None:
    """IKEA's: 0 off, 1 auto, 10 to 50 the speed."""
    if raw in {0, 1}:
        return "auto" if raw else "off"
    return None if not 10 <= raw <= 50 else "low" if raw <= 20 else "medium" if raw <= 40 else "high"


def source(raw: int, _: object) -> str | None:
    """Bit 7 tells of a second source."""
    names = "unknown mains mains_three_phase battery dc emergency_mains emergency_mains_and_transfer"
    return dict(enumerate(names.split())).get(raw & 0x7F)


def most(limit: int, nothing: int) -> Oracle:
    return lambda raw, _: None if raw == nothing or not 0 <= raw <= limit else raw * 100 / limit


def flag(raw: int, _: object) -> bool | None:
    return {0: False, 1: True}.get(int(raw))


def listed(names: str) -> Oracle:
    return lambda raw, _: dict(enumerate(names.split())).get(raw)


NO8, NO16, NO32 = 0xFF, 0xFFFF, 0xFFFF_FFFF
VOLTS, AMPERES, WATTS = (0x0600, 0x0601), (0x0602, 0x0603), (0x0604, 0x0605)
START_UP = words(off=0, on=1, toggle=2, previous=255)
GRAVITY = linear(0.009_806_65, -0x8000)
ALARM = 0x03
# By cluster, attribute, key without endpoint.
RIGHT: dict[tuple[int, int, str], Right] = {
    (0x0001, 0x0020, "battery_voltage"): Right(linear(0.1, NO8), 0.05),
    (0x0001, 0x0021, "battery"): Right(halves, 0.05),
    (0x0002, 0x0000, "device_temperature"): Right(inside, 0.005),
    (0x0006, 0x0000, "on_off"): Right(bits(1)),
    (0x0006, 0x4003, "start_up_on_off"): Right(START_UP),
    (0x0008, 0x0000, "level"): Right(level, 0.5),
    (0x0008, 0x0010, "on_off_transition_time"): Right(linear(0.1, NO16), 0.05),
    (0x0008, 0x0011, "on_level"): Right(level, 0.5),
    (0x0008, 0x0012, "on_transition_time"): Right(linear(0.1, NO16), 0.05),
    (0x0008, 0x0013, "off_transition_time"): Right(linear(0.1, NO16), 0.05),
    (0x0008, 0x0014, "default_move_rate"): Right(linear(100 / 254, NO8), 0.05),
    (0x0008, 0x4000, "start_up_level"): Right(level, 0.5),
    (0x000F, 0x0055, "binary_input"): Right(bits(1)),
    (0x0101, 0x0000, "lock"): Right(words(not_fully_locked=0, locked=1, unlocked=2)),
    (0x0102, 0x0007, "inverted"): Right(bits(4)),
    (0x0102, 0x0008, "cover_position"): Right(closed),
    (0x0300, 0x0000, "color_hue"): Right(linear(360 / 254, NO8), 0.5),
    (0x0300, 0x0001, "color_saturation"): Right(level, 0.5),
    (0x0300, 0x0007, "color_temperature"): Right(kelvin, 0.5),
    (0x0300, 0x0008, "color_mode"): Right(words(hs=0, xy=1, temperature=2)),
    (0x0300, 0x4002, "light_effect"): Right(words(none=0, color_loop=1)),
    (0x0300, 0x4010, "start_up_color_temperature"): Right(kelvin, 0.5),
    (0x0400, 0x0000, "illuminance"): Right(lux, 200),
    (0x0402, 0x0000, "temperature"): Right(linear(0.01, -0x8000), 0.005),
    (0x0403, 0x0000, "pressure"): Right(linear(100, -0x8000)),
    (0x0405, 0x0000, "humidity"): Right(linear(0.01, NO16), 0.005),
    (0x0406, 0x0000, "occupancy"): Right(bits(1)),
    (0x042A, 0x0000, "pm25"): Right(linear(1), 0.06),
    (0x0702, 0x0000, "energy"): Right(ratio(0x0301, 0x0302, 1000, 0xFFFF_FFFF_FFFF), 0.06),
    (0x0702, 0x0400, "power"): Right(ratio(0x0301, 0x0302, 1000, -0x80_0000), 0.006),
    (0x0B04, 0x0300, "frequency"): Right(ratio(0x0400, 0x0401, 1, NO16), 0.006),
    (0x0B04, 0x0505, "voltage"): Right(ratio(*VOLTS, 1, NO16), 0.006),
    (0x0B04, 0x0508, "current"): Right(ratio(*AMPERES, 1, NO16), 0.0006),
    (0x0B04, 0x050B, "power"): Right(ratio(*WATTS, 1, -0x8000), 0.006),
    (0x0B04, 0x050F, "apparent_power"): Right(ratio(*WATTS, 1, NO16), 0.006),
    (0x0B04, 0x0510, "power_factor"): Right(linear(1, -0x80)),
    (0xFC02, 0x0010, "vibration"): Right(bits(0xFF)),
    (0xFC7D, 0x0005, "child_lock"): Right(bits(0xFF)),
    (0xFC7D, 0x0000, "filter_run_time"): Right(linear(60, 0xFFFF_FFFF)),
    (0xFC7D, 0x0002, "filter_life_time"): Right(linear(60)),
    (0xFCC0, 0x0102, "motion_interval"): Right(linear(1)),
    (0xFCC0, 0x010C, "motion_sensitivity"): Right(words(low=1, medium=2, high=3)),
    (0xFCC0, 0x0152, "trigger_indicator"): Right(bits(0xFF)),
    (0x0000, 0x0007, "power_source"): Right(source),
    (0x0000, 0x0033, "trigger_indicator"): Right(bits(0xFF)),
    (0x0000, 0x4000, "firmware"): Right(text),
    (0x0001, 0x0000, "mains_voltage"): Right(linear(0.1, NO16), 0.05),
    (0x0001, 0x0031, "battery_size"): Right(listed("none built_in other AA AAA C D CR2 CR123A CR2450 CR2032 CR1632")),
    (0x0001, 0x0033, "battery_quantity"): Right(linear(1, NO8)),
    (0x0006, 0x0000, "contact"): Right(bits(1, inverted=True)),
    (0x0008, 0x0000, "cover_position"): Right(level, 0.5),
    (0x000C, 0x0055, "analog_input"): Right(linear(1), 0.0001),
    (0x000D, 0x0055, "analog_output"): Right(linear(1), 0.0001),
    (0x0012, 0x0055, "multistate_input"): Right(linear(1, NO16)),
    (0x0101, 0x0001, "lock_type"): Right(
        listed(
            "dead_bolt magnetic other mortise rim latch_bolt cylindrical tubular interconnected dead_latch "
            "door_furniture"
        )
    ),
    (0x0101, 0x0023, "auto_relock_time"): Right(linear(1, NO32)),
    (0x0102, 0x0000, "cover_type"): Right(
        listed(
            "roller_shade roller_shade_two_motors roller_shade_exterior roller_shade_exterior_two_motors drapery "
            "awning shutter tilt_blind tilt_and_lift_blind projector_screen"
        )
    ),
    (0x0300, 0x0003, "color_xy"): Right(linear(1 / 65_536, NO16), 0.0001),
    (0x0300, 0x0004, "color_xy"): Right(linear(1 / 65_536, NO16), 0.0001),
    (0x0406, 0x0030, "motion_sensitivity"): Right(listed("low medium high")),
    (0x0500, 0x0002, "alarm"): Right(bits(ALARM)),
    (0x0500, 0x0002, "contact"): Right(bits(ALARM, inverted=True)),
    (0x0500, 0x0002, "occupancy"): Right(bits(ALARM)),
    (0x0500, 0x0002, "smoke"): Right(bits(ALARM)),
    (0x0500, 0x0002, "water_leak"): Right(bits(ALARM)),
    (0x0500, 0x0002, "tamper"): Right(bits(0x04)),
    (0x0500, 0x0002, "battery_low"): Right(bits(0x08)),
    (0x0702, 0x0306, "meter_type"): Right(
        listed(
            "electric gas water thermal pressure heat cooling charging pv electric_element gas_element water_element "
            "thermal_element"
        )
    ),
    (0x0B04, 0x0304, "power_total"): Right(linear(1, -0x8000_0000), 0.006),
    (0x0B04, 0x050E, "reactive_power"): Right(ratio(*WATTS, 1, -0x8000), 0.006),
    (0xFC02, 0x0012, "acceleration_x"): Right(GRAVITY, 0.006),
    (0xFC02, 0x0013, "acceleration_y"): Right(GRAVITY, 0.006),
    (0xFC02, 0x0014, "acceleration_z"): Right(GRAVITY, 0.006),
    (0xFC7D, 0x0001, "led_off"): Right(bits(0xFF)),
    (0xFC7D, 0x0003, "replace_filter"): Right(bits(0xFF)),
    (0xFC7D, 0x0004, "pm25"): Right(linear(1, NO16)),
    (0xFC7D, 0x0006, "fan_mode"): Right(purifier),
    (0xFC7D, 0x0007, "fan_speed"): Right(most(50, NO8), 0.05),
    (0xFC7D, 0x0008, "device_run_time"): Right(linear(60, NO32)),
    (0xFCC0, 0x0142, "occupancy"): Right(flag),
    (0xFCC0, 0x0144, "monitoring_mode"): Right(listed("undirected left_right")),
    (0xFCC0, 0x0146, "approach_distance"): Right(listed("far medium near")),
    (0xFCC0, 0x0401, "hand_open"): Right(bits(0xFF)),
    (0xFCC0, 0x0427, "hooks_locked"): Right(bits(0xFF)),
    (0xFCC0, 0x0428, "hooks_state"): Right(listed("unlocked locked locking unlocking")),
    (0xFCC0, 0x0429, "light_level"): Right(linear(1)),
    (0xFFF1, 0x0001, "acceleration_x"): Right(GRAVITY, 0.006),
    (0xFFF1, 0x0002, "acceleration_y"): Right(GRAVITY, 0.006),
    (0xFFF1, 0x0003, "acceleration_z"): Right(GRAVITY, 0.006),
}
# Makers in the collection whose firmware counts the battery in whole percents.
WHOLE_PERCENTS = {"Keen Home Inc", "Xiaoyan"}


def right_of(device: Learned, told: Told, name: str) -> Right | None:
    """What is right for a capability or setting that comes from this attribute; None if nothing is written here."""
    if (told.cluster, told.attribute) == (0x0001, 0x0021) and device.signature.manufacturer in WHOLE_PERCENTS:
        return Right(lambda raw, _: None if raw == NO8 else min(raw, 100))
    return RIGHT.get((told.cluster, told.attribute, name))
