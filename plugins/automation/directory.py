"""The home's devices by id and by name, learnt from the state at `device/<id>`."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from device_plugins.sdk import VOCABULARY, slug
from hub.api import Event, HubError, State

_NAMED = re.compile(r"\{([^{}]*)\}")
_DEVICE_PARTS = 2
_ALWAYS = frozenset({"availability", "availability_reason", "last_seen"})


class NotYetError(HubError):
    """A device, or something of it, is not there; it may still come."""

    code = "not_yet"


class Record(NamedTuple):
    """What the directory keeps of a device: `keys` maps a feature's key to its capability and commands."""

    id: str
    name: str
    keys: dict[str, tuple[str, tuple[str, ...]]]


class Directory:
    """Devices by id, name or slug of the name. `changed` is told the slugs that a change of a device touches."""

    def __init__(self, state: State, changed: Callable[[frozenset[str]], None]) -> None:
        self._changed = changed
        self._records: dict[str, Record] = {}
        self._ids: dict[str, str] = {}
        self._former: dict[str, str] = {}
        for path, entry in state.list("device/").items():
            if path.count("/") + 1 == _DEVICE_PARTS:
                self._put(path.partition("/")[2], entry.value)
        self.undo = state.watch("device/+", self._heard)

    def find(self, device: str) -> Record:
        """The device with this id or name.

        Raises NotYetError.
        """
        record = self._records.get(device) or self._records.get(self._ids.get(slug(device), ""))
        if record is not None:
            return record
        now = self._records.get(self._former.get(slug(device), ""))
        hint = f", which is now called {now.name!r}" if now else ""
        raise NotYetError(f"waiting for device {device!r}{hint}")

    def _heard(self, event: Event) -> None:
        device = event.subject.partition("/")[2]
        old = self._records.get(device)
        self._put(device, event.data.value)
        new = self._records.get(device)
        if old != new:
            touched = {slug(record.name) for record in (old, new) if record}
            formerly = {name for name, known in self._former.items() if known == device}
            self._changed(frozenset({slug(device)} | touched | formerly))

    def _put(self, device: str, value: object) -> None:
        old = self._records.pop(device, None)
        if old is not None:
            self._ids.pop(slug(old.name), None)
            self._former[slug(old.name)] = device
        if isinstance(value, Mapping):
            record = _record(device, value)
            self._records[device] = record
            self._ids[slug(device)] = device
            self._ids[slug(record.name)] = device


class Resolver:
    """Answers where things are while one automation is bound, and remembers what it was asked and what it said."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.asked: set[str] = set()
        self.answers: list[tuple[str, ...]] = []

    def feature(self, device: str, capability: str) -> tuple[str, str]:
        """The device's id and the key of the feature that a key or capability names.

        Raises NotYetError.
        """
        record = self._find(device)
        key = capability
        if record.keys and capability not in record.keys and capability not in _ALWAYS:
            found = [one for one, (kind, _) in record.keys.items() if kind == capability]
            if not found:
                have = ", ".join(record.keys)
                raise NotYetError(f"waiting: device {record.name!r} has no {capability!r}; it has {have}")
            key = found[0]
        self.answers.append((record.id, key))
        return record.id, key

    def command(self, device: str, command: str) -> tuple[str, str]:
        """The device's id and the key of the first feature that knows the command.

        Raises NotYetError.
        """
        record = self._find(device)
        found = [key for key, (_, commands) in record.keys.items() if command in commands]
        if not record.keys:
            found = [word.name for word in VOCABULARY.values() if any(one.name == command for one in word.commands)]
        if not found:
            raise NotYetError(f"waiting: device {record.name!r} has no command {command!r}")
        self.answers.append((record.id, found[0]))
        return record.id, found[0]

    def path(self, device: str, capability: str) -> str:
        """Where the state keeps a device's value.

        Raises NotYetError.
        """
        return "device/{}/{}".format(*self.feature(device, capability))

    def fill(self, pattern: str) -> str:
        """The pattern with each `{device name}` replaced by the device's id.

        Raises NotYetError.
        """

        def filled(found: re.Match[str]) -> str:
            device = self._find(found[1]).id
            self.answers.append((device,))
            return device

        return _NAMED.sub(filled, pattern)

    def _find(self, device: str) -> Record:
        self.asked.add(slug(device))
        return self._directory.find(device)


def without_names(pattern: str) -> str:
    """The pattern with a stand-in for each `{device name}`, to check its form."""
    return _NAMED.sub("device", pattern)


def _record(device: str, value: Mapping[str, Any]) -> Record:
    keys = {}
    for feature in value.get("features") or ():
        if isinstance(feature, Mapping) and "key" in feature:
            keys[str(feature["key"])] = (str(feature.get("capability", "")), tuple(feature.get("commands", ())))
    return Record(device, str(value.get("name") or device), keys)
