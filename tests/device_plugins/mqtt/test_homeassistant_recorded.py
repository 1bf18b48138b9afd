"""Each recorded device becomes what its documentation says it is, whatever the order in which it announces itself."""

import random
from typing import Any

import msgspec
import pytest

from device_plugins.mqtt.convention import Terms
from device_plugins.mqtt.conventions.homeassistant import make
from device_plugins.mqtt.description import Described
from device_plugins.sdk import check_device
from tests.device_plugins.mqtt import homeassistant_recordings as r

RECORDINGS = r.recordings("homeassistant")


@pytest.fixture(params=RECORDINGS)
def recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = RECORDINGS[request.param]
    return found


@pytest.fixture
def described(recording: dict[str, Any]) -> Described:
    return r.discovered(make(Terms()), recording)


def test_there_are_many_of_them() -> None:
    assert len(RECORDINGS) >= 22
    assert all(one["source"] for one in RECORDINGS.values())


def test_the_device_and_its_features(recording: dict[str, Any], described: Described) -> None:
    check_device(described.device)
    assert r.device_of(described) == recording["device"]
    # JSON has no tuples, and says nothing of what is as usual.
    assert msgspec.json.decode(msgspec.json.encode(r.features_of(described))) == recording["features"]
    assert sorted(described.identities) == recording["identities"]


def test_what_it_says(recording: dict[str, Any], described: Described) -> None:
    assert r.values_after(described, recording["states"]) == recording["values"]
    assert r.events_after(described, recording["states"]) == recording["events"]


def test_whether_it_is_there(recording: dict[str, Any], described: Described) -> None:
    assert {"mode": described.presence.mode, "silence": described.presence.silence} == recording["presence"]
    for said in recording["availability"]:
        assert r.presence_after(described, said["topic"], said["payload"]) == said["online"]


def test_what_it_is_told(recording: dict[str, Any], described: Described) -> None:
    for asked in recording["commands"]:
        assert r.published(described, asked, recording["values"]) == asked["publishes"], asked


def test_each_reading_and_each_action_belongs_to_a_feature(described: Described) -> None:
    features = {feature.key: feature for feature in described.device.features}
    assert {one.key for one in described.readings} <= features.keys()
    assert {one.key for one in described.happenings} <= features.keys()
    told = {(action.key, action.command) for action in described.actions}
    assert told == {(key, command) for key, feature in features.items() for command in feature.commands}
    assert all(action.confirmed_by in {"", *features} for action in described.actions)


def test_the_order_of_its_announcements_does_not_matter(recording: dict[str, Any]) -> None:
    shuffled = recording | {"discovery": random.Random(1).sample(recording["discovery"], len(recording["discovery"]))}
    described = r.discovered(make(Terms()), shuffled)
    assert described.device.features == r.discovered(make(Terms()), recording).device.features
    assert r.values_after(described, recording["states"]) == recording["values"]


def test_it_goes_when_its_announcements_are_taken_back(recording: dict[str, Any]) -> None:
    convention = make(Terms())
    r.discovered(convention, recording)
    gone = [convention.heard(message["topic"], b"").gone for message in recording["discovery"]]
    assert [device for devices in gone for device in devices] == [recording["device"]["id"]]
    assert convention.heard(recording["discovery"][0]["topic"], b"").gone == ()
