"""A cluster on a virtual device: attributes with their values, and the commands it takes and gives."""

from dataclasses import dataclass, field, replace
from typing import Any

from device_plugins.virtual_radio import zcltypes
from device_plugins.virtual_radio.zcltypes import ZclError

# From here on, clusters are manufacturers' own, and so are all their attributes.
FIRST_OWN = 0xFC00


@dataclass(frozen=True, slots=True)
class Reporting:
    """When an attribute is reported: at least and at most so many seconds apart (0: changes only), least change."""

    least: int
    most: int
    change: int | float | None = None


@dataclass(slots=True)
class Attribute:
    """One attribute; `low`, `high` and `choices` (if any) bound what may be written to a number."""

    number: int
    name: str
    kind: int
    value: Any
    writable: bool = False
    reportable: bool = False
    low: int | None = None
    high: int | None = None
    choices: tuple[int, ...] = ()
    reporting: Reporting | None = None
    own: bool | None = False
    """The manufacturer's own, in a cluster of everybody's; None if any frame may ask for it."""

    def encode(self) -> bytes:
        """Return the value's bytes."""
        return zcltypes.encode(self.kind, self.value)

    def allows(self, value: Any) -> bool:  # noqa: ANN401 - as many types as the ZCL has
        """Whether a value fits the type and the bounds."""
        try:
            zcltypes.encode(self.kind, value)
        except ZclError:
            return False
        if (self.choices and value not in self.choices) or (self.low is not None and value < self.low):
            return False
        return self.high is None or value <= self.high


@dataclass(slots=True)
class Cluster:
    """A server cluster: `received` and `generated` are the numbers of its own commands."""

    number: int
    attributes: dict[int, Attribute] = field(default_factory=dict)
    received: tuple[int, ...] = ()
    generated: tuple[int, ...] = ()
    hidden: bool = False
    """It answers, but the simple descriptor does not tell of it."""

    def of(self, manufacturer: int | None) -> "Cluster":
        """Return it as a frame with this manufacturer code sees it."""
        if self.number >= FIRST_OWN:
            return self
        is_own = manufacturer is not None
        seen = {number: one for number, one in self.attributes.items() if one.own is None or one.own is is_own}
        return self if len(seen) == len(self.attributes) else replace(self, attributes=seen)

    def named(self, name: str) -> Attribute:
        """Return the attribute of that name; KeyError when there is none."""
        for attribute in self.attributes.values():
            if attribute.name == name:
                return attribute
        raise KeyError(name)


@dataclass(slots=True)
class Endpoint:
    """An endpoint: what it is, its server clusters, and the client clusters, which have few attributes or none."""

    number: int
    device_type: int
    clusters: dict[int, Cluster]
    clients: dict[int, Cluster] = field(default_factory=dict)
    profile: int = 0x0104
    version: int = 1
