"""All that others are told of the hub and of one device, as messages in their order; pure."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from device_plugins.mqtt.description import Message
from device_plugins.mqtt.publishing import homie
from device_plugins.mqtt.publishing.homeassistant.discovery import discovery
from device_plugins.mqtt.publishing.homeassistant.tables import EVENTS, OTHER
from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.payloads import words_of
from device_plugins.mqtt.publishing.records import Record
from device_plugins.sdk import VOCABULARY, Availability, ButtonPressed, LockOperated, RotaryTurned

AVAILABILITY = "availability"

type Truth = Callable[[str], Any]
"""Gives what is true of the device by key: its features' values, and its availability."""


class Telling:
    """What is to be said, by the settings."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._settings = layout.settings

    def device(self, record: Record, known: Collection[str], truth: Truth) -> list[Message]:
        """Everything about a device; it is complete when others find it."""
        keys = [*(one.key for one in record.features), AVAILABILITY]
        base = self._layout.homie(record.id)
        told = []
        if self._settings.homie:
            told += [homie.state_of(base, homie.INIT), homie.describe(record, self._layout)]
        told += self.values(record, keys, truth)
        if self._settings.homeassistant:
            told.append(discovery(record, self._layout, known))
        return told

    def values(self, record: Record, keys: Iterable[str], truth: Truth) -> list[Message]:
        """What is true of a device now: the values of these keys, its availability last."""
        features = {one.key: one for one in record.features}
        keys = [*keys]
        truths = {key: truth(key) for key in keys if key in features}
        told = []
        if self._settings.homeassistant:
            told += [
                Message(self._layout.value(record.id, key), words_of(value).encode(), retain=True)
                for key, value in truths.items()
                if VOCABULARY[features[key].capability].type != "event"
            ]
        if self._settings.homie:
            told += homie.values(record, self._layout, truths)
        return told + (self._availability(record, truth) if AVAILABILITY in keys else [])

    def happened(self, record: Record, key: str, data: object) -> list[Message]:
        """What happened to a device: for those who listen now."""
        feature = record.feature(key)
        if feature is None:
            return []
        told = []
        if self._settings.homeassistant:
            payload = msgspec.json.encode(_event(feature.capability, data))
            told.append(Message(f"{self._layout.value(record.id, key)}/event", payload))
        if self._settings.homie:
            told += homie.happened(record, self._layout, key, _in_a_word(data))
        return told

    def hub(self, devices: Iterable[str]) -> list[Message]:
        """That the hub is there, and for Homie which devices it has, by their ids."""
        if not self._settings.homie:
            return [self._status("online")]
        init = homie.state_of(self._layout.root, homie.INIT)
        return [init, homie.describe_root(self._layout, devices), self._status(homie.READY)]

    def farewell(self) -> Message:
        """That the hub goes, in good order."""
        return self._status(homie.DISCONNECTED if self._settings.homie else "offline")

    def will(self) -> Message:
        """What the broker says when the hub is suddenly gone: the connection's last will."""
        return self._status(homie.LOST if self._settings.homie else "offline")

    def _status(self, word: str) -> Message:
        return Message(self._layout.status, word.encode(), retain=True)

    def _availability(self, record: Record, truth: Truth) -> list[Message]:
        word: Availability = truth(AVAILABILITY) or "unknown"
        told = []
        if self._settings.homeassistant:
            told.append(Message(self._layout.value(record.id, AVAILABILITY), word.encode(), retain=True))
        if self._settings.homie:
            told.append(homie.state_of(self._layout.homie(record.id), homie.presence(word)))
        return told


def _event(capability: str, data: object) -> dict[str, Any]:
    """An event as Home Assistant takes it, with all that is known of it as attributes."""
    match data:
        case RotaryTurned(steps):
            return {"event_type": "clockwise" if steps > 0 else "counterclockwise", "steps": steps}
        case ButtonPressed(action, button):
            return {"event_type": _type(capability, action), "action": action, "button": button}
        case LockOperated(operation, source, user):
            kind = _type("lock", operation)
            return {"event_type": kind, "operation": operation, "source": source, "user": user}
    return {"event_type": OTHER}


def _type(capability: str, action: str) -> str:
    return action if action in EVENTS.get(capability, ()) else OTHER


def _in_a_word(data: object) -> str:
    match data:
        case RotaryTurned(steps):
            return words_of(steps)
        case ButtonPressed(action):
            return action
    return ""
