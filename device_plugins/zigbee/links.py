"""What a device keeps for others, in plain data: its bindings, its reporting, its groups and scenes."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from device_plugins.zigbee.mapping import Report


class Link(msgspec.Struct, frozen=True, order=True):
    """A binding: what `endpoint` says on `cluster` goes to an endpoint of another device, or to a group.

    `ieee` is 16 hex digits, most significant byte first; empty for a group.
    """

    endpoint: int
    cluster: int
    ieee: str = ""
    target_endpoint: int = 0
    group: int = 0


class Links(Protocol):
    """Every method speaks to the device, and raises a DeviceError when it cannot or will not."""

    async def ask(self, endpoint: int, cluster: int, command: int, *fields: int | str) -> tuple[int, ...]:
        """Send a cluster command; returns the numbers in its answer, or (command, status) of a default response."""

    async def table(self) -> list[Link]:
        """Its binding table."""

    async def bind(self, link: Link) -> None:
        """Add to its binding table."""

    async def unbind(self, link: Link) -> None:
        """Take from its binding table; nothing happens if it is not there."""

    async def reporting(self, endpoint: int, cluster: int, attributes: Iterable[int]) -> dict[int, Report]:
        """What it reports of these attributes, and how often; those it does not report are missing."""
