"""A group as its owner sees it: a device with what all its members have in common. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from device_plugins.sdk import Availability, Device, Feature

PREFIX = "zigbee-group-"
# Each device has its own of these.
_SETTINGS = {"number", "enum", "switch", "text", "press"}


class Member(msgspec.Struct, frozen=True, order=True):
    """One endpoint of a device in a group; `ieee` is 16 hex digits."""

    ieee: str
    endpoint: int

    @property
    def id(self) -> str:
        """The device's id."""
        return f"zigbee-{self.ieee}"


class Group(msgspec.Struct):
    """What is remembered of a group: its number on the air, its name when it was made, who is in it, its scenes."""

    number: int
    name: str
    members: list[Member] = []
    scenes: dict[str, str] = {}
    """Names by number, which JSON has as a text."""

    @property
    def id(self) -> str:
        """The id of its device."""
        return f"{PREFIX}{self.number}"


def device_of(group: Group, members: Iterable[Sequence[Feature]]) -> Device:
    """The group as a device; `members` are the features of the endpoints in it."""
    features = common([*members])
    return Device(id=group.id, protocol="zigbee", model="Group", features=features, suggested_name=group.name)


def common(members: Sequence[Sequence[Feature]]) -> tuple[Feature, ...]:
    """What all of them can be told, each with the range that suits them all."""
    if not members:
        return ()
    able = [{one.capability: one for one in features if _can_be_told(one)} for features in members]
    shared = [name for name in able[0] if all(name in other for other in able)]
    found = (_narrowed([features[name] for features in able]) for name in shared)
    return tuple(one for one in found if one is not None)


def _can_be_told(feature: Feature) -> bool:
    return bool(feature.commands) and feature.capability not in _SETTINGS


def _narrowed(same: Sequence[Feature]) -> Feature | None:
    first = same[0]
    low = max((one.minimum for one in same if one.minimum is not None), default=None)
    high = min((one.maximum for one in same if one.maximum is not None), default=None)
    commands = tuple(name for name in first.commands if all(name in one.commands for one in same))
    values = tuple(word for word in first.values if all(word in one.values for one in same))
    is_empty = (low is not None and high is not None and low > high) or bool(first.values and not values)
    if not commands or is_empty:
        return None
    return Feature(
        first.capability, first.capability, writable=True, minimum=low, maximum=high, values=values, commands=commands
    )


def value_of(values: Iterable[Any]) -> Any:  # noqa: ANN401 - JSON-like
    """What is true of the group: on if any is on, the mean of numbers, else what all agree on; None if nothing is."""
    known = [one for one in values if one is not None]
    if not known:
        return None
    if all(isinstance(one, bool) for one in known):
        return any(known)
    if all(isinstance(one, int | float) for one in known):
        mean = sum(known) / len(known)
        return round(mean, 1) if mean % 1 else int(mean)
    return known[0] if all(one == known[0] for one in known) else None


def availability_of(members: Iterable[Availability]) -> tuple[Availability, str]:
    """Whether it can be reached, and why not: it can if any member can."""
    known = [*members]
    if "online" in known:
        away = len(known) - known.count("online")
        return "online", f"{away} of {len(known)} members are not online" if away else ""
    if known and all(one == "offline" for one in known):
        return "offline", "all its members are offline"
    return "unknown", "it has no members" if not known else "none of its members has been heard from yet"
