"""What is known of one device before it is mapped: its endpoints, and what it answered when asked."""

import math

import msgspec

type Raw = int | float | str
"""A value as it stands in a ZCL attribute."""


class Endpoint(msgspec.Struct, frozen=True):
    """One simple descriptor; `inputs` are the clusters it serves, `outputs` those it commands."""

    id: int
    profile: int
    device_type: int
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()


class Signature(msgspec.Struct, frozen=True):
    """What the interview learned. `mains` says that it listens all the time."""

    manufacturer: str = ""
    model: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    mains: bool = False


class Facts(msgspec.Struct):
    """Attributes that decide the mapping: their values, and those the device says it does not have.

    Keys are `<endpoint>/<cluster>/<attribute>` in decimals, so that facts can be stored as JSON.
    """

    values: dict[str, Raw] = {}
    unsupported: list[str] = []

    def number(self, endpoint: int, cluster: int, attribute: int) -> float | None:
        """The value if the device told a number."""
        value = self.values.get(fact(endpoint, cluster, attribute))
        return value if isinstance(value, int | float) and math.isfinite(value) else None

    def text(self, endpoint: int, cluster: int, attribute: int) -> str:
        """The value as text; empty if unknown."""
        return str(self.values.get(fact(endpoint, cluster, attribute), "")).strip("\0 ")

    def lacks(self, endpoint: int, cluster: int, attribute: int) -> bool:
        """Whether the device said that it has no such attribute."""
        return fact(endpoint, cluster, attribute) in self.unsupported


def fact(endpoint: int, cluster: int, attribute: int) -> str:
    """The key of a fact."""
    return f"{endpoint}/{cluster}/{attribute}"
