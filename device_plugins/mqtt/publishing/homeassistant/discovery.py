"""The one message that tells Home Assistant of a device."""

from collections.abc import Collection
from typing import Any

import msgspec

from device_plugins.mqtt.description import Message
from device_plugins.mqtt.publishing.homeassistant.climates import add_climates, add_fans
from device_plugins.mqtt.publishing.homeassistant.lights import add_lights
from device_plugins.mqtt.publishing.homeassistant.openings import add_covers, add_locks, add_sirens
from device_plugins.mqtt.publishing.homeassistant.parts import Parts
from device_plugins.mqtt.publishing.homeassistant.singles import add_singles
from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.records import Record

_HUB = "{{ 'online' if value in ['online', 'ready', 'init'] else 'offline' }}"
# It is not known to be away: its last values stand.
_DEVICE = "{{ 'offline' if value == 'offline' else 'online' }}"


def discovery(record: Record, layout: Layout, known: Collection[str]) -> Message:
    """The retained message on the device; `known` are the ids of the devices that are published."""
    parts = Parts(record, layout)
    for add in (add_lights, add_climates, add_fans, add_covers, add_locks, add_sirens, add_singles):
        add(parts)
    prefix = layout.settings.prefix
    about = {
        "name": record.name,
        "manufacturer": record.manufacturer,
        "model": record.model,
        "sw_version": record.firmware,
        "suggested_area": record.area,
        "via_device": f"{prefix}_{record.parent}" if record.parent in known else "",
    }
    config: dict[str, Any] = {
        "device": {"identifiers": [f"{prefix}_{record.id}"]} | {name: text for name, text in about.items() if text},
        # By it the hub knows its own messages.
        "origin": {"name": prefix},
        "components": parts.components,
        "availability": [
            {"topic": layout.status, "value_template": _HUB},
            {"topic": layout.value(record.id, "availability"), "value_template": _DEVICE},
        ],
        "availability_mode": "all",
    }
    return Message(layout.config(record.id), msgspec.json.encode(config), retain=True)
