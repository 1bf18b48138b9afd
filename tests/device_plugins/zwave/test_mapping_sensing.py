"""The mapping of what is measured, noticed and pressed, and that nothing from the air can break it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_plugins.sdk import ButtonPressed, Device, LockOperated, check_device, check_value
from device_plugins.zwave.mapping import NOTHING, ValueFacts, ValueId, happened, map_node
from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping.happenings import _READERS
from tests.device_plugins.zwave.values import act, keys, mapped, node, read, value


def _sensor(kind: int, scale: int, unit: str = "") -> ValueFacts:
    about = {"sensorType": kind, "scale": scale}
    return value(c.MULTILEVEL_SENSOR, f"Sensor {kind}", cc_specific=about, unit=unit)


@pytest.mark.parametrize(
    ("kind", "scale", "key", "raw", "told"),
    [
        (1, 0, "temperature", 21.5, 21.5),
        (1, 1, "temperature", 68, 20),
        (3, 1, "illuminance", 120, 120),
        (4, 1, "power", 1000, 293.071),
        (5, 0, "humidity", 45, 45),
        (6, 1, "wind_speed", 10, 4.4704),
        (8, 0, "pressure", 101.3, 101_300),
        (9, 1, "barometric_pressure", 30, 101_591.67),
        (15, 1, "voltage", 2900, 2.9),
        (18, 1, "flow", 10, 16.99011),
        (24, 0, "soil_temperature", 8, 8),
        (29, 0, "conductivity", 0.01, 100),
        (39, 1, "voc", 0.2, 200),
        (56, 0, "water_flow", 500, 0.5),
    ],
)
def test_sensors_speak_the_vocabularys_units(kind: int, scale: int, key: str, raw: float, told: float) -> None:
    assert read(mapped(_sensor(kind, scale)), key, raw) == pytest.approx(told)


def test_a_scale_that_the_vocabulary_lacks_is_a_number_in_its_own_unit() -> None:
    device = mapped(_sensor(3, 0, "%"), _sensor(27, 0))
    assert keys(device) == {"sensor_sensor_3": "number", "sensor_sensor_27": "number"}
    assert device.features[0].unit == "%"


@pytest.mark.parametrize(
    ("meter", "scale", "rate", "key", "raw", "told"),
    [
        (1, 0, 1, "energy", 12.5, 12_500),
        (1, 0, 2, "energy_returned", 1, 1000),
        (1, 2, 0, "power", 7.1, 7.1),
        (1, 2, 2, "power_returned", 7, 7),
        (1, 6, 1, "power_factor", 0.98, 98),
        (2, 1, 1, "gas_volume", 10, 0.283168),
        (3, 2, 1, "volume", 100, 0.378541),
        (1, 3, 1, "meter_1_3", 4, 4),
    ],
)
def test_meters(meter: int, scale: int, rate: int, key: str, raw: float, told: float) -> None:
    about = {"meterType": meter, "scale": scale, "rateType": rate}
    assert read(mapped(value(c.METER, "value", 65537, cc_specific=about)), key, raw) == pytest.approx(told)


def test_a_meter_is_reset_by_a_press() -> None:
    meter = mapped(value(c.METER, "reset", type="boolean", readable=False, writeable=True))
    assert act(meter, "meter_reset", "press")[0].value is True


def _notification(kind: int, variable: str, *states: int, name: str = "Kind") -> ValueFacts:
    words = {str(one): f"State {one}" for one in states}
    return value(c.NOTIFICATION, name, variable, states=words, cc_specific={"notificationType": kind})


@pytest.mark.parametrize(
    ("kind", "variable", "key", "yes", "no"),
    [
        (1, "Sensor status", "smoke", 2, 0),
        (2, "Sensor status", "co", 1, 0),
        (5, "Sensor status", "water_leak", 2, 0),
        (6, "Door state (simple)", "contact", 23, 22),
        (6, "Door state", "contact", 23, 0x1601),
        (6, "Opening state", "contact", 0, 1),
        (7, "Cover status", "tamper", 3, 0),
        (7, "Motion sensor status", "occupancy", 8, 0),
        (7, "Sensor status", "intrusion", 2, 0),
        (8, "Battery maintenance status", "battery_low", 11, 0),
        (18, "Combustible gas status", "gas", 1, 0),
    ],
)
def test_notifications_are_what_is_noticed(kind: int, variable: str, key: str, yes: int, no: int) -> None:
    device = mapped(_notification(kind, variable, yes, no))
    assert read(device, key, yes) is True
    assert read(device, key, no) is False
    assert read(device, key, None) is None


def test_a_door_told_in_three_ways_is_one_contact() -> None:
    names = ("Door state", "Door state (simple)", "Opening state")
    door = mapped(*(_notification(6, name, 0, 22, 23) for name in names))
    assert keys(door) == {"contact": "contact"}
    assert door.readings[0].id.property_key == "Opening state"


def test_other_variables_are_alarms_or_words() -> None:
    device = mapped(
        _notification(8, "Over-load status", 0, 8, name="Power Management"),
        _notification(8, "Mains status", 2, 3, name="Power Management"),
    )
    assert keys(device) == {"power_management_over_load": "alarm", "power_management_mains": "enum"}
    assert read(device, "power_management_over_load", 8) is True
    assert read(device, "power_management_mains", 3) == "state_3"


def test_binary_sensors_of_older_devices() -> None:
    def sensor(kind: int, name: str) -> ValueFacts:
        return value(c.BINARY_SENSOR, name, type="boolean", cc_specific={"sensorType": kind})

    door = mapped(sensor(10, "Door/Window"), sensor(255, "Any"))
    assert keys(door) == {"contact": "contact"}
    assert read(door, "contact", True) is False
    assert keys(mapped(sensor(255, "Any"))) == {"alarm": "alarm"}
    both = mapped(sensor(12, "Motion"), _notification(7, "Motion sensor status", 0, 8))
    assert [one.id.command_class for one in both.readings] == [c.NOTIFICATION]


def test_a_battery() -> None:
    device = mapped(value(c.BATTERY, "level", unit="%"), value(c.BATTERY, "isLow", type="boolean"))
    assert keys(device) == {"battery": "battery", "battery_low": "battery_low"}
    assert read(device, "battery", 87) == 87
    with pytest.raises(ValueError, match="no percentage"):
        read(device, "battery", 101)


def test_scenes_are_buttons_whose_keys_do_not_depend_on_each_other() -> None:
    remote = mapped(*(value(c.CENTRAL_SCENE, "scene", scene) for scene in ("002", "003")))
    assert keys(remote) == {"button.2": "button", "button.3": "button"}


def _scene(key: str, raw: object) -> dict[str, Any]:
    return {"property": "scene", "propertyKey": key, "value": raw}


@pytest.mark.parametrize(
    ("command_class", "args", "key", "event"),
    [
        (c.CENTRAL_SCENE, _scene("001", 0), "button", ButtonPressed("single", "1")),
        (c.CENTRAL_SCENE, _scene("012", 3), "button.12", ButtonPressed("double", "12")),
        (c.CENTRAL_SCENE, _scene("002", 2), "button.2", ButtonPressed("hold", "2")),
        (c.SCENE_ACTIVATION, {"property": "sceneId", "value": 4}, "scene", ButtonPressed("recall_4")),
        (c.BASIC, {"property": "event", "value": 255}, "basic", ButtonPressed("on")),
        (c.ENTRY_CONTROL, {"eventType": 3, "eventData": "1234"}, "keypad", ButtonPressed("disarm")),
        (c.MULTILEVEL_SWITCH, {"eventType": 4, "direction": "up"}, "basic", ButtonPressed("move_up", "0")),
        (
            c.NOTIFICATION,
            {"type": 6, "event": 6, "parameters": {"userId": 3}},
            "lock",
            LockOperated("unlock", "keypad", 3),
        ),
        (c.NOTIFICATION, {"type": 6, "event": 1, "parameters": {}}, "lock", LockOperated("lock", "manual", -1)),
    ],
)
def test_what_happens(command_class: int, args: dict[str, Any], key: str, event: object) -> None:
    assert happened(command_class, 0, args) == (key, event)


@pytest.mark.parametrize(
    ("command_class", "args"),
    [
        (c.CENTRAL_SCENE, _scene("001", None)),
        (c.CENTRAL_SCENE, _scene("x", 0)),
        (c.CENTRAL_SCENE, {"property": "slowRefresh", "value": 0}),
        (c.NOTIFICATION, {"type": 7, "event": 6}),
        (c.NOTIFICATION, {"type": 6, "event": 99}),
        (c.ENTRY_CONTROL, {"eventType": 1, "eventData": "1234"}),
        (c.METER, {"value": 1}),
    ],
)
def test_what_means_nothing_tells_nothing(command_class: int, args: dict[str, Any]) -> None:
    assert happened(command_class, 0, args) is None


_TEXT = st.text("aZ0 _ü°.", max_size=8)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_ARGS = st.dictionaries(
    st.sampled_from(["property", "propertyKey", "value", "type", "event", "eventType", "direction", "parameters"]),
    _JSON | st.sampled_from(["scene", "event", "sceneId", "001", 6]),
)


@given(st.sampled_from(sorted(_READERS)), _ARGS)
def test_no_notification_breaks_it(command_class: int, args: dict[str, Any]) -> None:
    told = happened(command_class, 0, args)
    assert told is None or isinstance(told[1], ButtonPressed | LockOperated)


_CLASSES = sorted(number for name, number in vars(c).items() if name.isupper() and isinstance(number, int))
_NAMES = [
    "currentValue", "targetValue", "level", "mode", "state", "value", "setpoint", "scene", "currentMode", "targetMode",
    "currentColor", "targetColor", "toneId", "identify", "locked", "local", "firmwareVersions", "doorStatus",
    "position", "currentState", "targetState", "levelChangeUp", "levelChangeDown", "reset", "Any", "Home Security",
    "event", "sceneId", "userIdStatus", 1, 3, 80,
]  # fmt: skip
_ABOUT = st.dictionaries(
    st.sampled_from(["sensorType", "scale", "meterType", "rateType", "notificationType", "switchType"]),
    st.integers(0, 90),
)
_VALUES = st.builds(
    ValueFacts,
    id=st.builds(
        ValueId,
        st.sampled_from(_CLASSES),
        st.integers(0, 2),
        st.sampled_from(_NAMES),
        st.sampled_from([None, 1, 2, 13, 23, "001", "Sensor status", "Motion sensor status", "Über"]),
    ),
    type=st.sampled_from(["number", "boolean", "any", "string"]),
    unit=st.sampled_from(["", "°C", "°F", "W", "Wh"]),
    readable=st.booleans(),
    writeable=st.booleans(),
    minimum=st.none() | st.integers(-1000, 1000),
    maximum=st.none() | st.integers(-1000, 1000),
    states=st.dictionaries(st.integers(0, 300).map(str) | _TEXT, _TEXT, max_size=4),
    label=st.sampled_from(["", "A label", "x" * 300]),
    cc_specific=_ABOUT,
    name=_TEXT,
    manual=st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(_VALUES, max_size=5), st.sampled_from([(0x10, 1), (0x10, 5), (0x11, 6), (0x11, 8), (0x40, 3)]), _JSON)
def test_whatever_a_node_has_its_device_is_one_the_registry_takes(
    values: list[ValueFacts], kind: tuple[int, int], raw: object
) -> None:
    device = map_node(node(*values, generic=kind[0], specific=kind[1]))
    check_device(Device("zwave-1-2", "zwave", features=device.features))
    features = {one.key: one for one in device.features}
    assert {(one.key, one.command) for one in device.actions} == {
        (one.key, command) for one in device.features for command in one.commands
    }
    for reading in device.readings:
        try:
            told = reading.take(raw)
        except ValueError:
            continue
        if told is not None and told is not NOTHING and not _beyond(features[reading.key].capability, told):
            check_value(features[reading.key], told)


def _beyond(capability: str, told: object) -> bool:
    """Numbers that the registry's own check holds back: a sensor may say anything."""
    return isinstance(told, int | float) and not isinstance(told, bool) and capability != "level"
