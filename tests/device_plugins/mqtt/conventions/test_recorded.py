"""Recorded real models give the right devices, values, events and commands."""

from typing import Any

import msgspec
import pytest

from device_plugins.sdk import VOCABULARY, check_command, check_device, check_value
from tests.device_plugins.mqtt.recordings import (
    Recording,
    decoded,
    describe,
    feature_of,
    payload,
    recorded,
    sources,
    taken,
)

RECORDINGS = recorded("zigbee2mqtt", "tasmota", "shelly1", "shelly2", "homie4", "homie5")
EVENTS = {name for name, kind in VOCABULARY.items() if kind.type == "event"}

each = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: one.name)


def test_there_are_enough_of_them() -> None:
    assert len(RECORDINGS) >= 26
    assert all(one.source.startswith("https://") for one in RECORDINGS)


@each
def test_it_is_the_device_that_it_is(recording: Recording) -> None:
    described = describe(recording)
    check_device(described.device)
    names = ("id", "manufacturer", "model", "firmware", "suggested_name", "parent")
    told = {name: getattr(described.device, name) for name in names if getattr(described.device, name)}
    assert told == recording.device
    features = {one.key: one.capability + ("*" if one.writable else "") for one in described.device.features}
    assert features == recording.features


@each
def test_what_it_says_is_taken(recording: Recording) -> None:
    described = describe(recording)
    for topic, said, wanted in recording.says:
        got: dict[str, Any] = {}
        for key, value in taken(described, topic, said):
            got[key] = msgspec.to_builtins(value)
            feature = feature_of(described, key)
            if feature.capability not in EVENTS and value is not None and not isinstance(value, msgspec.Struct):
                check_value(feature, value)
        assert got == wanted, f"{topic} {said}"


@each
def test_what_it_is_asked_is_published(recording: Recording) -> None:
    described = describe(recording)
    for asked in recording.does:
        key, command = asked["key"], asked["command"]
        arguments = check_command(feature_of(described, key), command, asked["arguments"])
        action = next(one for one in described.actions if (one.key, one.command) == (key, command))
        messages = action.encode(arguments, asked.get("values", {}))
        wanted = [(topic, said) for topic, said in asked["publishes"]]
        got = [
            (one.topic, one.payload.decode() if isinstance(said, str) else msgspec.json.decode(one.payload))
            for one, (_, said) in zip(messages, wanted, strict=True)
        ]
        assert got == wanted
        assert not any(one.retain for one in messages)


@each
def test_it_is_there_when_it_says_so(recording: Recording) -> None:
    described = describe(recording)
    for topic, said, there in recording.presence:
        signs = [one for one in described.presence.signs if one.topic == topic]
        assert [one.take(decoded(payload(said), one.encoding)) for one in signs] == [there]
    assert described.presence.signs or described.presence.silence > 0


@each
def test_each_command_is_carried_out_and_each_value_can_be_known(recording: Recording) -> None:
    described = describe(recording)
    features = {one.key: one for one in described.device.features}
    offered = {(key, command) for key, one in features.items() for command in one.commands}
    assert {(one.key, one.command) for one in described.actions} == offered
    read = {one.key for one in described.readings}
    assert all(one.confirmed_by in {"", *read} for one in described.actions)
    heard = read | {one.key for one in described.happenings}
    assert heard <= features.keys()
    silent = {key for key, one in features.items() if key not in heard and not one.commands}
    assert not silent
    topics = {one.topic for one in sources(described)} | {one.topic for one in described.presence.signs}
    assert not any({"+", "#"} & set(topic) for topic in topics)
