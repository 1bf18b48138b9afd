"""Zigbee2MQTT beside what the recordings show: what comes, changes and goes, groups, and odd lists."""

from typing import Any

import pytest

from device_plugins.mqtt.convention import Convention, Heard, Terms
from device_plugins.mqtt.conventions import make
from device_plugins.mqtt.conventions.zigbee2mqtt.events import operated, pressed, turned
from device_plugins.mqtt.description import NOTHING
from device_plugins.sdk import ButtonPressed, InvalidValueError, LockOperated, RotaryTurned, check_command
from tests.device_plugins.mqtt.recordings import describe, feature_of, payload, recorded, taken

SWITCH = {
    "type": "switch",
    "features": [
        {"type": "binary", "name": "state", "property": "state", "access": 7, "value_on": "ON", "value_off": "OFF"}
    ],
}


def device(number: int, name: str = "", **other: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {
        "ieee_address": f"0x{number:016x}",
        "type": "Router",
        "friendly_name": name or f"plug {number}",
        "definition": {"model": "P1", "vendor": "V", "exposes": [SWITCH]},
        **other,
    }


def hear(convention: Convention, kind: str, *told: Any, base: str = "zigbee2mqtt") -> Heard:  # noqa: ANN401 - JSON
    return convention.heard(f"{base}/bridge/{kind}", payload(list(told)))


def ids(heard: Heard) -> list[str]:
    return [one.device.id.removeprefix("mqtt.zigbee2mqtt.") for one in heard.described]


def test_a_device_that_is_not_in_the_list_any_more_is_gone() -> None:
    convention = make("zigbee2mqtt", Terms())
    assert len(hear(convention, "devices", device(1), device(2)).described) == 2
    heard = hear(convention, "devices", device(2))
    assert heard.gone == ("mqtt.zigbee2mqtt.0x0000000000000001",)
    # An empty retained message takes the whole list back.
    assert convention.heard("zigbee2mqtt/bridge/devices", b"").gone == ("mqtt.zigbee2mqtt.0x0000000000000002",)


def test_a_device_with_another_name_is_the_same_device_elsewhere() -> None:
    convention = make("zigbee2mqtt", Terms())
    hear(convention, "devices", device(1, "lamp"))
    heard = hear(convention, "devices", device(1, "hall/lamp"))
    assert heard.gone == ()
    assert heard.described[0].readings[0].topic == "zigbee2mqtt/hall/lamp"


@pytest.mark.parametrize(
    "other",
    [
        {"type": "Coordinator"},
        {"disabled": True},
        {"definition": None},
        {"ieee_address": "0x12"},
    ],
)
def test_what_cannot_be_used_is_passed_over(other: dict[str, Any]) -> None:
    heard = hear(make("zigbee2mqtt", Terms()), "devices", device(1, **other), device(2))
    assert ids(heard) == ["0x0000000000000002"]
    assert heard.malformed == ()


def test_a_device_that_makes_no_sense_is_named_and_the_others_are_taken() -> None:
    convention = make("zigbee2mqtt", Terms())
    hear(convention, "devices", device(1))
    heard = hear(convention, "devices", device(1, "all/#"), device(2))
    assert ids(heard) == ["0x0000000000000002"]
    assert "'all/#' of 0x0000000000000001 cannot stand in a topic" in heard.malformed[0]
    # It is not gone: the next list may make sense of it again.
    assert heard.gone == ()


def test_a_device_with_too_many_parts_is_named() -> None:
    composite = {"type": "composite", "name": "c", "property": "c", "features": []}
    parts = [{"type": "text", "name": f"t{number}", "access": 1} for number in range(200)]
    exposes = [{**composite, "property": f"c{number}", "features": parts} for number in range(3)]
    heard = hear(make("zigbee2mqtt", Terms()), "devices", device(1, definition={"exposes": exposes}))
    assert heard.described == ()
    assert "more than 256 features" in heard.malformed[0]


def test_bridges_are_apart() -> None:
    convention = make("zigbee2mqtt", Terms())
    hear(convention, "devices", device(1))
    heard = hear(convention, "devices", device(2), base="upstairs")
    assert heard.gone == ()
    assert heard.described[0].presence.signs[0].topic == "upstairs/bridge/state"


def test_it_hears_what_its_owner_says() -> None:
    assert make("zigbee2mqtt", Terms(prefixes=("home/z2m",))).filters() == (
        "home/z2m/bridge/devices",
        "home/z2m/bridge/groups",
    )


def test_the_hub_is_no_bridge() -> None:
    assert hear(make("zigbee2mqtt", Terms(own="domovoi")), "devices", device(1), base="domovoi") == Heard()


def group(*members: int, number: int = 1, name: str = "all") -> dict[str, Any]:
    told = [{"ieee_address": f"0x{one:016x}", "endpoint": 1} for one in members]
    return {"id": number, "friendly_name": name, "members": told}


def test_groups_may_come_before_their_members_and_go() -> None:
    convention = make("zigbee2mqtt", Terms())
    assert hear(convention, "groups", group(1, 2), group(9, number=2)) == Heard()
    assert ids(hear(convention, "devices", device(1), device(2)))[-1] == "group.1"
    assert hear(convention, "groups", group(1, number=3)).gone == ("mqtt.zigbee2mqtt.group.1",)
    assert ids(hear(convention, "groups", group(1, 2))) == ["group.1"]
    assert "mqtt.zigbee2mqtt.group.1" in hear(convention, "devices").gone


def test_a_group_of_another_bridge_has_another_id() -> None:
    convention = make("zigbee2mqtt", Terms())
    hear(convention, "devices", device(1), base="upstairs")
    assert ids(hear(convention, "groups", group(1), base="upstairs")) == ["upstairs.group.1"]


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("single", ButtonPressed("single")),
        ("1_single", ButtonPressed("single", "1")),
        ("single_left", ButtonPressed("single", "left")),
        ("button_2_hold", ButtonPressed("hold", "2")),
        ("on_press_release", ButtonPressed("release", "on")),
        ("arrow_left_click", ButtonPressed("single", "arrow_left")),
        ("brightness_move_up", ButtonPressed("brightness_move_up")),
        ("recall_3", ButtonPressed("recall_3")),
        ("rotate_left", NOTHING),
        ("", NOTHING),
    ],
)
def test_actions_are_presses(action: str, event: object) -> None:
    assert pressed({"action": action}) == event


def test_actions_may_be_turns_and_operations() -> None:
    assert turned({"action": "dial_rotate_left_slow"}) == RotaryTurned(-1)
    assert turned({"action": "single"}) is NOTHING
    assert operated({"action": "manual_unlock"}) == LockOperated("manual_unlock", "unknown", -1)
    assert operated({"state": "LOCK"}) is NOTHING
    with pytest.raises(TypeError):
        pressed({"action": {"a": 1}})


def test_an_effect_that_it_lacks_is_refused() -> None:
    effect = {"type": "enum", "name": "effect", "property": "effect", "access": 2, "values": ["blink"]}
    heard = hear(make("zigbee2mqtt", Terms()), "devices", device(1, definition={"exposes": [effect]}))
    action = heard.described[0].actions[0]
    with pytest.raises(InvalidValueError, match="no effect breathe; it has: blink"):
        action.encode({"name": "breathe"}, {})


def test_a_list_is_set_by_a_list() -> None:
    described = describe(next(one for one in recorded("zigbee2mqtt") if one.name.endswith("exposes-examples")))
    action = next(one for one in described.actions if one.key == "schedule")
    arguments = check_command(feature_of(described, "schedule"), "set", {"value": '{"day": "monday"}'})
    with pytest.raises(InvalidValueError, match="must be a list in JSON"):
        action.encode(arguments, {})


def test_a_mains_powered_device_is_asked_for_its_state_and_a_sleeping_one_is_not() -> None:
    heard = hear(make("zigbee2mqtt", Terms()), "devices", device(1, "a"), device(2, power_source="Battery"))
    awake, asleep = heard.described
    assert [(one.topic, one.payload) for one in awake.wake] == [("zigbee2mqtt/a/get", b'{"state":""}')]
    assert asleep.wake == ()


def numeric(name: str, low: float = 0, high: float = 100) -> dict[str, Any]:
    span = {"value_min": low, "value_max": high}
    return {"type": "numeric", "name": name, "property": name, "access": 7, **span}


COVER_STATE = {"type": "enum", "name": "state", "property": "state", "access": 3, "values": ["OPEN", "CLOSE", "STOP"]}
LOCK_STATE = {
    "type": "binary",
    "name": "state",
    "property": "state",
    "access": 7,
    "value_on": "LOCK",
    "value_off": "UNLOCK",
}


@pytest.mark.parametrize(
    ("expose", "said", "values", "key", "command", "published"),
    [
        (
            {"type": "cover", "features": [COVER_STATE]},
            {"state": "CLOSE"},
            {"cover_position": 0},
            "cover_position",
            "open",
            {"state": "OPEN"},
        ),
        (
            {"type": "cover", "features": [COVER_STATE, numeric("position"), numeric("tilt")]},
            {"position": 10, "tilt": 90},
            {"cover_position": 10, "cover_tilt": 90},
            "cover_tilt",
            "set",
            {"tilt": 25},
        ),
        (
            {"type": "cover", "features": [numeric("position")]},
            {"position": 10},
            {"cover_position": 10},
            "cover_position",
            "set",
            {"position": 25},
        ),
        (
            {"type": "fan", "features": [numeric("speed", 0, 50)]},
            {"speed": 10},
            {"fan_speed": 20},
            "fan_speed",
            "set",
            {"speed": 12},
        ),
        (
            {"type": "lock", "features": [LOCK_STATE]},
            {"state": "UNLOCK"},
            {"lock": "unlocked"},
            "lock",
            "lock",
            {"state": "LOCK"},
        ),
        (
            {"type": "light", "features": [SWITCH["features"][0], numeric("min_brightness", 1, 255)]},
            {"state": "ON", "min_brightness": 3},
            {"on_off": True, "min_brightness": 3},
            "min_brightness",
            "set",
            {"min_brightness": 25},
        ),
        (
            {"type": "binary", "name": "alarm", "property": "alarm", "access": 7, "value_on": True, "value_off": False},
            {"alarm": True},
            {"siren": True},
            "siren",
            "set",
            {"alarm": True},
        ),
        (
            {"type": "enum", "name": "reset", "property": "reset", "access": 2, "values": ["go"]},
            {},
            {},
            "reset",
            "press",
            {"reset": "go"},
        ),
        (
            {"type": "composite", "name": "warning", "property": "warning", "features": []},
            {},
            {},
            "siren",
            "off",
            {"warning": {"mode": "stop"}},
        ),
    ],
)
def test_other_exposes(
    expose: dict[str, Any], said: object, values: dict[str, Any], key: str, command: str, published: object
) -> None:
    heard = hear(make("zigbee2mqtt", Terms()), "devices", device(1, "one", definition={"exposes": [expose]}))
    described = heard.described[0]
    assert dict(taken(described, "zigbee2mqtt/one", said)) == values
    action = next(one for one in described.actions if (one.key, one.command) == (key, command))
    assert [(one.topic, one.payload) for one in action.encode({"value": 25}, {})] == [
        ("zigbee2mqtt/one/set", payload(published))
    ]


@pytest.mark.parametrize(
    "expose",
    [
        {"type": "binary", "name": "odd", "access": 1},
        {"type": "lock", "features": []},
        {"type": "enum", "name": "empty", "access": 1, "values": []},
        {"type": "enum", "name": "system_mode", "access": 1, "values": ["unheard-of"]},
        {"type": "switch", "features": [{"type": "binary", "name": "state", "access": 7}]},
        {"type": "numeric"},
        {"type": "unheard-of", "name": "x", "access": 7},
        {"name": "x"},
    ],
)
def test_exposes_that_say_too_little_are_left_out(expose: dict[str, Any]) -> None:
    heard = hear(make("zigbee2mqtt", Terms()), "devices", device(1, definition={"exposes": [expose]}))
    assert heard.described[0].device.features == ()
