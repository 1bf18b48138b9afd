"""Recorded devices: what they announce and say on MQTT, and what Home Assistant's discovery makes of it.

A recording is a JSON file with `source` (where such payloads are documented), `discovery` and `states` (topic and
payload, which is JSON unless it is a text), and what is expected: `device`, `features`, `values`, `events`,
`availability`, `identities`, and `commands` with the messages that they publish.
"""

from pathlib import Path
from typing import Any

import msgspec

from device_plugins.mqtt.convention import Describing, Heard
from device_plugins.mqtt.description import NOTHING, Described, Encoding, Message
from device_plugins.sdk import check_command, check_value

ROOT = Path(__file__).parent / "recorded"


def recordings(convention: str) -> dict[str, dict[str, Any]]:
    """All of a convention, by the name of the model."""
    return {path.stem: msgspec.json.decode(path.read_bytes()) for path in sorted((ROOT / convention).glob("*.json"))}


def raw(payload: object) -> bytes:
    """The payload as it goes over the line."""
    return payload.encode() if isinstance(payload, str) else msgspec.json.encode(payload)


def heard(convention: Describing, topic: str, payload: bytes) -> Heard:
    """What came of a message, with the descriptions of what changed."""
    told = convention.heard(topic, payload)
    changed = [convention.describe(device) for device in told.changed]
    return msgspec.structs.replace(told, described=tuple(one for one in changed if one is not None))


def discovered(convention: Describing, recording: dict[str, Any]) -> Described:
    """The device that comes of the recording's discovery."""
    devices: dict[str, Described] = {}
    for message in recording["discovery"]:
        for one in heard(convention, message["topic"], raw(message["payload"])).described:
            devices[one.device.id] = one
    return devices[recording["device"]["id"]]


def decode(payload: bytes, encoding: Encoding) -> Any:  # noqa: ANN401 - JSON's types
    if encoding == "json":
        return msgspec.json.decode(payload)
    return payload.decode() if encoding == "text" else payload


def device_of(described: Described) -> dict[str, Any]:
    known = msgspec.to_builtins(described.device)
    return {name: value for name, value in known.items() if name not in {"features", "protocol"}}


def features_of(described: Described) -> dict[str, Any]:
    features = msgspec.to_builtins(described.device.features)
    return {one.pop("key"): one for one in features}


def values_after(described: Described, states: list[dict[str, Any]]) -> dict[str, Any]:
    """What is true of the device once it has said all this; each value is checked against its feature."""
    values: dict[str, Any] = {}
    for message in states:
        for reading in described.readings:
            if reading.topic == message["topic"]:
                value = reading.take(decode(raw(message["payload"]), reading.encoding))
                if value is not NOTHING:
                    feature = described.device.feature(reading.key)
                    assert feature is not None
                    values[reading.key] = None if value is None else check_value(feature, value)
    return values


def events_after(described: Described, states: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for message in states:
        for one in described.happenings:
            if one.topic == message["topic"]:
                event = one.take(decode(raw(message["payload"]), one.encoding))
                if event is not NOTHING:
                    found.append({"key": one.key, **msgspec.to_builtins(event)})
    return found


def presence_after(described: Described, topic: str, payload: object) -> bool | None:
    """What the message says of whether the device is there; None for nothing."""
    for sign in described.presence.signs:
        if sign.topic == topic:
            said = sign.take(decode(raw(payload), sign.encoding))
            return None if said is NOTHING else bool(said)
    return None


def published(described: Described, asked: dict[str, Any], values: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a command."""
    feature = described.device.feature(asked["key"])
    assert feature is not None
    arguments = check_command(feature, asked["command"], asked.get("arguments", {}))
    action = next(one for one in described.actions if (one.key, one.command) == (feature.key, asked["command"]))
    known = values | asked.get("given", {})
    return [_readable(message) for message in action.encode(arguments, known)]


def _readable(message: Message) -> dict[str, Any]:
    payload = message.payload.decode()
    found = {"topic": message.topic, "payload": payload}
    return found | ({"retain": True} if message.retain else {}) | ({"qos": message.qos} if message.qos != 1 else {})
