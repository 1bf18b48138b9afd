"""Devices written down in TOML: what their payloads mean, what they are told, and mistakes in one sentence."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_plugins.mqtt.conventions.table import TableDevice, describe
from device_plugins.mqtt.description import NOTHING, Described
from device_plugins.sdk import ButtonPressed, Feature, InvalidValueError, check_command
from hub.api import ConfigError


def described(*features: dict[str, Any], **more: Any) -> Described:  # noqa: ANN401 - TOML
    (found,) = describe([msgspec.convert({"id": "one", "feature": features, **more}, TableDevice)])
    return found


def taken(feature: dict[str, Any], payload: Any) -> Any:  # noqa: ANN401 - JSON
    found = described(feature)
    takers = [one.take for one in found.readings] + [one.take for one in found.happenings]
    return takers[0](payload)


def told(feature: dict[str, Any], command: str, values: dict[str, Any] | None = None, **arguments: Any) -> bytes:  # noqa: ANN401
    found = described(feature)
    checked = check_command(found.device.features[0], command, arguments)
    action = next(one for one in found.actions if one.command == command)
    (message,) = action.encode(checked, values or {})
    return message.payload


@pytest.mark.parametrize(
    ("feature", "payload", "value"),
    [
        ({"capability": "temperature"}, "21.5", 21.5),
        ({"capability": "temperature", "unit": "°F"}, "32", 0.0),
        ({"capability": "energy", "unit": "kWh"}, " 1.5 ", 1500.0),
        ({"capability": "level", "scale": 0.5, "offset": -10}, "100", 40.0),
        ({"capability": "number", "unit": "bar", "scale": 2}, "3", 6.0),
        ({"capability": "on_off"}, "ON", True),
        ({"capability": "on_off"}, "0", False),
        ({"capability": "on_off", "path": "a.1"}, {"a": [False, True]}, True),
        ({"capability": "contact", "values": {"open": False, "closed": True}}, "open", False),
        ({"capability": "lock", "values": {"1": "locked", "0": "unlocked"}, "path": "l"}, {"l": 1}, "locked"),
        ({"capability": "on_off", "values": {"true": False}, "path": "x"}, {"x": True}, False),
        ({"capability": "text"}, "words", "words"),
        ({"capability": "temperature", "path": "a.b"}, {"a": {}}, NOTHING),
        ({"capability": "temperature", "path": "a.7"}, {"a": [1]}, NOTHING),
        ({"capability": "temperature", "path": "a"}, {"a": None}, None),
        ({"capability": "button", "values": {"1": "double"}}, "1", ButtonPressed("double")),
        ({"capability": "button", "values": {"1": "double"}}, "2", NOTHING),
        ({"capability": "button"}, "hold", ButtonPressed("hold")),
    ],
)
def test_what_a_payload_means(feature: dict[str, Any], payload: object, value: object) -> None:
    assert taken({"topic": "t", **feature}, payload) == value


@pytest.mark.parametrize(
    ("feature", "payload"),
    [
        ({"capability": "temperature"}, "warm"),
        ({"capability": "temperature", "path": "a"}, {"a": [1]}),
        ({"capability": "on_off"}, "maybe"),
        ({"capability": "contact", "values": {"open": False}}, "ajar"),
    ],
)
def test_nonsense_is_an_error(feature: dict[str, Any], payload: object) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        taken({"topic": "t", **feature}, payload)


@pytest.mark.parametrize(
    ("feature", "command", "arguments", "payload"),
    [
        ({"capability": "on_off"}, "on", {}, b"ON"),
        ({"capability": "on_off"}, "set", {"value": False}, b"OFF"),
        ({"capability": "on_off", "command_path": "a.b"}, "on", {}, b'{"a":{"b":true}}'),
        ({"capability": "on_off", "values": {"yes": True, "no": False}}, "off", {}, b"no"),
        ({"capability": "on_off"}, "toggle", {}, b"ON"),
        ({"capability": "level", "scale": 0.5}, "set", {"value": 50}, b"100"),
        ({"capability": "heating_setpoint", "unit": "°F"}, "set", {"value": 20}, b"68"),
        ({"capability": "level", "command_path": "l"}, "set", {"value": 12.5}, b'{"l":12.5}'),
        ({"capability": "cover_position", "payloads": {"open": "UP"}}, "open", {}, b"UP"),
        ({"capability": "lock", "payloads": {"lock": "LOCK", "unlock": "UNLOCK"}}, "lock", {}, b"LOCK"),
        ({"capability": "color_xy"}, "set", {"value": [0.3, 0.4]}, b"[0.3,0.4]"),
        ({"capability": "text"}, "set", {"value": "words"}, b"words"),
    ],
)
def test_what_is_published(feature: dict[str, Any], command: str, arguments: dict[str, Any], payload: bytes) -> None:
    assert told({"command_topic": "t/set", **feature}, command, **arguments) == payload


def test_a_value_that_has_no_payload_is_refused() -> None:
    feature = {"capability": "thermostat_mode", "command_topic": "t", "values": {"1": "heat"}}
    with pytest.raises(InvalidValueError, match="thermostat_mode"):
        told(feature, "set", value="cool")


@given(st.floats(0, 100), st.sampled_from([0.5, 2.0, 100 / 255]), st.sampled_from([0.0, -10.0]))
def test_what_is_told_comes_back(value: float, scale: float, offset: float) -> None:
    feature = {"capability": "level", "topic": "t", "command_topic": "t/set", "scale": scale, "offset": offset}
    assert taken(feature, told(feature, "set", value=value).decode()) == pytest.approx(value, abs=1e-6)


MISTAKES = {
    "no such capability": ({"capability": "warmth", "topic": "t"}, "the vocabulary has no such capability"),
    "no topic": ({"capability": "temperature"}, "neither a topic nor a command_topic"),
    "a wildcard": ({"capability": "temperature", "topic": "a/+"}, "a topic has no wildcard"),
    "another unit": ({"capability": "temperature", "topic": "t", "unit": "kg"}, "is not measured in 'kg'"),
    "no such command": (
        {"capability": "lock", "command_topic": "t", "payloads": {"open": "1"}},
        "lock has no command 'open'; it has: lock, unlock",
    ),
    "payloads for nobody": ({"capability": "lock", "topic": "t", "payloads": {"lock": "1"}}, "without a command_topic"),
    "no scale": ({"capability": "temperature", "topic": "t", "scale": 0}, "scale cannot be 0"),
    "a wider range": ({"capability": "level", "topic": "t", "maximum": 300}, "allows more than level does"),
    "a bad key": ({"capability": "level", "topic": "t", "key": "Level!"}, "must be a name of its own"),
}


@pytest.mark.parametrize(("feature", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_that_says_where(feature: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        described(feature)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("[[plugin.mqtt.device]] one")


def test_a_key_that_is_there_twice_and_an_id_that_is() -> None:
    with pytest.raises(ConfigError, match="must be a name of its own"):
        described({"capability": "level", "topic": "a"}, {"capability": "level", "topic": "b"})
    one = msgspec.convert({"id": "one"}, TableDevice)
    with pytest.raises(ConfigError, match="this id stands there twice"):
        describe([one, one])


def test_the_features_say_what_can_be_done() -> None:
    found = described(
        {"capability": "on_off", "topic": "a", "command_topic": "b"},
        {"capability": "number", "key": "flow", "topic": "a", "unit": "bar", "minimum": 0, "maximum": 4},
        {"capability": "lock", "command_topic": "b", "payloads": {"lock": "L"}},
        presence={"topic": "lwt"},
        silence=60,
    )
    assert found.device.features == (
        Feature("on_off", "on_off", writable=True, commands=("set", "on", "off", "toggle")),
        Feature("flow", "number", minimum=0, maximum=4, unit="bar"),
        Feature("lock", "lock", writable=True, commands=("lock",)),
    )
    assert {one.confirmed_by for one in found.actions} == {"on_off", ""}
    (sign,) = found.presence.signs
    assert [sign.take(one) for one in ("online", "offline", "what")] == [True, False, NOTHING]
    assert found.presence.silence == 60
