"""What comes in on command topics."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.payloads import PAYLOAD_LIMIT, value_from, words_of
from device_plugins.mqtt.publishing.records import record_of
from device_plugins.mqtt.publishing.settings import Choice, Publish
from device_plugins.mqtt.publishing.wishes import Wish, filters, wish
from device_plugins.mqtt.topics import matcher
from device_plugins.sdk import DeviceError, Feature, InvalidValueError, UnknownDeviceError, UnsupportedError
from scripts.tools.published_devices import devices

LAYOUT = Layout(Publish(homeassistant=True, homie=True))
RECORDS = {one.id: one for one in devices()}
EVERYTHING = "test:everything"
HOMIE = LAYOUT.homie(EVERYTHING)


def wished(topic: str, payload: bytes | str) -> Wish | None:
    return wish(LAYOUT, RECORDS, topic, payload if isinstance(payload, bytes) else payload.encode())


@pytest.mark.parametrize(
    ("topic", "payload", "key", "command", "arguments"),
    [
        ("on_off/set", "true", "on_off", "set", {"value": True}),
        ("level/set", "42.5", "level", "set", {"value": 42.5, "transition": 0.0}),
        ("level/set", "42", "level", "set", {"value": 42, "transition": 0.0}),
        ("color_xy/set", "0.31,0.33", "color_xy", "set", {"value": [0.31, 0.33], "transition": 0.0}),
        ("thermostat_mode/set", "heat", "thermostat_mode", "set", {"value": "heat"}),
        ("text/set", "{", "text", "set", {"value": "{"}),
        ("on_off/command", "toggle", "on_off", "toggle", {}),
        ("cover_position/command", "open", "cover_position", "open", {}),
        (
            "level/command",
            '{"command": "step", "arguments": {"by": -10}}',
            "level",
            "step",
            {"by": -10, "transition": 0.0},
        ),
        ("identify/command", "identify", "identify", "identify", {"duration": 5.0}),
    ],
)
def test_plain_topics(topic: str, payload: str, key: str, command: str, arguments: dict[str, Any]) -> None:
    assert wished(f"domovoi/{EVERYTHING}/{topic}", payload) == Wish(EVERYTHING, key, command, arguments)


@pytest.mark.parametrize(
    ("path", "payload", "key", "command", "arguments"),
    [
        ("on-off", "false", "on_off", "set", {"value": False}),
        ("on-off-command", "toggle", "on_off", "toggle", {}),
        ("color-xy", "xyz,0.31,0.33", "color_xy", "set", {"value": [0.31, 0.33], "transition": 0.0}),
        ("text", b"\x00", "text", "set", {"value": ""}),
        ("lock-command", "unlock", "lock", "unlock", {}),
    ],
)
def test_homie(path: str, payload: str | bytes, key: str, command: str, arguments: dict[str, Any]) -> None:
    assert wished(f"{HOMIE}/endpoint-1/{path}/set", payload) == Wish(EVERYTHING, key, command, arguments)


@pytest.mark.parametrize(
    ("topic", "payload", "error"),
    [
        ("domovoi/nobody/on_off/set", "true", UnknownDeviceError),
        (f"domovoi/{EVERYTHING}/nothing/set", "true", UnsupportedError),
        (f"domovoi/{EVERYTHING}/temperature/set", "20", UnsupportedError),
        (f"domovoi/{EVERYTHING}/on_off/set", "ON", InvalidValueError),
        (f"domovoi/{EVERYTHING}/on_off/set", b"\xff", InvalidValueError),
        (f"domovoi/{EVERYTHING}/level/set", "101", InvalidValueError),
        (f"domovoi/{EVERYTHING}/level/set", "nan", InvalidValueError),
        (f"domovoi/{EVERYTHING}/level/set", "1e999", InvalidValueError),
        (f"domovoi/{EVERYTHING}/color_xy/set", "0.3", InvalidValueError),
        (f"domovoi/{EVERYTHING}/text/set", "x" * (PAYLOAD_LIMIT + 1), InvalidValueError),
        (f"domovoi/{EVERYTHING}/on_off/command", "explode", UnsupportedError),
        (f"domovoi/{EVERYTHING}/level/command", '{"command": "step"}', InvalidValueError),
        (f"domovoi/{EVERYTHING}/level/command", '{"command": ["step"]}', InvalidValueError),
        (f"domovoi/{EVERYTHING}/level/command", '{"arguments":' * 300, InvalidValueError),
        (f"{LAYOUT.root}-nobody/endpoint-1/on-off/set", "true", UnknownDeviceError),
        (f"{HOMIE}/endpoint-1/nothing/set", "true", UnsupportedError),
        (f"{HOMIE}/endpoint-1/on-off-command/set", "set", UnsupportedError),
    ],
)
def test_nonsense_is_refused_in_a_sentence(topic: str, payload: str | bytes, error: type[DeviceError]) -> None:
    with pytest.raises(error) as caught:
        wished(topic, payload)
    assert 10 < len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "topic", ["homie/5/another-device/node/property/set", "domovoi/status", f"{HOMIE}/$state", "elsewhere/a/b/set"]
)
def test_what_is_not_for_the_hub_is_passed_over(topic: str) -> None:
    assert wished(topic, "true") is None


@given(payload=st.binary(max_size=200), record=st.sampled_from([*RECORDS.values()]), data=st.data())
def test_no_payload_does_more_than_be_refused(payload: bytes, record: Any, data: st.DataObject) -> None:  # noqa: ANN401
    if not record.features:
        return
    feature = data.draw(st.sampled_from(record.features))
    for kind in ("set", "command"):
        try:
            found = wished(f"domovoi/{record.id}/{feature.key}/{kind}", payload)
        except DeviceError:
            continue
        assert found is not None
        assert found.command in feature.commands


@given(st.floats(-1e9, 1e9).map(lambda value: round(value, 6)) | st.integers(-(10**9), 10**9))
def test_a_number_that_was_told_can_be_set_again(value: float) -> None:
    assert value_from(Feature("number", "number"), words_of(value).encode()) == pytest.approx(value, abs=1e-9)


def test_the_filters_match_the_command_topics_and_no_state() -> None:
    fits = [matcher(one) for one in filters(LAYOUT)]

    def heard(topic: str) -> bool:
        return any(one(topic) for one in fits)

    assert heard("domovoi/zigbee-1/on_off/set")
    assert heard("domovoi/zigbee-1/on_off/command")
    assert heard(f"{HOMIE}/endpoint-1/on-off/set")
    for topic in (f"domovoi/{EVERYTHING}/on_off", f"{HOMIE}/endpoint-1/on-off", f"{HOMIE}/$state", "domovoi/status"):
        assert not heard(topic)
        assert LAYOUT.is_own(topic)
    assert not LAYOUT.is_own("domovoi/shelly/shellyplus1pm-7c87ce65bd9c/rpc")


def test_devices_are_chosen_by_area_label_and_protocol_and_never_those_of_the_broker() -> None:
    lamp = record_of({"id": "a", "name": "A", "protocol": "zigbee", "area": "Hall", "labels": ["Shared"]})
    own = record_of({"id": "b", "name": "B", "protocol": "mqtt", "area": "Hall"})
    on = Publish(homie=True)
    assert on.wants(lamp)
    assert not on.wants(own)
    assert not Publish().wants(lamp)
    assert Publish(homie=True, only=Choice(labels=("shared",))).wants(lamp)
    assert Publish(homie=True, only=Choice(areas=("kitchen",), protocols=("zigbee",))).wants(lamp)
    assert not Publish(homie=True, only=Choice(areas=("kitchen",))).wants(lamp)
    assert not Publish(homie=True, except_=Choice(areas=("HALL",))).wants(lamp)
