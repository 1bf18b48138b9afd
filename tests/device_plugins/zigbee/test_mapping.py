"""The mapping alone: every table row makes sense, and every value that may come in is a value of the vocabulary."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.sdk import (
    VOCABULARY,
    Device,
    DeviceError,
    Feature,
    InvalidValueError,
    UnsupportedError,
    capability,
    check_device,
    check_value,
)
from device_plugins.zigbee.mapping import (
    Endpoint,
    Facts,
    Mapping,
    Send,
    Signature,
    Write,
    action,
    decode,
    describe,
    plan,
    wanted_facts,
)
from device_plugins.zigbee.mapping.signature import Kept, Raw, fact
from device_plugins.zigbee.mapping.sources import SOURCES
from device_plugins.zigbee.mapping.status import refusal
from device_plugins.zigbee.mapping.tables.security import ZONES

HOME_AUTOMATION, LIGHT_LINK = 0x0104, 0xC05E
ANY = Signature()


def one(*inputs: int, device_type: int = 0x0051, outputs: tuple[int, ...] = (), **facts: int) -> Mapping:
    """Map a device of one endpoint; facts are given as `_<cluster>_<attribute>` in hex."""
    values: dict[str, Kept] = {}
    for name, value in facts.items():
        cluster, attribute = (int(part, 16) for part in name.strip("_").split("_"))
        values[f"1/{cluster}/{attribute}"] = value
    endpoint = Endpoint(1, HOME_AUTOMATION, device_type, inputs, outputs)
    return describe(Signature(endpoints=(endpoint,)), Facts(values=values, unsupported=[]))


def keys(mapping: Mapping) -> set[str]:
    return {feature.key for feature in mapping.features} - {"link_quality", "signal_strength"}


def decoded(mapping: Mapping, key: str, raw: Raw) -> Any:  # noqa: ANN401 - the vocabulary's types
    return next(point for point in mapping.points if point.key == key).decode(raw)


EVERYTHING = tuple(sorted({source.cluster for source in SOURCES} - {0x0102} | {0x0500, 0x0502, 0x0003}))
ALL_KINDS = [one(*EVERYTHING, _300_400A=0x1F, _500_1=kind, _201_1B=4) for kind in ZONES] + [one(0x0102, _102_0=8)]


RAWS = st.one_of(st.integers(-(2**63), 2**64), st.integers(-2, 70_000), st.floats(), st.text(max_size=20))
CLUSTERS = (*EVERYTHING, 0x0102, 0x0005)


@given(raw=RAWS)
def test_whatever_comes_in_is_a_value_of_the_right_type_or_nothing(raw: Raw) -> None:
    for mapping in ALL_KINDS:
        features = {feature.key: feature for feature in mapping.features}
        for point in mapping.points:
            try:
                value = point.decode(raw)
            except (TypeError, ValueError, OverflowError):
                continue  # told as a warning, and dropped
            if value is None:
                continue
            feature = features[point.key]
            kind = {"bool": bool, "number": int | float, "enum": str, "text": str, "pair": int | float}
            assert isinstance(value, kind[capability(feature.capability).type]), point
            if isinstance(value, float):
                assert math.isfinite(value)


@given(raw=st.text(max_size=20))
def test_no_text_becomes_a_number_or_a_flag(raw: str) -> None:
    for mapping in ALL_KINDS:
        for point in mapping.points:
            if not any(f.key == point.key and f.capability in {"firmware", "text"} for f in mapping.features):
                with pytest.raises((TypeError, ValueError)):
                    point.decode(raw)


@given(
    inputs=st.sets(st.sampled_from(CLUSTERS)),
    outputs=st.sets(st.sampled_from((0x0005, 0x0006, 0x0008, 0x0300, 0x0501))),
    device_type=st.integers(0, 0xFFFF),
    values=st.dictionaries(
        st.sampled_from([fact(1, c, a) for c, those in wanted_facts(CLUSTERS, ANY).items() for a in those]), RAWS
    ),
)
def test_whatever_a_device_says_of_itself_it_can_be_announced(
    inputs: set[int], outputs: set[int], device_type: int, values: dict[str, Kept]
) -> None:
    endpoint = Endpoint(1, HOME_AUTOMATION, device_type, tuple(inputs), tuple(outputs))
    mapping = describe(Signature(endpoints=(endpoint,)), Facts(values=values, unsupported=[]))
    check_device(Device(id="zigbee-1", protocol="zigbee", features=mapping.features))
    for each in mapping.features:
        assert each.minimum is None or each.maximum is None or each.minimum < each.maximum


@given(percent=st.integers(0, 100))
def test_a_level_is_what_was_set(percent: int) -> None:
    assert decode.percent_of_level(decode.level_of_percent(percent)) == percent


@given(kelvins=st.integers(1000, 20_000))
def test_a_colour_temperature_is_what_was_set_within_a_mired(kelvins: int) -> None:
    mireds = decode.mireds(kelvins)
    back = decode.kelvin(mireds)
    assert back is not None
    assert abs(1e6 / back - 1e6 / kelvins) <= 1


@pytest.mark.parametrize(
    ("cluster", "key", "raw", "value"),
    [
        (0x0402, "temperature", 2150, 21.5),
        (0x0402, "temperature", -725, -7.25),
        (0x0402, "temperature", -0x8000, None),
        (0x0405, "humidity", 4321, 43.21),
        (0x0405, "humidity", 0xFFFF, None),
        (0x0403, "pressure", 1013, 101_300),
        (0x0403, "pressure", -0x8000, None),
        (0x0400, "illuminance", 20_001, 100.0),
        (0x0400, "illuminance", 0, 0.0),
        (0x0400, "illuminance", 0xFFFF, None),
        (0x0406, "occupancy", 1, True),
        (0x0406, "occupancy", 0, False),
        (0x0001, "battery", 199, 99.5),
        (0x0001, "battery", 0xFF, None),
        (0x0001, "battery_voltage", 31, 3.1),
        (0x0101, "lock", 2, "unlocked"),
        (0x0101, "lock", 0xFF, None),
        (0x0102, "cover_position", 30, 70),
        (0x0102, "cover_position", 0xFF, None),
        (0x0008, "level", 254, 100),
        (0x0008, "level", 1, 1),
        (0x0008, "level", 0, 0),
        (0x0008, "level", 0xFF, None),
        (0x0300, "color_temperature", 370, 2703),
        (0x0300, "color_temperature", 0xFFFF, None),
        (0x0202, "fan_mode", 5, "auto"),
        (0x040D, "co2", 0.000412, 412.0),
        (0x040D, "co2", float("nan"), None),
        (0x0201, "thermostat_activity", 0x0001, "heating"),
        (0x0201, "thermostat_activity", 0x0002, "cooling"),
        (0x0201, "thermostat_activity", 0x0004, "fan"),
        (0x0201, "thermostat_activity", 0, "idle"),
    ],
)
def test_values_in_si_units(cluster: int, key: str, raw: Raw, value: object) -> None:
    assert decoded(one(cluster), key, raw) == value


def test_meters_are_scaled_as_they_say() -> None:
    meter = one(0x0702, _702_301=1, _702_302=3600)
    assert decoded(meter, "energy", 7200) == 2000.0
    assert decoded(meter, "energy", 0xFFFF_FFFF_FFFF) is None
    assert decoded(meter, "power", -0x80_0000) is None
    plug = one(0x0B04, _B04_604=2, _B04_605=10, _B04_602=1, _B04_603=1000)
    assert decoded(plug, "power", 1234) == 246.8
    assert decoded(plug, "power", -0x8000) is None
    assert decoded(plug, "current", 1500) == 1.5
    assert decoded(one(0x0B04, _B04_605=0), "power", 5) == 5


def test_power_is_told_once() -> None:
    both = one(0x0702, 0x0B04)
    assert [point.cluster for point in both.points if point.key == "power"] == [0x0B04]
    assert "energy" not in keys(one(0x0702, _702_300=1))


@pytest.mark.parametrize(
    ("cluster", "key", "raw"),
    [
        (0x0006, "on_off", 2),
        (0x0006, "on_off", "on"),
        (0x0008, "level", 256),
        (0x0008, "level", -1),
        (0x0008, "level", 12.5),
        (0x0101, "lock", "1"),
        (0x0102, "cover_position", 101),
        (0x0400, "illuminance", 65_536),
        (0x0402, "temperature", "21.5"),
        (0x0406, "occupancy", "1"),
        (0x0300, "color_temperature", -5),
        (0x0000, "firmware", 7),
    ],
)
def test_values_that_no_device_can_mean(cluster: int, key: str, raw: Raw) -> None:
    with pytest.raises((TypeError, ValueError)):
        decoded(one(cluster), key, raw)


@pytest.mark.parametrize(("kind", "expected"), [(kind, name) for kind, (name, _) in ZONES.items()])
def test_alarm_zones(kind: int, expected: str) -> None:
    zone = one(0x0500, _500_1=kind)
    assert keys(zone) == {expected, "tamper", "battery_low"}
    assert zone.zones == (1,)
    quiet, alarm = decoded(zone, expected, 0), decoded(zone, expected, 1)
    assert (quiet, alarm) == ((True, False) if expected == "contact" else (False, True))
    assert decoded(zone, "tamper", 4) is True
    assert decoded(zone, "battery_low", 8) is True


def test_colours_are_those_the_lamp_says_it_has() -> None:
    color = {"color_xy", "color_hue", "color_saturation", "color_temperature", "color_mode", "light_effect"}
    for bits, expected in (
        (0x10, {"color_temperature"}),
        (0x08, {"color_xy", "color_mode"}),
        (0x01, {"color_hue", "color_saturation", "color_mode"}),
        (0x1F, color),
    ):
        assert keys(one(0x0300, _300_400A=bits)) == expected
    assert keys(one(0x0300, device_type=0x010C)) == {"color_temperature"}


def test_coverings_are_what_their_type_says() -> None:
    assert keys(one(0x0102)) == {"cover_position"}
    assert keys(one(0x0102, _102_0=7)) == {"cover_tilt", "cover_type"}
    assert keys(one(0x0102, _102_0=8)) == {"cover_position", "cover_tilt", "cover_type"}
    assert keys(one(0x0102, 0x0006, 0x0008)) == {"cover_position"}


def test_thermostats_do_what_their_sequence_says() -> None:
    heat = {f.key: f for f in one(0x0201).features}
    assert "cooling_setpoint" not in heat
    assert heat["thermostat_mode"].values == ("off", "heat")
    both = {f.key: f for f in one(0x0201, _201_1B=4, _201_15=500, _201_16=3500).features}
    assert both["thermostat_mode"].values == ("off", "auto", "cool", "heat")
    assert (both["heating_setpoint"].minimum, both["heating_setpoint"].maximum) == (5.0, 35.0)
    assert "cooling_setpoint" in both
    assert "heating_setpoint" not in keys(one(0x0201, _201_1B=0))


def test_several_endpoints_have_keys_of_their_own() -> None:
    endpoints = tuple(Endpoint(number, HOME_AUTOMATION, 0x0100, (0x0006,)) for number in (1, 2, 3))
    mapping = describe(Signature(endpoints=endpoints), Facts(values={}, unsupported=[]))
    assert keys(mapping) == {"on_off", "on_off.2", "on_off.3"}


def test_what_the_device_lacks_falls_away() -> None:
    facts = Facts(values={}, unsupported=["1/1/32", "1/0/16384"])
    endpoint = Endpoint(1, HOME_AUTOMATION, 0x0402, (0x0000, 0x0001))
    assert keys(describe(Signature(endpoints=(endpoint,)), facts)) == {"battery"}


def test_remotes_are_told_from_lamps_that_also_send() -> None:
    assert keys(one(0x0000, device_type=0x0104, outputs=(0x0006, 0x0008))) == {"firmware", "button"}
    assert "button" not in keys(one(0x0006, 0x0008, device_type=0x0101, outputs=(0x0006,)))
    assert "button" not in keys(one(0x0406, device_type=0x0107, outputs=(0x0006,)))
    scene = Endpoint(1, LIGHT_LINK, 0x0810, (0x0006,), (0x0005, 0x0006))
    assert "button" in keys(describe(Signature(endpoints=(scene,)), Facts(values={}, unsupported=[])))


def test_wanted_facts_are_few_and_belong_to_the_clusters() -> None:
    assert wanted_facts((0x0402,), ANY) == {}
    assert wanted_facts((0x0300,), ANY) == {0x0300: (0x400A, 0x400B, 0x400C, 0x4002, 0x4010)}
    assert 0x0021 in wanted_facts((0x0001,), ANY)[0x0001]


@pytest.mark.parametrize(
    ("cluster", "command", "payload", "expected"),
    [
        (0x0006, 0x02, (), "toggle"),
        (0x0006, 0x77, (), None),
        (0x0008, 0x05, (0, 84), "move_up"),
        (0x0008, 0x01, (1, 84), "move_down"),
        (0x0008, 0x01, (), None),
        (0x0008, 0x01, ("x",), None),
        (0x0008, 0x07, (), "stop"),
        (0x0005, 0x05, (0, 3), "recall_3"),
        (0x0005, 0x04, (0, 2), "store_2"),
        (0x0005, 0x05, (0,), None),
        (0x0005, 0x00, (0, 1), None),
        (0x0300, 0x4C, (1, 70, 0), "color_temperature_step_up"),
        (0x0300, 0x4B, (0, 70), "color_temperature_move_stop"),
        (0x0501, 0x00, (3, "", 0), "arm_all"),
        (0x0102, 0x00, (), "open"),
    ],
)
def test_buttons(cluster: int, command: int, payload: tuple[object, ...], expected: str | None) -> None:
    assert action(cluster, command, payload) == expected


def feature(name: str) -> Feature:
    return Feature(name, name, 1, writable=True, commands=tuple(c.name for c in VOCABULARY[name].commands))


@pytest.mark.parametrize(
    ("name", "command", "arguments", "request_"),
    [
        ("on_off", "set", {"value": True}, Send(0x0006, 1)),
        ("on_off", "toggle", {}, Send(0x0006, 2)),
        ("level", "set", {"value": 50, "transition": 1.5}, Send(0x0008, 4, (127, 15))),
        ("level", "set", {"value": 0}, Send(0x0008, 4, (0, 0))),
        ("level", "step", {"by": -10, "transition": 0}, Send(0x0008, 6, (1, 25, 0))),
        ("color_xy", "set", {"value": [0.5, 1]}, Send(0x0300, 7, (32768, 0xFEFF, 0))),
        ("color_hue", "set", {"value": 360}, Send(0x0300, 0, (254, 0, 0))),
        ("color_saturation", "set", {"value": 100}, Send(0x0300, 3, (254, 0))),
        ("color_temperature", "set", {"value": 2700}, Send(0x0300, 0x0A, (370, 0))),
        ("lock", "lock", {}, Send(0x0101, 0)),
        ("cover_position", "set", {"value": 70}, Send(0x0102, 5, (30,))),
        ("cover_tilt", "set", {"value": 0}, Send(0x0102, 8, (100,))),
        ("heating_setpoint", "set", {"value": 21.5}, Write(0x0201, 0x0012, 2150)),
        ("thermostat_mode", "set", {"value": "heat"}, Write(0x0201, 0x001C, 4)),
        ("fan_mode", "set", {"value": "medium"}, Write(0x0202, 0, 2)),
        ("siren", "sound", {"duration": 10.0, "mode": "fire"}, Send(0x0502, 0, (0x26, 10, 50, 1))),
        ("siren", "off", {}, Send(0x0502, 0, (0, 0, 0, 0))),
        ("siren", "set", {"value": False}, Send(0x0502, 0, (0, 0, 0, 0))),
        ("identify", "identify", {"duration": 3}, Send(0x0003, 0, (3,))),
    ],
)
def test_commands(name: str, command: str, arguments: dict[str, Any], request_: Send | Write) -> None:
    assert plan(feature(name), command, arguments).request == request_


def test_expectations_are_values_of_the_vocabulary() -> None:
    for name, command, arguments in (
        ("level", "set", {"value": 33}),
        ("color_xy", "set", {"value": [0.31, 0.33]}),
        ("color_temperature", "set", {"value": 4000}),
        ("heating_setpoint", "set", {"value": 20.5}),
        ("cover_position", "close", {}),
    ):
        for wanted, value in plan(feature(name), command, arguments).expect.items():
            check_value(feature(wanted), value)


def test_a_command_zigbee_does_not_have_is_unsupported() -> None:
    with pytest.raises(UnsupportedError, match="over Zigbee"):
        plan(feature("fan_speed"), "set", {"value": 1})


def test_refusals_are_typed() -> None:
    assert isinstance(refusal(0x87, "it"), InvalidValueError)
    assert isinstance(refusal(0x81, "it"), UnsupportedError)
    assert type(refusal(0x42, "it")) is DeviceError
    assert "0x42" in str(refusal(0x42, "it"))
