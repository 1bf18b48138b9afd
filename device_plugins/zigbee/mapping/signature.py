"""What is known of one device before it is mapped: its endpoints, and what it answered when asked."""

import math

import msgspec

from device_plugins.zigbee.mapping.presses import Press

type Raw = int | float | str | bytes
"""A value as it stands in a ZCL attribute."""

type Kept = int | float | str
"""A value that can be remembered."""


class Endpoint(msgspec.Struct, frozen=True):
    """One simple descriptor; `inputs` are the clusters it serves, `outputs` those it commands."""

    id: int
    profile: int
    device_type: int
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()


class Extra(msgspec.Struct, frozen=True):
    """What a quirk shows of one attribute beyond the ZCL; plain, so that it can be stored.

    `capability` is of the vocabulary, often `number`, `switch` or `enum` with its `words` and the raw value of each.
    The value is `raw * factor` in `unit`. `writable` says that it can be set, `press` which raw value a press writes,
    `on` and `off` what a switch writes, `report` when it is reported: least and most seconds, change (raw). If it is
    `converted`, raw is what the quirk's own function makes of the value.
    """

    capability: str
    name: str
    endpoint: int
    cluster: int
    attribute: int
    factor: float = 1
    unit: str = ""
    label: str = ""
    low: float | None = None
    high: float | None = None
    words: tuple[tuple[int, str], ...] = ()
    writable: bool = False
    inverted: bool = False
    press: int | None = None
    output: bool = False
    on: int = 1
    off: int = 0
    converted: bool = False
    report: tuple[int, int, float] | None = None


class Signature(msgspec.Struct, frozen=True):
    """What the interview learned, or a quirk made of it. `mains` says that it listens all the time.

    `quirk` names what stands between the device and the mapping: its attributes are not those on the air. `extras` are
    what it shows besides, `hidden` the clusters (endpoint, cluster) that it does not want shown, `presses` those of
    buttons that it names.
    """

    manufacturer: str = ""
    model: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    mains: bool = False
    quirk: str = ""
    extras: tuple[Extra, ...] = ()
    hidden: tuple[tuple[int, int], ...] = ()
    presses: tuple[Press, ...] = ()


class Facts(msgspec.Struct):
    """Attributes that decide the mapping: their values, and those the device says it does not have.

    Keys are `<endpoint>/<cluster>/<attribute>` in decimals, so that facts can be stored as JSON.
    """

    values: dict[str, Kept] = {}
    unsupported: list[str] = []

    def number(self, endpoint: int, cluster: int, attribute: int) -> float | None:
        """The value if the device told a number."""
        value = self.values.get(fact(endpoint, cluster, attribute))
        return value if isinstance(value, int | float) and math.isfinite(value) else None

    def text(self, endpoint: int, cluster: int, attribute: int) -> str:
        """The value as text; empty if unknown."""
        return str(self.values.get(fact(endpoint, cluster, attribute), "")).strip("\0 ")

    def told(self, endpoint: int, cluster: int, attribute: int) -> bool:
        """Whether the device told a value."""
        return fact(endpoint, cluster, attribute) in self.values

    def lacks(self, endpoint: int, cluster: int, attribute: int) -> bool:
        """Whether the device said that it has no such attribute."""
        return fact(endpoint, cluster, attribute) in self.unsupported


def fact(endpoint: int, cluster: int, attribute: int) -> str:
    """The key of a fact."""
    return f"{endpoint}/{cluster}/{attribute}"
