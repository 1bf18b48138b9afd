"""The shape of a device, whatever protocol it speaks."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

type Availability = Literal["online", "offline", "unknown"]


class Feature(msgspec.Struct, frozen=True, omit_defaults=True):
    """One capability of one device: where it sits, and what differs from the vocabulary.

    `key` names it in state, unique within the device. `minimum`, `maximum` and `values` narrow the vocabulary's
    range; `commands` lists what this device can do of the capability's commands; `unit` is for `number` settings.
    """

    key: str
    capability: str
    endpoint: int = 1
    writable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    unit: str = ""
    label: str = ""


class Device(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device as its plugin announces it. The owner's words (name, area, labels) are the registry's."""

    id: str
    protocol: str
    model: str = ""
    manufacturer: str = ""
    firmware: str = ""
    features: tuple[Feature, ...] = ()
    parent: str = ""
    suggested_name: str = ""

    def feature(self, key: str) -> Feature | None:
        """The feature with this key; a bare capability name finds its first."""
        return next((f for f in self.features if f.key == key), None) or next(
            (f for f in self.features if f.capability == key), None
        )


def feature_keys(found: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Keys for (capability, endpoint) pairs: the bare name for the lowest endpoint, `name.<endpoint>` for others."""
    pairs = sorted(set(found), key=lambda pair: (pair[0], pair[1]))
    seen: Counter[str] = Counter()
    keys = {}
    for name, endpoint in pairs:
        keys[name, endpoint] = f"{name}.{endpoint}" if seen[name] else name
        seen[name] += 1
    return keys
