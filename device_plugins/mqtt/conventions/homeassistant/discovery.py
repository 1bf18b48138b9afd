"""The convention: topics of discovery, what they announced, and which devices come of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from device_plugins.mqtt.convention import Heard, MalformedError, Terms
from device_plugins.mqtt.conventions.homeassistant.abbreviations import expanded
from device_plugins.mqtt.conventions.homeassistant.configs import decoded
from device_plugins.mqtt.conventions.homeassistant.device import described
from device_plugins.mqtt.conventions.homeassistant.entities import Entity, entity
from device_plugins.mqtt.description import Described, Message, device_id

NAME = "homeassistant"
MOST_DEVICES = 2000
MOST_ENTITIES = 256
_MOST_IN_ALL = 20_000
_MOST_NAMES = 50_000
_PART = re.compile(r"[A-Za-z0-9_-]{1,128}")
# Options that stand in the device form beside the components, for all of them.
_SHARED = (
    "availability",
    "availability_mode",
    "availability_template",
    "availability_topic",
    "command_topic",
    "encoding",
    "payload_available",
    "payload_not_available",
    "qos",
    "state_topic",
)


class HomeAssistant:
    """Devices by Home Assistant's discovery. `heard` gives what changed, `describe` is always the whole of a device."""

    name = NAME

    def __init__(self, terms: Terms) -> None:
        self._prefixes = terms.prefixes or (NAME,)
        self._own = terms.own
        self._entities: dict[str, tuple[Entity, ...]] = {}
        self._payloads: dict[str, int] = {}
        self._count = 0
        self._aliases: dict[str, str] = {}
        self._topics: dict[str, dict[str, None]] = {}
        self._there: set[str] = set()
        self._described: dict[str, Described] = {}

    def filters(self) -> tuple[str, ...]:
        """Both lengths of the topics, with and without a node."""
        return tuple(f"{prefix}/+/{middle}/config" for prefix in self._prefixes for middle in ("+", "+/+"))

    def greet(self) -> tuple[Message, ...]:
        """Home Assistant's birth message, after which devices announce themselves again."""
        return tuple(Message(f"{prefix}/status", b"online") for prefix in self._prefixes)

    def heard(self, topic: str, payload: bytes) -> Heard:
        """Take one discovery message; an empty one takes back what its topic announced.

        Raises MalformedError for nonsense, which leaves what was known as it was.
        """
        component, node, object_id = self._place(topic)
        if not payload:
            return self._changed(topic, (), ())
        same = hash(payload)
        if self._payloads.get(topic) == same:
            return self._again(topic)
        config = decoded(payload)
        if self._is_own(config):
            return Heard()
        if config.get("migrate_discovery") is True:
            return self._changed(topic, (), ())
        if component == "device":
            found, faults = _components(config, object_id)
        else:
            found, faults = (entity(component, object_id, config, node),), ()
        self._make_room(topic, found)
        heard = self._changed(topic, found, faults)
        self._payloads[topic] = same
        return heard

    def _place(self, topic: str) -> tuple[str, str, str]:
        for prefix in self._prefixes:
            parts = topic.removeprefix(f"{prefix}/").split("/")
            if topic.startswith(f"{prefix}/") and len(parts) in {3, 4} and parts[-1] == "config":
                component, *node, object_id, _ = parts
                if all(_PART.fullmatch(part) for part in (component, *node, object_id)):
                    return component, "".join(node), object_id
        raise MalformedError(f"{topic:.120} is no topic of discovery: only letters, digits, _ and - stand in its parts")

    def _is_own(self, config: Mapping[str, Any]) -> bool:
        origin = config.get("origin")
        name = origin.get("name") if isinstance(origin, dict) else None
        return isinstance(name, str) and name.casefold() == self._own.casefold()

    def _again(self, topic: str) -> Heard:
        """What was announced once more, as devices do after each start."""
        devices = dict.fromkeys(self._device_of(one) for one in self._entities.get(topic, ()))
        return Heard(changed=tuple(device for device in devices if device in self._there))

    def _make_room(self, topic: str, found: tuple[Entity, ...]) -> None:
        count = self._count - len(self._entities.get(topic, ())) + len(found)
        if count > _MOST_IN_ALL or len(self._aliases) >= _MOST_NAMES:
            raise MalformedError(f"more than {_MOST_IN_ALL} components by discovery; {topic:.120} is left out")
        for one in found:
            device = self._device_of(one)
            topics = self._topics.get(device, {})
            if device not in self._there and len(self._topics) >= MOST_DEVICES:
                raise MalformedError(f"more than {MOST_DEVICES} devices by discovery; {topic:.120} is left out")
            if topic not in topics and len(topics) + len(found) > MOST_ENTITIES:
                raise MalformedError(f"{device} has more than {MOST_ENTITIES} components; {topic:.120} is left out")

    def _changed(self, topic: str, found: tuple[Entity, ...], faults: tuple[str, ...]) -> Heard:
        before = self._entities.pop(topic, ())
        self._count += len(found) - len(before)
        touched = dict.fromkeys(self._device_of(one) for one in before)
        self._payloads.pop(topic, None)
        for device in touched:
            self._topics[device].pop(topic, None)
        if found:
            self._entities[topic] = found
        for one in found:
            device = self._adopted(one)
            self._topics.setdefault(device, {})[topic] = None
            touched[device] = None
        known = self._there & touched.keys()
        changed = tuple(device for device in touched if self._is_there(device))
        return Heard(gone=tuple(sorted(known - {*changed})), malformed=faults, changed=changed)

    def _device_of(self, one: Entity) -> str:
        known = next((self._aliases[name] for name in one.owner.names if name in self._aliases), "")
        return known or device_id(NAME, one.owner.names[0])

    def _adopted(self, one: Entity) -> str:
        device = self._device_of(one)
        for name in one.owner.names:
            self._aliases.setdefault(name, device)
        return device

    def _is_there(self, device: str) -> bool:
        """Whether there is anything of it, after a change."""
        self._described.pop(device, None)
        if any(one.parts for one in self._parts_of(device)):
            self._there.add(device)
            return True
        self._there.discard(device)
        if next(self._parts_of(device), None) is None:
            self._topics.pop(device, None)
            self._aliases = {name: other for name, other in self._aliases.items() if other != device}
        return False

    def _parts_of(self, device: str) -> Iterator[Entity]:
        listed = (one for topic in self._topics.get(device, ()) for one in self._entities[topic])
        return (one for one in listed if self._device_of(one) == device)

    def describe(self, device: str) -> Described | None:
        """All of a device in one description; the same one until something changes."""
        if device not in self._there or device in self._described:
            return self._described.get(device)
        entities = [*self._parts_of(device)]
        via = next((one.owner.via for one in entities if one.owner.via), "")
        parent = self._aliases.get(via, "")
        self._described[device] = described(device, "" if parent == device else parent, entities)
        return self._described[device]


def _components(config: Mapping[str, Any], object_id: str) -> tuple[tuple[Entity, ...], tuple[str, ...]]:
    """The components of the device form, and sentences on those that were not understood."""
    listed = config.get("components")
    if not isinstance(listed, dict) or not isinstance(config.get("device"), dict):
        raise MalformedError(f"device {object_id:.80} has no device or no components")
    if len(listed) > MOST_ENTITIES:
        raise MalformedError(f"device {object_id:.80} has more than {MOST_ENTITIES} components")
    shared = {name: config[name] for name in _SHARED if name in config} | {"device": config["device"]}
    found: list[Entity] = []
    faults: list[str] = []
    for name, options in _expanded(listed):
        platform = options.get("platform")
        if not isinstance(platform, str):
            faults.append(f"component {name:.80} of device {object_id:.80} has no platform")
        elif options.keys() != {"platform"}:
            # One with its platform alone was taken out of the device.
            try:
                found.append(entity(platform, name, shared | options))
            except MalformedError as exc:
                faults.append(str(exc))
    if not found and faults:
        raise MalformedError(faults[0])
    return tuple(found), tuple(faults)


def _expanded(listed: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    for name, options in listed.items():
        yield name, expanded(options) if isinstance(options, dict) else {}
