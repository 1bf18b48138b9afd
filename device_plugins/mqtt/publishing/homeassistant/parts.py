"""What the entities of one device are made of: topics, names, and which features have found their place."""

from collections.abc import Iterator
from typing import Any

from device_plugins.mqtt.publishing.homeassistant.tables import SETTINGS
from device_plugins.mqtt.publishing.layout import Layout
from device_plugins.mqtt.publishing.records import Record, title
from device_plugins.sdk import Feature

type Config = dict[str, Any]

# A light or a number cannot be unknown: such a message is passed over.
KNOWN = "{{ value if value != 'None' else '' }}"


class Parts:
    """One device on its way to Home Assistant; `taken` are the keys of features that are part of an entity already."""

    def __init__(self, record: Record, layout: Layout) -> None:
        self.record = record
        self.taken: set[str] = set()
        self.components: dict[str, Config] = {}
        self._layout = layout

    def state(self, feature: Feature) -> str:
        """Where its value stands."""
        return self._layout.value(self.record.id, feature.key)

    def set(self, feature: Feature) -> str:
        """Where a value for it is taken."""
        return f"{self.state(feature)}/set"

    def command(self, feature: Feature) -> str:
        """Where a command for it is taken."""
        return f"{self.state(feature)}/command"

    def event(self, feature: Feature) -> str:
        """Where what happens to it is told."""
        return f"{self.state(feature)}/event"

    def free(self, *capabilities: str) -> Iterator[Feature]:
        """The features of these capabilities that no entity has yet, in their order."""
        for feature in self.record.features:
            if feature.capability in capabilities and feature.key not in self.taken:
                yield feature

    def beside(self, feature: Feature, capability: str, command: str = "") -> Feature | None:
        """A free feature of the same endpoint, which has the command if one is named."""
        return next(
            (
                one
                for one in self.free(capability)
                if one.endpoint == feature.endpoint and (not command or command in one.commands)
            ),
            None,
        )

    def add(self, feature: Feature, platform: str, config: Config, *others: Feature, main: bool = False) -> None:
        """An entity, named after its first feature; the `main` one of a device has the device's name."""
        name: str | None = title(feature)
        if main and not any(one["name"] is None for one in self.components.values()):
            name = None
        entity: Config = {
            "platform": platform,
            "name": name,
            "unique_id": self._unique(feature, platform),
            "qos": 1,
        }
        if feature.capability in SETTINGS and "command_topic" in config:
            entity["entity_category"] = "config"
        identity = feature.key.replace(".", "_")
        self.components[identity if identity not in self.components else f"{identity}_{platform}"] = entity | config
        self.taken.update(one.key for one in (feature, *others))

    def _unique(self, feature: Feature, platform: str) -> str:
        return f"{self._layout.settings.prefix}_{self.record.id}_{feature.key}_{platform}"
