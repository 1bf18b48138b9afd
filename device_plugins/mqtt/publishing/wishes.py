"""What comes in on command topics, as calls of `devices.command`; pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from device_plugins.mqtt.publishing import homie
from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.payloads import command_from, text_from, value_from
from device_plugins.mqtt.publishing.records import Record
from device_plugins.sdk import Feature, UnknownDeviceError, UnsupportedError, check_command

SET, COMMAND = "set", "command"

_PLAIN_LEVELS, _HOMIE_LEVELS = 4, 6


class Wish(msgspec.Struct, frozen=True):
    """A checked command."""

    device: str
    key: str
    command: str
    arguments: dict[str, Any]


def filters(layout: Layout) -> list[str]:
    """The topic filters of commands."""
    settings = layout.settings
    found = []
    if settings.homeassistant:
        found += [f"{settings.prefix}/+/+/{SET}", f"{settings.prefix}/+/+/{COMMAND}"]
    if settings.homie:
        found.append(f"{settings.homie_domain}/5/+/+/+/{SET}")
    return found


def wish(layout: Layout, records: Mapping[str, Record], topic: str, payload: bytes) -> Wish | None:
    """The command that a message means; None when the topic is that of somebody else.

    Raises UnknownDeviceError, UnsupportedError or InvalidValueError.
    """
    levels = topic.split("/")
    if levels[0] == layout.settings.prefix and len(levels) == _PLAIN_LEVELS:
        return _plain(records, levels, payload)
    if topic.startswith(f"{layout.root}-") and len(levels) == _HOMIE_LEVELS:
        return _homie(layout, records, levels, payload)
    return None


def _plain(records: Mapping[str, Record], levels: list[str], payload: bytes) -> Wish:
    _, device, key, kind = levels
    record = records.get(device)
    if record is None:
        raise UnknownDeviceError(f"there is no published device {device!r:.80}", device=device)
    feature = record.feature(key)
    if feature is None:
        raise UnsupportedError(f"{record.name} has no {key!r:.80}", device=device)
    if kind == SET:
        return _checked(record, feature, SET, {"value": value_from(feature, payload)})
    return _checked(record, feature, *command_from(feature, payload))


def _homie(layout: Layout, records: Mapping[str, Record], levels: list[str], payload: bytes) -> Wish:
    record = next((one for one in records.values() if layout.homie_id(one.id) == levels[2]), None)
    if record is None:
        raise UnknownDeviceError(f"there is no published device {levels[2]!r:.80}")
    found = homie.properties(record).get(f"{levels[3]}/{levels[4]}")
    if found is None:
        raise UnsupportedError(f"{record.name} has no property {levels[4]!r:.80}", device=record.id)
    if found.commands:
        name = text_from(found.feature, payload)
        if name not in found.commands:
            raise UnsupportedError(f"{record.name} has no command {name!r:.60}", device=record.id)
        return _checked(record, found.feature, name, {})
    value = value_from(found.feature, homie.payload_from(found.feature, payload))
    return _checked(record, found.feature, SET, {"value": value})


def _checked(record: Record, feature: Feature, command: str, arguments: dict[str, Any]) -> Wish:
    checked = check_command(feature, command, arguments, record.id)
    return Wish(record.id, feature.key, command, checked)
