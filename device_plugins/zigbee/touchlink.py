"""What can be done to devices near the stick that are on no network or on another's, in plain data."""

from typing import Protocol

import msgspec


class Stray(msgspec.Struct, frozen=True):
    """A device that answers to touchlink, and on which channel it was found.

    `factory_new` is one without a network, `own` one of this stick's; `rssi` (dBm) and `lqi` (0 to 255) are
    those of its answer.
    """

    ieee: str
    channel: int
    factory_new: bool
    own: bool
    pan_id: str
    extended_pan_id: str
    rssi: int
    lqi: int


class Touchlink(Protocol):
    """Each call takes the radio away from its network for a moment, at most a few seconds; commands wait meanwhile.

    Raises RadioError when the radio fails or cannot do this, UnreachableError when the device does not answer.
    """

    async def scan(self, channel: int) -> list[Stray]:
        """Ask on one channel who is near."""

    async def identify(self, ieee: str, channel: int, seconds: int) -> None:
        """Let a device show itself, as by blinking."""

    async def reset(self, ieee: str, channel: int) -> None:
        """Let a device show itself, and then forget its network."""
