"""Services about devices near the stick that are on another network: find them, let them show themselves, free them."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec

from device_plugins.sdk import InvalidValueError
from device_plugins.zigbee.base import PREFIX, ZigbeePlugin
from device_plugins.zigbee.network import Channel
from device_plugins.zigbee.touchlink import Stray
from hub.api import Limits, service

# Those on which most devices are first.
_CHANNELS = (11, 15, 20, 25, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24, 26)
# Between two channels the network gets this long (s): for commands that waited, and for what devices say again.
_PAUSE_S = 0.5
_IEEE = re.compile(r"[0-9a-f]{16}")

type SomeChannels = Annotated[list[Channel], msgspec.Meta(max_length=len(_CHANNELS))]
type Ieee = Annotated[str, msgspec.Meta(max_length=32)]
type Shown = Annotated[int, msgspec.Meta(ge=1, le=60)]


class TouchlinkStep(msgspec.Struct, frozen=True):
    """One channel was asked: it is number `asked` `of` all, and these devices answered there."""

    channel: int
    asked: int
    of: int
    found: list[Stray]


class TouchlinkServices(ZigbeePlugin):
    """`zigbee.touchlink_scan`, `.touchlink_identify`, `.touchlink_reset`."""

    @service(limits=Limits(concurrency=1))
    async def touchlink_scan(self, channels: SomeChannels | None = None) -> AsyncIterator[TouchlinkStep]:
        """Look for devices near the stick that answer to touchlink, channel by channel; none given: on all.

        It changes nothing on them. Each channel takes the radio away from the network for about half a second.
        """
        await self.whole()
        wanted = [*dict.fromkeys(channels or _CHANNELS)]
        for asked, channel in enumerate(wanted, 1):
            if asked > 1:
                await self.ctx.clock.sleep(_PAUSE_S)
            found = await self.ready_radio().touchlink.scan(channel)
            yield TouchlinkStep(channel, asked, len(wanted), found)

    @service(limits=Limits(concurrency=1))
    async def touchlink_identify(self, ieee: Ieee, channel: Channel, seconds: Shown = 10) -> None:
        """Let a device that a scan found on this channel show itself, as by blinking."""
        await self.whole()
        await self.ready_radio().touchlink.identify(_address(ieee), channel, seconds)

    @service(limits=Limits(concurrency=1))
    async def touchlink_reset(self, ieee: Ieee, channel: Channel) -> None:
        """Let a device that a scan found on this channel forget the network it is on, so that it can be paired.

        Whoever runs that network loses it. A device does not confirm this: it was asked when this returns.
        """
        await self.whole()
        address, radio = _address(ieee), self.ready_radio()
        if (known := self.roster.known.get(address)) is not None:
            is_here = channel == radio.info().channel and not known.record.left
            raise InvalidValueError(
                f"{known.id} is on this network; remove it with `hub devices remove {known.id}` instead"
                if is_here
                else f"the hub still has {known.id}; remove it first, with `hub devices remove {known.id}`",
                device=known.id,
            )
        await radio.touchlink.reset(address, channel)


def _address(text: str) -> str:
    found = text.lower().removeprefix(PREFIX).replace(":", "")
    if not _IEEE.fullmatch(found):
        raise InvalidValueError(f"{text!r} is no IEEE address; it has 16 hex digits, such as 00158d0001a2b3c4")
    return found
