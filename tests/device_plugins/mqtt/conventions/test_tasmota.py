"""Tasmota beside what the recordings show."""

from typing import Any

import msgspec
import pytest

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions import make
from device_plugins.mqtt.description import NOTHING
from tests.device_plugins.mqtt.recordings import Recording, describe, payload, recorded, taken

RECORDINGS = {one.name.partition("/")[2]: one for one in recorded("tasmota")}


def changed(name: str, **config: Any) -> Recording:  # noqa: ANN401 - JSON
    """A recorded device with another configuration."""
    recording = RECORDINGS[name]
    hears = [(topic, {**said, **config} if topic.endswith("config") else said) for topic, said in recording.hears]
    return msgspec.structs.replace(recording, hears=hears)


def test_an_empty_configuration_takes_the_device_back_and_empty_sensors_take_those() -> None:
    recording = RECORDINGS["gosund-sp1"]
    convention = make("tasmota", Terms())
    described = describe(recording, convention)
    topics = {kind: topic for topic, _ in recording.hears if (kind := topic.rpartition("/")[2])}
    less = convention.heard(topics["sensors"], b"").described[0]
    assert {one.key for one in described.device.features} > {one.key for one in less.device.features}
    assert convention.heard(topics["config"], b"").gone == ("mqtt.tasmota.c44f33112233",)
    assert convention.heard(topics["config"], b"") == Heard()


def test_sensors_alone_are_no_device() -> None:
    recording = RECORDINGS["gosund-sp1"]
    topic, said = recording.hears[0]
    assert topic.endswith("sensors")
    assert make("tasmota", Terms()).heard(topic, payload(said)) == Heard()


@pytest.mark.parametrize(
    "config",
    [
        {"t": "#"},
        {"t": ""},
        {"tp": ["cmnd"]},
        {"tp": ["a", "a", "a"]},
        {"ft": "%prefix%/+/"},
        {"ft": "x"},
        {"tp": None},
    ],
)
def test_topics_that_cannot_be_used_are_refused(config: dict[str, Any]) -> None:
    convention = make("tasmota", Terms())
    with pytest.raises(MalformedError, match="names no topics that can be used"):
        describe(changed("sonoff-basic", **config), convention)


@pytest.mark.parametrize("topic", ["tasmota/discovery/xyz/config", "tasmota/discovery/2CF432A1B2C3/other"])
def test_other_topics_are_refused(topic: str) -> None:
    with pytest.raises(MalformedError, match="names no MAC address"):
        make("tasmota", Terms()).heard(topic, b"{}")


def test_other_words_for_on_and_there() -> None:
    described = describe(changed("sonoff-basic", state=["aus", "an", "um", "halten"], onln="da", ofln="weg"))
    assert dict(taken(described, "stat/hall/POWER", "an")) == {"on_off": True}
    assert described.presence.signs[0].take("weg") is False
    with pytest.raises(LookupError):
        described.presence.signs[0].take("Online")


def test_full_topics_may_hold_the_address_and_the_host() -> None:
    described = describe(changed("sonoff-basic", ft="%hostname%/%id%/%topic%/%prefix%/", hn="host"))
    assert described.actions[0].encode({"value": True}, {})[0].topic == "host/2CF432A1B2C3/hall/cmnd/POWER1"


def test_answers_may_come_on_topics_of_their_commands() -> None:
    bulb = RECORDINGS["athom-rgbcw-bulb"]
    options = {**bulb.hears[0][1]["so"], "4": 1}
    described = describe(changed("athom-rgbcw-bulb", so=options))
    assert dict(taken(described, "stat/bulb/DIMMER", {"POWER": "ON", "Dimmer": 20})) == {"level": 20}


def test_a_tuya_dimmer_is_dimmed_by_its_own_command() -> None:
    described = describe(changed("athom-rgbcw-bulb", ty=1, lt_st=1))
    action = next(one for one in described.actions if one.key == "level")
    assert action.encode({"value": 10, "transition": 0}, {})[0].topic == "cmnd/bulb/Dimmer3"


def test_white_of_a_four_channel_lamp_is_a_setting() -> None:
    described = describe(changed("athom-rgbcw-bulb", lt_st=4))
    assert dict(taken(described, "stat/bulb/RESULT", {"White": 12})) == {"white": 12}
    action = next(one for one in described.actions if one.key == "white")
    assert action.encode({"value": 30}, {})[0].payload == b"30"


def test_a_button_that_is_let_go_is_no_event() -> None:
    described = describe(RECORDINGS["sonoff-basic"])
    assert dict(taken(described, "stat/hall/RESULT", {"Button1": {"Action": "CLEAR"}})) == {}
    assert described.happenings[0].take({"POWER": "ON"}) is NOTHING
