"""Homie 4 and 5 beside what the recordings show."""

import random
from typing import Any

import pytest

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions import homie4, make
from device_plugins.mqtt.description import Described
from tests.device_plugins.mqtt.recordings import describe, heard, payload, recorded, taken

CAR = next(one for one in recorded("homie4") if one.name.endswith("super-car"))


def features(described: Described) -> dict[str, str]:
    return {one.key: one.capability + ("*" if one.writable else "") for one in described.device.features}


@pytest.mark.parametrize("seed", range(5))
def test_attributes_may_come_in_any_order(seed: int) -> None:
    convention = make("homie4", Terms())
    hears = [*CAR.hears]
    random.Random(seed).shuffle(hears)
    found = [one for topic, said in hears for one in heard(convention, topic, payload(said)).described]
    assert features(found[-1]) == CAR.features


def test_a_device_that_is_about_to_change_is_not_described_until_it_is_ready() -> None:
    convention = make("homie4", Terms())
    describe(CAR, convention)
    assert heard(convention, "homie/super-car/$state", b"init") == Heard()
    assert heard(convention, "homie/super-car/wheels/$properties", b"") == Heard()
    described = heard(convention, "homie/super-car/$state", b"ready").described[0]
    assert features(described) == {key: kind for key, kind in CAR.features.items() if not key.startswith("wheels")}


def test_a_device_is_described_when_it_is_asked_for_and_not_for_each_attribute() -> None:
    convention = homie4.Homie4(Terms())
    told = [convention.heard(topic, payload(said)) for topic, said in CAR.hears]
    assert not any(one.described for one in told)
    assert told[-1].changed == ("mqtt.homie4.super-car",)
    assert convention.describe("mqtt.homie4.other") is None
    described = convention.describe("mqtt.homie4.super-car")
    assert described is not None
    assert features(described) == CAR.features
    convention.heard("homie/super-car/$state", b"init")
    assert convention.describe("mqtt.homie4.super-car") is None


def test_an_attribute_said_again_says_nothing_new() -> None:
    convention = make("homie4", Terms())
    describe(CAR, convention)
    assert heard(convention, "homie/super-car/$name", b"Super car") == Heard()
    assert heard(convention, "homie/super-car/$name", b"Slow car").described[0].device.suggested_name == "Slow car"


def test_a_device_that_takes_its_version_back_is_gone() -> None:
    convention = make("homie4", Terms())
    describe(CAR, convention)
    assert convention.heard("homie/super-car/$homie", b"").gone == ("mqtt.homie4.super-car",)
    assert convention.heard("homie/super-car/$homie", b"") == Heard()
    assert convention.heard("homie/never-there/$name", b"") == Heard()


def test_all_devices_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homie4, "_MOST", 5000)
    convention = make("homie4", Terms())
    for said in (b"x" * 3000, b"y" * 3000, b"4.0"):
        convention.heard("homie/a/$homie", said)
    convention.heard("homie/b/$name", b"x" * 4000)
    with pytest.raises(MalformedError, match="together"):
        convention.heard("homie/c/$name", b"x" * 1000)
    convention.heard("homie/b/$homie", b"")
    convention.heard("homie/c/$name", b"x" * 1000)


@pytest.mark.parametrize(
    ("topic", "said"), [("homie/a/$name", b"\xff"), ("other/a/$name", b"x"), ("homie/a/b/c", b"x")]
)
def test_nonsense_is_refused(topic: str, said: bytes) -> None:
    with pytest.raises(MalformedError):
        make("homie4", Terms()).heard(topic, said)


def described5(properties: dict[str, Any], **other: Any) -> Described:  # noqa: ANN401 - JSON
    told = {"homie": "5.0", "nodes": {"node": {"properties": properties}}, **other}
    return make("homie5", Terms()).heard("homie/5/dev/$description", payload(told)).described[0]


@pytest.mark.parametrize("own", ["domovoi", "domovoi-lamp"])
def test_what_the_hub_publishes_is_no_device(own: str) -> None:
    assert make("homie5", Terms()).heard(f"homie/5/{own}/$description", b'{"homie": "5.0"}') == Heard()


def test_an_empty_description_takes_the_device_back() -> None:
    assert make("homie5", Terms()).heard("homie/5/dev/$description", b"").gone == ("mqtt.homie5.dev",)


@pytest.mark.parametrize("said", [b"[]", b"{}", b'{"homie": "4.0"}', b"{"])
def test_another_description_is_refused(said: bytes) -> None:
    with pytest.raises(MalformedError):
        make("homie5", Terms()).heard("homie/5/dev/$description", said)


def test_a_child_is_there_only_with_its_root() -> None:
    presence = described5({}, root="bridge", parent="hub").presence
    assert [one.topic for one in presence.signs] == ["homie/5/dev/$state", "homie/5/bridge/$state"]
    assert presence.mode == "all"


@pytest.mark.parametrize(
    ("prop", "capability", "said", "value"),
    [
        ({"datatype": "float", "unit": "°F", "id": "temperature"}, "temperature", "50", 10.0),
        ({"datatype": "float", "unit": "kPa", "id": "outside"}, "pressure", "101.3", 101300.0),
        ({"datatype": "integer", "unit": "%", "id": "room-humidity"}, "humidity", "40", 40.0),
        ({"datatype": "integer", "unit": "%", "id": "something"}, "number", "40", 40.0),
        ({"datatype": "float", "unit": "V", "id": "temperature"}, "voltage", "3.1", 3.1),
        ({"datatype": "boolean", "id": "smoke"}, "smoke", "true", True),
        ({"datatype": "boolean", "id": "open"}, "contact", "true", False),
        ({"datatype": "boolean", "id": "odd"}, "switch", "false", False),
        ({"datatype": "boolean", "id": "odd", "settable": True}, "switch", "true", True),
        ({"datatype": "datetime", "id": "since"}, "text", "2026-01-01T00:00:00", "2026-01-01T00:00:00"),
        ({"datatype": "enum", "id": "mode", "format": "off,heat"}, "thermostat_mode", "heat", "heat"),
        ({"datatype": "enum", "id": "mode", "format": "eco,heat"}, "enum", "eco", "eco"),
        ({"datatype": "color", "id": "c", "format": "xyz"}, "color_xy", "xyz,0.25,0.34", [0.25, 0.34]),
    ],
)
def test_properties_are_what_they_say(prop: dict[str, Any], capability: str, said: str, value: object) -> None:
    described = described5({prop.pop("id"): prop})
    assert described.device.features[0].capability == capability
    assert [one for _, one in taken(described, described.readings[0].topic, said)] == [value]


@pytest.mark.parametrize("said", ["", "TRUE", "1"])
def test_only_the_convention_s_own_words_are_true_and_false(said: str) -> None:
    described = described5({"on": {"datatype": "boolean", "settable": True}})
    with pytest.raises(LookupError):
        described.readings[0].take(said)


def test_what_is_not_retained_is_set_at_most_once() -> None:
    described = described5({"go": {"datatype": "enum", "format": "go", "settable": True, "retained": False}})
    assert described.actions[0].encode({}, {})[0].qos == 0
    assert described.actions[0].confirmed_by == ""
