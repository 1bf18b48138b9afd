"""What can be asked of a network as a whole, in plain data; no radio library is needed to know it."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import msgspec

from device_plugins.zigbee.install_codes import Admission

type Kind = Literal["coordinator", "router", "end_device", "unknown"]
type Relation = Literal["parent", "child", "sibling", "previous_child", "none"]

CHANNELS = range(11, 27)


class Place(msgspec.Struct, frozen=True):
    """A node of the network; `lqi` (0 to 255) and `rssi` (dBm) are those of its last message to the coordinator."""

    ieee: str
    short: int
    kind: Kind
    lqi: int | None = None
    rssi: int | None = None


class Neighbour(msgspec.Struct, frozen=True):
    """A row of a router's neighbour table: `relation` is what the neighbour is to the router, `lqi` 0 to 255."""

    ieee: str
    short: int
    kind: Kind
    relation: Relation
    lqi: int
    depth: int


class Route(msgspec.Struct, frozen=True):
    """A row of a router's routing table that is in use: short addresses."""

    destination: int
    next_hop: int


class Page[R](msgspec.Struct, frozen=True):
    """A part of a table: its rows, how many of the table they stand for, and how many the whole table has."""

    rows: Sequence[R]
    taken: int
    total: int


class Management(Protocol):
    """Raises RadioError when the radio fails, a DeviceError when a device does not answer or will not."""

    def places(self) -> list[Place]:
        """The coordinator first, then every device whose interview is complete."""

    async def neighbours(self, ieee: str, start: int) -> Page[Neighbour]:
        """Rows of a node's neighbour table, from `start`; behind all other traffic."""

    async def routes(self, ieee: str, start: int) -> Page[Route]:
        """Rows of a node's routing table, from `start`; behind all other traffic."""

    async def energy(self, channels: Iterable[int]) -> dict[int, float]:
        """Listen once on each channel: how much is on the air there, 0 to 255. The network waits meanwhile."""

    async def move(self, channel: int) -> None:
        """Tell all devices to change to a channel, and follow them."""

    async def permit_through(self, ieee: str, seconds: int) -> None:
        """Let devices join through one node for at most 254 seconds."""

    async def admit(self, who: Admission, seconds: int) -> None:
        """Let devices join that have a link key of their own, and this one is to be among them; at most 254 seconds."""
