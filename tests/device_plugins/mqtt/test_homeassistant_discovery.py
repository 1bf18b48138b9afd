"""What is announced, changed and taken back, and what is not believed."""

import contextlib
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_plugins.mqtt.convention import MalformedError, Terms
from device_plugins.mqtt.conventions.homeassistant import discovery, make
from device_plugins.mqtt.conventions.homeassistant.abbreviations import expanded
from device_plugins.mqtt.conventions.homeassistant.components import COMPONENTS, UNMAPPED
from device_plugins.mqtt.conventions.homeassistant.discovery import HomeAssistant
from device_plugins.mqtt.description import Described, Message
from device_plugins.sdk import DeviceError, check_command, check_device
from tests.device_plugins.mqtt import homeassistant_recordings as r

DEVICE = {"identifiers": ["box-1"], "name": "Box"}
TOPIC = "homeassistant/sensor/box/temperature/config"
SENSOR = {
    "state_topic": "box/temperature",
    "device_class": "temperature",
    "unit_of_measurement": "°C",
    "device": DEVICE,
}


@pytest.fixture
def convention() -> HomeAssistant:
    return HomeAssistant(Terms())


def hear(convention: HomeAssistant, topic: str, config: object) -> Described:
    (described,) = r.heard(convention, topic, r.raw(config)).described
    return described


def keys(described: Described) -> list[str]:
    return [feature.key for feature in described.device.features]


def test_where_it_listens_and_how_it_makes_devices_announce_themselves() -> None:
    convention = HomeAssistant(Terms(prefixes=("homeassistant", "ha")))
    assert "homeassistant/+/+/+/config" in convention.filters()
    assert "ha/+/+/config" in convention.filters()
    assert convention.greet()[0] == Message("homeassistant/status", b"online")
    assert not convention.greet()[0].retain


def test_components_of_one_device_come_one_after_another(convention: HomeAssistant) -> None:
    assert keys(hear(convention, TOPIC, SENSOR)) == ["temperature"]
    humidity = SENSOR | {"device_class": "humidity", "unit_of_measurement": "%", "state_topic": "box/humidity"}
    both = hear(convention, TOPIC.replace("temperature", "humidity"), humidity)
    assert keys(both) == ["humidity", "temperature"]
    assert both.device.id == "mqtt.homeassistant.box-1"


def test_the_same_again_gives_the_same_description(convention: HomeAssistant) -> None:
    first = hear(convention, TOPIC, SENSOR)
    assert hear(convention, TOPIC, SENSOR) is first


def test_a_change_replaces_what_was_announced(convention: HomeAssistant) -> None:
    hear(convention, TOPIC, SENSOR)
    changed = hear(convention, TOPIC, SENSOR | {"state_topic": "box/other"})
    assert [reading.topic for reading in changed.readings] == ["box/other"]


def test_a_component_that_moves_to_another_device(convention: HomeAssistant) -> None:
    hear(convention, TOPIC, SENSOR)
    heard = r.heard(convention, TOPIC, r.raw(SENSOR | {"device": {"identifiers": "box-2"}}))
    assert [one.device.id for one in heard.described] == ["mqtt.homeassistant.box-2"]
    assert heard.gone == ("mqtt.homeassistant.box-1",)


def test_an_empty_payload_takes_back_its_component_only(convention: HomeAssistant) -> None:
    hear(convention, TOPIC, SENSOR)
    humidity = SENSOR | {"device_class": "humidity", "unit_of_measurement": "%"}
    hear(convention, TOPIC.replace("temperature", "humidity"), humidity)
    assert keys(hear(convention, TOPIC, "")) == ["humidity"]
    assert r.heard(convention, "homeassistant/sensor/never/config", b"") == make(Terms()).heard(TOPIC, b"")


def test_the_device_form_takes_out_a_component_and_all(convention: HomeAssistant) -> None:
    two = {"a": SENSOR | {"platform": "sensor"}, "b": {"p": "button", "cmd_t": "box/press"}}
    form = {"dev": DEVICE, "o": {"name": "x"}, "cmps": two}
    assert keys(hear(convention, "homeassistant/device/box/config", form)) == ["b", "temperature"]
    form["cmps"] = two | {"b": {"p": "button"}}
    assert keys(hear(convention, "homeassistant/device/box/config", form)) == ["temperature"]
    assert r.heard(convention, "homeassistant/device/box/config", b"").gone == ("mqtt.homeassistant.box-1",)


def test_discovery_that_moves_from_components_to_the_device_form(convention: HomeAssistant) -> None:
    hear(convention, TOPIC, SENSOR)
    r.heard(convention, TOPIC, b'{"migrate_discovery": true}')
    form = {"dev": DEVICE, "o": {"name": "x"}, "cmps": {"t": SENSOR | {"p": "sensor"}}}
    assert keys(hear(convention, "homeassistant/device/box/config", form)) == ["temperature"]


def test_parts_of_the_device_form_that_make_no_sense_are_told_of(convention: HomeAssistant) -> None:
    parts = {
        "t": SENSOR | {"p": "sensor"},
        "x": {"p": "sensor", "name": "X"},
        "y": {"name": "?"},
        "z": {"p": "toaster", "name": "Z"},
        "w": 3,
    }
    heard = r.heard(convention, "homeassistant/device/box/config", r.raw({"dev": DEVICE, "cmps": parts}))
    assert keys(heard.described[0]) == ["temperature"]
    assert [fault.split(":")[0] for fault in heard.malformed] == [
        "sensor x",
        "component y of device box has no platform",
        "toaster z",
        "component w of device box has no platform",
    ]


def test_what_the_hub_publishes_itself_is_no_device() -> None:
    convention = HomeAssistant(Terms(own="Domovoi"))
    assert not r.heard(convention, TOPIC, r.raw(SENSOR | {"origin": {"name": "domovoi"}})).described
    assert r.heard(convention, TOPIC, r.raw(SENSOR | {"o": {"name": "Zigbee2MQTT"}})).described


def test_components_that_the_vocabulary_has_no_word_for(convention: HomeAssistant) -> None:
    for component in UNMAPPED:
        heard = r.heard(convention, f"homeassistant/{component}/box/x/config", r.raw({"device": DEVICE}))
        assert not heard.described
        assert not heard.gone
    assert not UNMAPPED & COMPONENTS.keys()


def test_one_of_a_kind_has_the_bare_key_and_several_never_change_places(convention: HomeAssistant) -> None:
    def relay(number: int) -> tuple[str, dict[str, Any]]:
        config = {"command_topic": f"box/{number}/set", "state_topic": f"box/{number}", "device": DEVICE}
        return f"homeassistant/switch/box/relay_{number}/config", config

    assert keys(hear(convention, *relay(2))) == ["on_off"]
    both = hear(convention, *relay(1))
    assert keys(both) == ["on_off.1", "on_off.2"]
    assert r.published(both, {"key": "on_off.2", "command": "on"}, {}) == [{"topic": "box/2/set", "payload": "ON"}]


def test_a_device_is_known_by_any_of_its_names(convention: HomeAssistant) -> None:
    hear(convention, TOPIC, SENSOR | {"device": {"ids": ["a", "b"], "cns": [["mac", "02:5b:26:a8:dc:12"]]}})
    other = {"cmd_t": "box/press", "dev": {"cns": [["mac", "02:5b:26:a8:dc:12"]]}}
    described = hear(convention, "homeassistant/button/box/press/config", other)
    assert described.device.id == "mqtt.homeassistant.a"
    assert described.identities == {"mac:025b26a8dc12"}


def test_a_device_behind_another(convention: HomeAssistant) -> None:
    hear(convention, TOPIC, SENSOR)
    behind = SENSOR | {"device": {"identifiers": ["child"], "via_device": "box-1"}}
    assert hear(convention, "homeassistant/sensor/child/t/config", behind).device.parent == "mqtt.homeassistant.box-1"


def test_a_component_without_a_device_is_one_or_belongs_to_its_node(convention: HomeAssistant) -> None:
    alone = {"stat_t": "x", "name": "Porch", "uniq_id": "porch 1"}
    described = hear(convention, "homeassistant/sensor/porch/config", alone)
    assert described.device.id.startswith("mqtt.homeassistant.porch-1-")
    for thing in ("a", "b"):
        described = hear(convention, f"homeassistant/sensor/node7/{thing}/config", {"stat_t": "x"})
    assert described.device.id == "mqtt.homeassistant.node7"
    assert keys(described) == ["a", "b"]


WORDS = ("online", "offline")
WORDS_IN_JSON = ({"state": "online"}, {"state": "offline"})


@pytest.mark.parametrize(
    ("listed", "mode", "said"),
    [
        ({"avty_t": "s"}, "latest", {"s": ("online", "offline")}),
        ({"avty_t": "s", "pl_avail": "1", "pl_not_avail": "0"}, "latest", {"s": ("1", "0")}),
        ({"avty_t": "s", "avty_tpl": "{{ 'online' if value == 'up' else 'offline' }}"}, "latest", {"s": ("up", "x")}),
        ({"avty": {"t": "s", "val_tpl": "{{ value_json.state }}"}}, "latest", {"s": WORDS_IN_JSON}),
        ({"avty": [{"t": "s"}, {"t": "t"}], "avty_mode": "all"}, "all", {"s": WORDS, "t": WORDS}),
        ({"~": "box", "avty": [{"t": "~/s"}], "avty_mode": "any"}, "any", {"box/s": ("online", "offline")}),
    ],
)  # fmt: skip
def test_what_says_whether_it_is_there(listed: dict[str, Any], mode: str, said: dict[str, Any]) -> None:
    described = hear(HomeAssistant(Terms()), TOPIC, SENSOR | listed)
    assert described.presence.mode == mode
    for topic, (there, gone) in said.items():
        assert r.presence_after(described, topic, there) is True
        assert r.presence_after(described, topic, gone) is False
        assert r.presence_after(described, topic, {"state": 3} if isinstance(there, dict) else "what") in {None, False}


def test_what_its_components_have_in_common_says_it(convention: HomeAssistant) -> None:
    bridge, own = {"topic": "bridge"}, {"topic": "box/lwt"}
    hear(convention, TOPIC, SENSOR | {"availability": [bridge, own], "availability_mode": "all"})
    both = hear(
        convention,
        "homeassistant/button/box/b/config",
        {"cmd_t": "x", "dev": DEVICE, "avty": [bridge], "avty_mode": "all"},
    )
    assert [sign.topic for sign in both.presence.signs] == ["bridge"]
    three = hear(convention, "homeassistant/button/box/c/config", {"cmd_t": "x", "dev": DEVICE, "avty_t": "other"})
    assert [sign.topic for sign in three.presence.signs] == ["bridge", "other", "box/lwt"]
    assert three.presence.mode == "any"


@pytest.mark.parametrize(
    ("topic", "payload", "why"),
    [
        ("homeassistant/sensor/a b/config", SENSOR, "no topic of discovery"),
        ("homeassistant/sensor/a/b/c/config", SENSOR, "no topic of discovery"),
        ("other/sensor/a/config", SENSOR, "no topic of discovery"),
        (TOPIC, "{", "no JSON"),
        (TOPIC, "[1]", "no JSON object"),
        (TOPIC, '{"a": "\\ud800"}', "no JSON"),
        (TOPIC, SENSOR | {"device": {"name": "x"}}, "neither identifiers nor connections"),
        (TOPIC, {"device": DEVICE}, "no state_topic"),
        (TOPIC, SENSOR | {"state_topic": "a/+/b"}, "wildcard"),
        (TOPIC, SENSOR | {"state_topic": 3}, "no topic"),
        (TOPIC, SENSOR | {"value_template": "{{ now() }}"}, "no function 'now'"),
        (TOPIC, SENSOR | {"value_template": {"a": 1}}, "no text"),
        (TOPIC, SENSOR | {"availability_mode": "some"}, "availability_mode"),
        (TOPIC.replace("sensor", "toaster"), SENSOR, "no component toaster"),
        ("homeassistant/light/box/config", {"cmd_t": "x", "schema": "fancy"}, "unknown schema"),
        ("homeassistant/light/box/config", {"cmd_t": "x", "schema": "template"}, "command_on_template"),
        ("homeassistant/cover/box/config", {"cmd_t": "x", "pos_open": 5, "pos_clsd": 5}, "same position"),
        ("homeassistant/fan/box/config", {"cmd_t": "x", "pct_cmd_t": "y", "spd_rng_min": 4, "spd_rng_max": 2}, "range"),
        ("homeassistant/select/box/config", {"cmd_t": "x"}, "no words"),
        ("homeassistant/device_automation/box/config", {"atype": "action", "t": "x"}, "no trigger"),
        ("homeassistant/device_automation/box/config", {"atype": "trigger", "t": "x"}, "no type"),
        ("homeassistant/device/box/config", {"dev": DEVICE}, "no components"),
        (
            "homeassistant/device/box/config",
            {"dev": DEVICE, "cmps": {"a": {"p": "sensor", "name": "A"}}},
            "no state_topic",
        ),
    ],
)
def test_nonsense_is_refused_with_its_reason(convention: HomeAssistant, topic: str, payload: object, why: str) -> None:
    with pytest.raises(MalformedError, match=why) as raised:
        r.heard(convention, topic, r.raw(payload))
    assert len(str(raised.value)) < 300


def test_nonsense_leaves_what_was_known(convention: HomeAssistant) -> None:
    first = hear(convention, TOPIC, SENSOR)
    with pytest.raises(MalformedError):
        r.heard(convention, TOPIC, b"{")
    assert hear(convention, TOPIC, SENSOR) is first


def test_bounds(convention: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MOST_DEVICES", 3)
    monkeypatch.setattr(discovery, "MOST_ENTITIES", 4)
    for number in range(3):
        hear(convention, f"homeassistant/sensor/n{number}/t/config", {"stat_t": "x"})
    with pytest.raises(MalformedError, match="more than 3 devices"):
        r.heard(convention, "homeassistant/sensor/n3/t/config", r.raw({"stat_t": "x"}))
    for number in range(3):
        hear(convention, f"homeassistant/sensor/n0/t{number}/config", {"stat_t": "x"})
    with pytest.raises(MalformedError, match="more than 4 components"):
        r.heard(convention, "homeassistant/sensor/n0/t9/config", r.raw({"stat_t": "x"}))
    components = {f"c{number}": {"p": "sensor", "stat_t": "x"} for number in range(5)}
    with pytest.raises(MalformedError, match="more than 4 components"):
        r.heard(convention, "homeassistant/device/d/config", r.raw({"dev": DEVICE, "cmps": components}))
    r.heard(convention, "homeassistant/sensor/n1/t/config", b"")
    hear(convention, "homeassistant/sensor/n3/t/config", {"stat_t": "x"})


def test_short_names_and_topic_bases() -> None:
    full = expanded(
        {
            "~": "a/b",
            "stat_t": "~/s",
            "cmd_t": "c/~",
            "val_tpl": "~",
            "avty": {"t": "~/l"},
            "dev": {"ids": 1, "mf": "x"},
        }
    )
    assert full == {
        "state_topic": "a/b/s",
        "command_topic": "c/a/b",
        "value_template": "~",
        "availability": [{"topic": "a/b/l"}],
        "device": {"identifiers": 1, "manufacturer": "x"},
    }


RECORDINGS = r.recordings("homeassistant")
CONFIGS = [
    (message["topic"], message["payload"]) for one in RECORDINGS.values() for message in one["discovery"]
]  # fmt: skip
NASTY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(["{{ v", "#"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
VALUES: list[Any] = [True, 0, 50.5, 100, "off", "x", [0.1, 0.2]]


def use(described: Described, payload: object) -> None:
    """Do to a device what the hub does: nothing may go wrong but in the ways that are told."""
    check_device(described.device)
    takes = [(one.take, one.encoding) for one in described.readings]
    takes += [(one.take, one.encoding) for one in described.happenings]
    takes += [(one.take, one.encoding) for one in described.presence.signs]
    for take, encoding in takes:
        with contextlib.suppress(ValueError, TypeError, LookupError, OverflowError):
            take(msgspec.json.encode(payload).decode() if encoding == "text" else payload)
    for action in described.actions:
        feature = described.device.feature(action.key)
        assert feature is not None
        for value in VALUES:
            try:
                arguments = check_command(feature, action.command, {"value": value} if action.command == "set" else {})
                assert all(isinstance(one, Message) for one in action.encode(arguments, {}))
            except DeviceError:
                pass


@pytest.mark.parametrize("option", ["brightness_command_topic", "rgb_command_topic", "brightness_command_template"])
def test_a_light_that_could_not_be_commanded_is_refused_as_a_whole(option: str) -> None:
    light = {"command_topic": "c", "on_command_type": "brightness", "device": DEVICE, option: 1}
    with pytest.raises(MalformedError, match=f"^light x: {option} is no "):
        r.heard(HomeAssistant(Terms()), "homeassistant/light/x/config", msgspec.json.encode(light))


@given(st.sampled_from(CONFIGS), st.data(), NASTY, NASTY)
@settings(max_examples=150, deadline=None)
def test_a_config_with_anything_in_it(
    config: tuple[str, Any], data: st.DataObject, nasty: object, payload: object
) -> None:
    topic, known = config
    options = dict(known)
    options[data.draw(st.sampled_from([*known, "device", "retain", "qos", "name", "schema", "min", "modes"]))] = nasty
    try:
        heard = r.heard(HomeAssistant(Terms()), topic, msgspec.json.encode(options))
    except MalformedError:
        return
    for described in heard.described:
        use(described, payload)


@given(
    st.sampled_from([*COMPONENTS, "light", "device"]), st.dictionaries(st.text(max_size=12), NASTY, max_size=5), NASTY
)
@settings(max_examples=100, deadline=None)
def test_a_component_of_anything(component: str, options: dict[str, object], payload: object) -> None:
    base = {"command_topic": "c", "state_topic": "s", "options": ["a"], "device": DEVICE}
    try:
        heard = r.heard(
            HomeAssistant(Terms()), f"homeassistant/{component}/x/config", msgspec.json.encode(base | options)
        )
    except MalformedError:
        return
    for described in heard.described:
        use(described, payload)


@given(st.text(max_size=60), st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_on_any_topic(topic: str, payload: bytes) -> None:
    convention = HomeAssistant(Terms())
    for one in (topic, TOPIC, "homeassistant/device/x/config"):
        with contextlib.suppress(MalformedError):
            assert not r.heard(convention, one, payload).described or payload


def test_all_recorded_devices_side_by_side() -> None:
    convention = HomeAssistant(Terms())
    everything = list(CONFIGS)
    random.Random(7).shuffle(everything)
    known: dict[str, Described] = {}
    for topic, payload in everything:
        for one in r.heard(convention, topic, r.raw(payload)).described:
            known[one.device.id] = one
    assert {one["device"]["id"] for one in RECORDINGS.values()} == known.keys()
    for recording in RECORDINGS.values():
        described = known[recording["device"]["id"]]
        assert r.values_after(described, recording["states"]) == recording["values"]
