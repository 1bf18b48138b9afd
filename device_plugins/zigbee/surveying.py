"""Services about the network as a whole: who may join, its map, its links, its channel."""

import math
from collections import defaultdict
from typing import Annotated

import msgspec

from device_plugins.zigbee.base import PREFIX, ZigbeePlugin
from device_plugins.zigbee.entrance import PERMIT_MOST, read_code
from device_plugins.zigbee.management import CHANNELS, Kind
from device_plugins.zigbee.network import Channel, RadioError
from device_plugins.zigbee.topology import MapProgress, NetworkMap, Survey
from hub.api import Context, Limits, service

_SCANS_MOST = 10
# Between two scans the network gets this long (s) to say what it had to keep to itself.
_SCAN_PAUSE = 1.0
_FULL = 255.0

type PermitSeconds = Annotated[int, msgspec.Meta(ge=0, le=PERMIT_MOST)]
type Scans = Annotated[int, msgspec.Meta(ge=1, le=_SCANS_MOST)]
type Pause = Annotated[float, msgspec.Meta(ge=0.1, le=60)]


class ChannelEnergy(msgspec.Struct, frozen=True):
    """How busy a channel is: mean, least and most of several scans, 0 (silence) to 100 %; `own` is the network's."""

    channel: int
    energy: float
    least: float
    most: float
    own: bool


class ChannelChange(msgspec.Struct, frozen=True):
    """A change of channel: `sleepers` are the devices on battery, which follow when they next wake up."""

    before: int
    channel: int
    sleepers: int


class DeviceLink(msgspec.Struct, frozen=True):
    """How well a device is heard: `lqi` and `rssi` of its last message, and what the map says of its parent."""

    device: str
    kind: Kind
    lqi: int | None
    rssi: int | None
    parent: str = ""
    parent_lqi: int | None = None
    age: float | None = None


class NetworkServices(ZigbeePlugin):
    """`zigbee.permit`, `.admit`, `.map…`, `.link_quality`, `.energy`, `.change_channel`."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.survey = Survey(ctx, self.management)

    @service
    async def permit(self, seconds: PermitSeconds = 60, via: str = "") -> None:
        """Let devices join for so many seconds, 0 for no longer; with `via` only through that device, a router.

        It belongs to no pairing session: `devices.pair` is the way to see what joins.
        """
        await self.whole()
        if via:
            await self.management().permit_through(await self.ieee_of(via), seconds)
        else:
            await self.ready_radio().permit(seconds)

    @service
    async def admit(self, code: str, ieee: str = "", seconds: PermitSeconds = PERMIT_MOST) -> str:
        """Let a device join with its install code: the text of its QR code, or the code in hex and its IEEE address.

        Returns the address. Meanwhile devices without an install code cannot join.
        """
        await self.whole()
        who = read_code(code, ieee)
        await self.management().admit(who, seconds)
        return who.ieee

    @service
    async def map(self) -> NetworkMap:
        """Show the network as its routers told of it when they were last asked; `zigbee.map_refresh` asks them."""
        places = self.management().places() if self.radio is not None else []
        return self.survey.view(places, {*self.devices})

    @service
    async def map_refresh(self, pause: Pause = 1.0) -> MapProgress:
        """Begin to ask all routers for their neighbours, one question at a time, `pause` seconds apart.

        It goes on behind all other traffic; the events `zigbee.map` and `zigbee/map` in state say how far it is.
        """
        await self.whole()
        self.management()
        self.survey.start(pause)
        return self.survey.progress

    @service
    async def map_cancel(self) -> None:
        """End the walk over the network; what it has found stays."""
        self.survey.cancel("it was ended")

    @service
    async def link_quality(self) -> list[DeviceLink]:
        """Show how well each device is heard, by the coordinator's last message of it and by its parent."""
        await self.whole()
        management = self.management()
        seen = self.survey.view(management.places(), {*self.devices})
        links = defaultdict(list)
        for link in seen.links:
            if link.relation == "child":
                links[link.target].append((link.age, link.source, link.lqi))
            elif link.relation == "parent":
                links[link.source].append((link.age, link.target, link.lqi))
        found = []
        for place in management.places()[1:]:
            age, parent, lqi = min(links[place.ieee], default=(None, "", None))
            found.append(DeviceLink(PREFIX + place.ieee, place.kind, place.lqi, place.rssi, parent, lqi, age))
        return found

    @service(limits=Limits(concurrency=1))
    async def energy(self, scans: Scans = 3) -> list[ChannelEnergy]:
        """Listen on every channel, `scans` times; a scan takes the radio away from the network for about 4 seconds."""
        await self.whole()
        management = self.management()
        heard: dict[int, list[float]] = {}
        for scan in range(scans):
            if scan:
                await self.ctx.clock.sleep(_SCAN_PAUSE)
            for channel, energy in (await management.energy(CHANNELS)).items():
                heard.setdefault(channel, []).append(round(energy * 100 / _FULL, 1))
        own = self.ready_radio().info().channel
        return [
            ChannelEnergy(channel, round(math.fsum(of) / len(of), 1), min(of), max(of), channel == own)
            for channel, of in sorted(heard.items())
        ]

    @service(limits=Limits(concurrency=1))
    async def change_channel(self, channel: Channel) -> ChannelChange:
        """Move the network to another channel: all devices are told, then the coordinator follows.

        Devices that sleep find it when they next wake up, which may take minutes; a few must be paired anew.
        """
        await self.whole()
        radio = self.ready_radio()
        before = radio.info().channel
        if channel != before:
            await radio.management.move(channel)
            await radio.flush()
        if (now := self.ready_radio().info().channel) != channel:
            raise RadioError(f"the radio stayed on channel {now}")
        sleepers = sum(not known.record.signature.mains for known in self.roster.known.values())
        return ChannelChange(before, channel, sleepers)
