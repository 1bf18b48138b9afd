"""Recorded devices: what a real model publishes, and what the hub must make of it.

A file `recorded/<convention>/<model>.json` holds `source` (where the payloads are from), `hears` (messages of
discovery), `device`, `features` (capability by key, with `*` where it can be set), `says` (messages, and the values or
events they give), `does` (commands, and the messages they publish; with the device's `values` where they matter) and
`presence` (messages, and whether the device is there). A payload that is a text is sent as it is, any other as JSON.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from device_plugins.mqtt.convention import Convention, Describing, Heard, Terms
from device_plugins.mqtt.conventions import make
from device_plugins.mqtt.description import NOTHING, Described, Encoding, Happening, Reading
from device_plugins.sdk import Feature

FOLDER = Path(__file__).parent / "recorded"


class Recording(msgspec.Struct, frozen=True):
    """One recorded model."""

    source: str
    hears: list[tuple[str, Any]]
    device: dict[str, str]
    features: dict[str, str]
    says: list[tuple[str, Any, dict[str, Any]]] = []
    does: list[dict[str, Any]] = []
    presence: list[tuple[str, Any, bool]] = []
    name: str = ""


def recorded(*conventions: str) -> list[Recording]:
    """All that was recorded of these conventions; `name` is `<convention>/<model>`."""
    paths = [path for name in conventions for path in sorted((FOLDER / name).glob("*.json"))]
    return [
        msgspec.structs.replace(
            msgspec.json.decode(path.read_bytes(), type=Recording), name=f"{path.parent.name}/{path.stem}"
        )
        for path in paths
    ]


def payload(value: Any) -> bytes:  # noqa: ANN401 - JSON
    """The payload as it goes over the wire."""
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)


def convention_of(recording: Recording) -> Convention:
    return make(recording.name.partition("/")[0], Terms())


def heard(convention: Convention, topic: str, raw: bytes) -> Heard:
    """What came of a message, with the descriptions of what changed."""
    told = convention.heard(topic, raw)
    changed = (cast("Describing", convention).describe(device) for device in told.changed)
    return msgspec.structs.replace(told, described=(*told.described, *(one for one in changed if one is not None)))


def describe(recording: Recording, convention: Convention | None = None) -> Described:
    """What the convention makes of the messages of discovery: the last description of the recorded device."""
    convention = convention or convention_of(recording)
    found: dict[str, Described] = {}
    for topic, said in recording.hears:
        for one in heard(convention, topic, payload(said)).described:
            found[one.device.id] = one
    return found[recording.device["id"]]


def decoded(raw: bytes, encoding: Encoding) -> Any:  # noqa: ANN401 - as the plugin decodes it
    return msgspec.json.decode(raw) if encoding == "json" else raw.decode() if encoding == "text" else raw


def taken(described: Described, topic: str, said: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Every value and event that a message gives, by key."""
    for one in sources(described):
        if one.topic == topic:
            value = one.take(decoded(payload(said), one.encoding))
            if value is not NOTHING:
                yield one.key, value


def sources(described: Described) -> list[Reading | Happening]:
    """Whatever takes values or events from messages."""
    return [*described.readings, *described.happenings]


def feature_of(described: Described, key: str) -> Feature:
    return next(one for one in described.device.features if one.key == key)
