"""Firmware images for devices, in plain data; no radio library is needed to know them."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

type Progress = Callable[[int], None]
"""Told up to which byte of the image the device has asked."""


class Image(msgspec.Struct, frozen=True):
    """A firmware image: `version` as devices compare it, `size` in bytes, `checksum` such as `sha256:…`."""

    version: int
    size: int
    checksum: str
    source: str
    notes: str = ""


class Offer(msgspec.Struct, frozen=True):
    """What a device runs, and the newer images that there are for it, the newest first."""

    device: str
    current: int
    manufacturer: int
    image_type: int
    images: Sequence[Image]


class Verdict(msgspec.Struct, frozen=True):
    """How serving an image ended: `done`, `stalled` (the device stopped asking), or why the device does not want it."""

    done: bool = False
    stalled: bool = False
    reason: str = ""


class Images(Protocol):
    """Raises a DeviceError when the device does not answer or takes no firmware, RadioError when the radio fails."""

    async def offer(self, ieee: str) -> Offer:
        """What there is for a device; it is asked what it runs."""

    async def serve(self, ieee: str, checksum: str, progress: Progress, *, notify: bool) -> Verdict:
        """Answer a device's requests for the image with this checksum until it has it or will not, or asks no more.

        With `notify` it is told first that there is one. A device asks by offset, and so goes on where it was.
        """

    def listen(self) -> None:
        """Answer requests for images that nobody agreed to from now on: there is none."""
