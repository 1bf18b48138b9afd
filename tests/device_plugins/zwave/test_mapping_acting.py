"""The mapping of what can be switched, moved, locked and set: what is read, and what a command becomes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.zwave.mapping import NOTHING, Invoke, ValueId, Write
from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping.decode import level, raw_level
from tests.device_plugins.zwave.values import act, keys, mapped, pair, read, value

_COLOURS = ("warmWhite", "coldWhite", "red", "green", "blue")


def _one(writes: Any) -> tuple[Any, Any]:  # noqa: ANN401 - writes
    assert len(writes) == 1
    assert isinstance(writes[0], Write)
    return writes[0].id.property, writes[0].value


def test_a_binary_switch() -> None:
    plug = mapped(*pair(c.BINARY_SWITCH, "boolean"))
    assert keys(plug) == {"on_off": "on_off"}
    assert read(plug, "on_off", True) is True
    assert read(plug, "on_off", None) is None
    current, target = (ValueId(c.BINARY_SWITCH, 0, name) for name in ("currentValue", "targetValue"))
    assert act(plug, "on_off", "set", value=False) == [Write(target, False, confirms=current)]
    assert _one(act(plug, "on_off", "on")) == ("targetValue", True)
    assert _one(act(plug, "on_off", "toggle", {"on_off": True})) == ("targetValue", False)
    assert _one(act(plug, "on_off", "toggle", {})) == ("targetValue", True)


def test_two_switches_on_two_endpoints_are_told_apart() -> None:
    strip = mapped(*pair(c.BINARY_SWITCH, "boolean", endpoint=1), *pair(c.BINARY_SWITCH, "boolean", endpoint=2))
    assert list(keys(strip)) == ["on_off", "on_off.2"]
    now = {"on_off": True, "on_off.2": False}
    assert act(strip, "on_off.2", "toggle", now)[0].value is True
    assert act(strip, "on_off", "toggle", now)[0].value is False
    assert act(strip, "on_off.2", "on")[0].id.endpoint == 2


def test_a_dimmer() -> None:
    rise = value(c.MULTILEVEL_SWITCH, "Up", type="boolean", writeable=True, readable=False)
    lamp = mapped(*pair(c.MULTILEVEL_SWITCH), rise, generic=0x11)
    assert keys(lamp) == {"on_off": "on_off", "level": "level"}
    assert [read(lamp, "level", raw) for raw in (0, 1, 50, 99, 255, 254, None)] == [0, 1, 50, 100, 100, None, None]
    assert [read(lamp, "on_off", raw) for raw in (0, 1, 99, 254)] == [False, True, True, None]
    set_ = act(lamp, "level", "set", value=42, transition=7.2)
    assert (set_[0].value, set_[0].options) == (42, {"transitionDuration": "7s"})
    assert act(lamp, "level", "set", value=100, transition=300.0)[0].options == {"transitionDuration": "5m"}
    assert act(lamp, "level", "set", value=0.4, transition=0.0)[0].value == 1
    assert _one(act(lamp, "level", "step", {"level": 90}, by=30, transition=0)) == ("targetValue", 99)
    assert _one(act(lamp, "level", "step", {}, by=-30, transition=0)) == ("targetValue", 0)
    assert _one(act(lamp, "level", "stop")) == ("Up", False)
    assert _one(act(lamp, "on_off", "on")) == ("targetValue", 255)
    assert _one(act(lamp, "on_off", "toggle", {"on_off": True})) == ("targetValue", 0)


@pytest.mark.parametrize("raw", [-1, 101, 253, "50", True, float("nan"), [], {}])
def test_what_is_no_level_is_nonsense(raw: object) -> None:
    with pytest.raises(ValueError, match="it is no"):
        level(raw)


@given(st.integers(0, 100))
def test_a_percentage_comes_back_as_it_went(wanted: int) -> None:
    told = level(raw_level(wanted))
    assert told == (100 if wanted == 99 else wanted)


def test_a_fan_is_no_lamp() -> None:
    fan = mapped(*pair(c.MULTILEVEL_SWITCH), generic=0x11, specific=8)
    assert keys(fan) == {"on_off": "on_off", "fan_speed": "fan_speed"}
    assert _one(act(fan, "fan_speed", "set", value=33)) == ("targetValue", 33)


def _lamp() -> Any:  # noqa: ANN401 - mapped
    parts = [value(c.COLOR_SWITCH, "currentColor", key) for key in range(5)]
    return mapped(*pair(c.COLOR_SWITCH, "any", names=("currentColor", "targetColor")), *parts, generic=0x11)


def _colour(*parts: int) -> dict[str, int]:
    return dict(zip(_COLOURS, parts, strict=True))


def test_a_colour_is_read() -> None:
    lamp = _lamp()
    red, white = _colour(0, 0, 255, 0, 0), _colour(255, 0, 0, 0, 0)
    assert read(lamp, "color_hue", red) == 0
    assert read(lamp, "color_hue", _colour(0, 0, 0, 0, 255)) == 240
    assert read(lamp, "color_saturation", red) == 100
    assert read(lamp, "color_xy", red) == [0.6401, 0.33]
    assert read(lamp, "color_mode", red) == "hs"
    assert read(lamp, "color_mode", white) == "temperature"
    assert read(lamp, "color_hue", white) is NOTHING
    assert read(lamp, "color_temperature", white) == 2700
    assert read(lamp, "color_temperature", _colour(0, 255, 0, 0, 0)) == 6500
    assert read(lamp, "color_temperature", red) is NOTHING
    assert read(lamp, "color_hue", {"red": 0}) is None
    with pytest.raises(ValueError, match="no colour"):
        read(lamp, "color_hue", {"red": 0, "green": 0, "blue": 256})
    with pytest.raises(ValueError, match="no colour"):
        read(lamp, "color_hue", 7)


def test_a_colour_is_set_and_the_other_light_goes_out() -> None:
    lamp = _lamp()
    now = {"color_hue": 120, "color_saturation": 50}
    assert act(lamp, "color_hue", "set", now, value=240, transition=0)[0].value == _colour(0, 0, 128, 128, 255)
    assert act(lamp, "color_saturation", "set", now, value=100, transition=0)[0].value == _colour(0, 0, 0, 255, 0)
    assert act(lamp, "color_xy", "set", value=[0.64, 0.33], transition=0)[0].value == _colour(0, 0, 255, 0, 0)
    warm = act(lamp, "color_temperature", "set", value=2700, transition=2.0)[0]
    assert (warm.value, warm.options) == (_colour(255, 0, 0, 0, 0), {"transitionDuration": "2s"})
    assert warm.confirms == ValueId(c.COLOR_SWITCH, 0, "currentColor")


@given(st.floats(0, 1), st.floats(0, 1))
def test_any_point_of_the_diagram_is_some_colour(x: float, y: float) -> None:
    colour = act(_lamp(), "color_xy", "set", value=[x, y], transition=0)[0].value
    assert all(0 <= one <= 255 for one in colour.values())
    assert 255 in colour.values()


@given(st.integers(2700, 6500))
def test_a_white_comes_back_within_a_hundredth(kelvin: int) -> None:
    lamp = _lamp()
    told = read(lamp, "color_temperature", act(lamp, "color_temperature", "set", value=kelvin, transition=0)[0].value)
    assert abs(told - kelvin) <= kelvin / 100


def test_a_shutter_of_the_motor_class() -> None:
    stop = value(c.MULTILEVEL_SWITCH, "Open", type="boolean", writeable=True, cc_specific={"switchType": 3})
    shutter = mapped(*pair(c.MULTILEVEL_SWITCH), stop, generic=0x11, specific=6)
    assert keys(shutter) == {"cover_position": "cover_position"}
    assert _one(act(shutter, "cover_position", "open")) == ("targetValue", 99)
    assert _one(act(shutter, "cover_position", "set", value=30)) == ("targetValue", 30)
    assert _one(act(shutter, "cover_position", "stop")) == ("Open", False)
    assert read(shutter, "cover_position", 99) == 100


def test_a_window_covering_with_slats() -> None:
    parts = [*pair(c.WINDOW_COVERING, key=13, name="currentValue Outbound Bottom"), *pair(c.WINDOW_COVERING, key=23)]
    parts.append(value(c.WINDOW_COVERING, "levelChangeUp", 13, type="boolean", writeable=True, readable=False))
    blind = mapped(*parts)
    assert keys(blind) == {"cover_position": "cover_position", "cover_tilt": "cover_tilt"}
    assert _one(act(blind, "cover_position", "close")) == ("targetValue", 0)
    assert _one(act(blind, "cover_position", "stop")) == ("levelChangeUp", False)
    assert [read(blind, "cover_tilt", raw) for raw in (0, 25, 50, 99, 254)] == [0, 50, 100, 0, None]
    assert _one(act(blind, "cover_tilt", "set", value=100)) == ("targetValue", 50)


def test_a_covering_that_knows_no_position_only_moves() -> None:
    moves = [
        value(c.WINDOW_COVERING, name, 12, type="boolean", writeable=True, readable=False)
        for name in ("levelChangeUp", "levelChangeDown")
    ]
    awning = mapped(*pair(c.WINDOW_COVERING, key=12), *moves)
    assert [one.commands for one in awning.features] == [("open", "close", "stop")]
    assert _one(act(awning, "cover_position", "close")) == ("levelChangeDown", True)
    assert not awning.readings


def test_two_coverings_of_one_device_have_names_of_their_own() -> None:
    both = mapped(
        *pair(c.WINDOW_COVERING, key=13, name="currentValue Outbound Bottom"),
        *pair(c.WINDOW_COVERING, key=17, name="currentValue Inbound Bottom"),
    )
    assert list(keys(both)) == ["cover_position", "cover_position_inbound_bottom"]


def test_a_garage_door() -> None:
    door = mapped(
        *pair(c.BARRIER_OPERATOR, names=("currentState", "targetState"), states={"0": "Closed", "252": "Closing"}),
        value(c.BARRIER_OPERATOR, "signalingState", 1, writeable=True, states={"0": "Off", "255": "On"}),
    )
    assert keys(door) == {"cover_position": "cover_position", "barrier_state": "enum", "audible_signal": "switch"}
    assert [read(door, "cover_position", raw) for raw in (0, 255, 252)] == [0, 100, NOTHING]
    assert read(door, "barrier_state", 252) == "closing"
    assert _one(act(door, "cover_position", "open")) == ("targetState", 255)
    assert _one(act(door, "audible_signal", "set", value=True)) == ("signalingState", 255)


def test_a_lock_and_its_codes() -> None:
    lock = mapped(
        *pair(c.DOOR_LOCK, names=("currentMode", "targetMode")),
        value(c.USER_CODE, "userIdStatus", 1),
        value(c.DOOR_LOCK, "doorStatus", type="any"),
        value(c.DOOR_LOCK, "autoRelockTime", writeable=True),
        generic=0x40,
        specific=3,
    )
    assert keys(lock) == {"lock": "lock", "contact": "contact", "auto_relock_time": "number"}
    assert [read(lock, "lock", raw) for raw in (255, 0, 1, 254)] == ["locked", "unlocked", "unlocked", None]
    assert read(lock, "contact", "closed") is True
    with pytest.raises(ValueError, match="neither"):
        read(lock, "contact", ["open"])
    assert _one(act(lock, "lock", "lock")) == ("targetMode", 255)
    assert act(lock, "lock", "set_pin", user=3, pin="1234") == [Invoke(c.USER_CODE, 0, "set", (3, 1, "1234"))]
    assert act(lock, "lock", "clear_pin", user=3) == [Invoke(c.USER_CODE, 0, "clear", (3,))]


def test_a_lock_without_codes_offers_none() -> None:
    lock = mapped(value(c.LOCK, "locked", type="boolean", writeable=True))
    assert lock.features[0].commands == ("lock", "unlock")
    assert read(lock, "lock", False) == "unlocked"


def test_a_thermostat() -> None:
    modes = {"0": "Off", "1": "Heat", "11": "Energy heat", "6": "Fan"}
    stat = mapped(
        value(c.THERMOSTAT_MODE, "mode", writeable=True, states=modes),
        value(c.THERMOSTAT_SETPOINT, "setpoint", 1, writeable=True, unit="°F", minimum=41, maximum=95),
        value(c.THERMOSTAT_SETPOINT, "setpoint", 2, writeable=True, unit="°C"),
        value(c.THERMOSTAT_OPERATING_STATE, "state"),
        value(c.THERMOSTAT_FAN_MODE, "mode", writeable=True, states={"0": "Auto low", "1": "Low"}),
    )
    features = {one.key: one for one in stat.features}
    assert set(features) == {
        "thermostat_mode", "thermostat_program", "heating_setpoint", "cooling_setpoint", "thermostat_activity",
        "fan_mode",
    }  # fmt: skip
    assert features["thermostat_mode"].values == ("off", "heat", "fan_only")
    assert features["thermostat_program"].values == ("off", "heat", "fan", "energy_heat")
    assert (features["heating_setpoint"].minimum, features["heating_setpoint"].maximum) == (5, 35)
    assert read(stat, "thermostat_mode", 11) == "heat"
    assert read(stat, "thermostat_mode", 13) is None
    assert read(stat, "heating_setpoint", 68) == 20
    assert _one(act(stat, "heating_setpoint", "set", value=21)) == ("setpoint", 70)
    assert _one(act(stat, "cooling_setpoint", "set", value=25.5)) == ("setpoint", 25.5)
    assert _one(act(stat, "thermostat_mode", "set", value="heat")) == ("mode", 1)
    assert _one(act(stat, "thermostat_program", "set", value="energy_heat")) == ("mode", 11)
    assert [read(stat, "thermostat_activity", raw) for raw in (0, 8, 9, 3)] == ["idle", "heating", "cooling", "fan"]


def test_a_siren_by_its_tone_and_one_by_its_class() -> None:
    chime = mapped(
        value(c.SOUND_SWITCH, "toneId", writeable=True, states={"0": "off", "1": "Ding (3 s)", "255": "default"}),
        value(c.SOUND_SWITCH, "defaultVolume", writeable=True, unit="%"),
    )
    assert keys(chime) == {"siren": "siren", "tone": "enum", "default_volume": "number"}
    assert _one(act(chime, "siren", "set", value=True)) == ("toneId", 255)
    assert _one(act(chime, "tone", "set", value="ding_3_s")) == ("toneId", 1)
    assert read(chime, "siren", 1) is True
    old = mapped(*pair(c.BINARY_SWITCH, "boolean"), generic=0x10, specific=5)
    assert keys(old)["siren"] == "siren"
    assert _one(act(old, "siren", "off")) == ("targetValue", False)


def test_identify_and_indicators() -> None:
    device = mapped(
        value(c.INDICATOR, "identify", type="boolean", readable=False, writeable=True),
        value(c.INDICATOR, 0x43, 2, type="boolean", writeable=True),
        value(c.INDICATOR, 0x43, 1, writeable=True, maximum=99),
    )
    assert keys(device) == {"identify": "identify", "indicator_67": "switch", "indicator_67_level": "number"}
    assert act(device, "identify", "identify", duration=5)[0].confirms is None


def test_a_device_that_speaks_only_basic_is_switched() -> None:
    assert keys(mapped(*pair(c.BASIC))) == {"on_off": "on_off"}
    assert keys(mapped(*pair(c.BASIC), *pair(c.BINARY_SWITCH, "boolean"))) == {"on_off": "on_off"}
    assert "on_off" not in keys(mapped(*pair(c.BASIC), value(c.NOTIFICATION, "alarmType")))


def test_settings() -> None:
    device = mapped(
        value(c.CONFIGURATION, 2, writeable=True, states={"0": "Disable", "1": "Enable"}, manual=False, label="Stay"),
        value(c.CONFIGURATION, 3, writeable=True, minimum=10, maximum=3600, states={"10": "Least"}, unit="seconds"),
        value(c.CONFIGURATION, 5, writeable=True, minimum=1, maximum=255, manual=False, states={"1": "A b", "9": "C"}),
        value(c.CONFIGURATION, 7, 0xFF00, writeable=True, minimum=0, maximum=1, states={"0": "Red", "1": "Red"}),
        value(c.PROTECTION, "local", writeable=True, states={"0": "Unprotected", "2": "NoOperationPossible"}),
        value(c.WAKE_UP, "wakeUpInterval", writeable=True, minimum=60, maximum=86400),
        value(c.VERSION, "firmwareVersions", type="string[]"),
    )
    features = {one.key: one for one in device.features}
    assert keys(device) == {
        "wake_up_interval": "number", "local_protection": "enum", "firmware": "firmware", "parameter_2": "switch",
        "parameter_3": "number", "parameter_5": "enum", "parameter_7_65280": "enum",
    }  # fmt: skip
    assert (features["parameter_2"].label, features["parameter_3"].unit) == ("Stay", "seconds")
    assert (features["parameter_3"].minimum, features["parameter_3"].maximum) == (10, 3600)
    assert features["parameter_5"].values == ("a_b", "c")
    assert features["parameter_7_65280"].values == ("red", "red_1")
    assert _one(act(device, "parameter_2", "set", value=True)) == (2, 1)
    assert _one(act(device, "parameter_3", "set", value=30.0)) == (3, 30)
    assert _one(act(device, "parameter_5", "set", value="c")) == (5, 9)
    assert read(device, "firmware", ["1.12", "2.0"]) == "1.12"
