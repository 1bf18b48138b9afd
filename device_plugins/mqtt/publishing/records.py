"""A device as the registry tells of it (`devices.list`), as far as others are told of it."""

from typing import Any

import msgspec

from device_plugins.sdk import VOCABULARY, Feature


class Record(msgspec.Struct, frozen=True):
    """A device; the fields are those of the registry's record."""

    id: str
    name: str
    protocol: str
    area: str = ""
    labels: tuple[str, ...] = ()
    model: str = ""
    manufacturer: str = ""
    firmware: str = ""
    parent: str = ""
    features: tuple[Feature, ...] = ()

    def feature(self, key: str) -> Feature | None:
        """The feature with this key."""
        return next((one for one in self.features if one.key == key), None)


def record_of(told: Any, *, control: bool = True) -> Record:  # noqa: ANN401 - the registry's record, or its JSON
    """The record; without `control`, one that can be told nothing."""
    record = msgspec.convert(told, Record, from_attributes=True)
    if control:
        return record
    mute = (msgspec.structs.replace(feature, writable=False, commands=()) for feature in record.features)
    return msgspec.structs.replace(record, features=tuple(mute))


def span(feature: Feature) -> tuple[float | None, float | None]:
    """The least and the greatest value, as far as they are known."""
    kind = VOCABULARY[feature.capability]
    low = kind.minimum if feature.minimum is None else feature.minimum
    high = kind.maximum if feature.maximum is None else feature.maximum
    return low, high


def words(feature: Feature) -> tuple[str, ...]:
    """The words that the value of an enum may be."""
    return feature.values or VOCABULARY[feature.capability].values


def unit(feature: Feature) -> str:
    """The unit of the value."""
    return feature.unit or VOCABULARY[feature.capability].unit


def title(feature: Feature) -> str:
    """What people call it: its label, or its capability in words, with its number where a device has several."""
    plain = feature.label or feature.capability.replace("_", " ").capitalize()
    number = feature.key.partition(".")[2]
    return f"{plain} {number}" if number.isdigit() else plain
