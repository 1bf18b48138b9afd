"""The air: which frame reaches whom, how long it takes, what is lost on the way, and what waits for a sleeper."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from device_plugins.virtual_radio import addresses
from device_plugins.virtual_radio.device import VirtualDevice
from device_plugins.virtual_radio.faults import Faults
from device_plugins.virtual_radio.nvm import Network
from device_plugins.virtual_radio.timers import Timers
from device_plugins.virtual_radio.topology import Place, Topology
from device_plugins.virtual_radio.wire import ApsFrame
from device_plugins.virtual_radio.zdo import EVERYONE, Neighbour, Relation, Route

# A frame whose acknowledgement is asked for is sent this often, this many seconds apart.
TRIES = 3
ACK_TIMEOUT_S = 1.6
# A parent keeps a frame for its sleeping child this long.
INDIRECT_S = 7.68
# What a device may have to send; beyond, the oldest are lost.
MAX_OUTBOX = 32
# The acknowledgement comes back in this part of a device's latency.
ACK_SHARE = 0.4
_HOP_RSSI_BEST, _RSSI_A_STEP = -30, 4


@dataclass(frozen=True, slots=True)
class Parcel:
    """A frame on its way from a device: `to` is an IEEE address, nothing for the coordinator; or to all who listen."""

    aps: ApsFrame
    data: bytes
    to: str = ""
    broadcast: bool = False


class Centre(Protocol):
    """The coordinator, as far as the air is concerned."""

    @property
    def ieee(self) -> str:
        """Its IEEE address."""

    @property
    def network(self) -> Network | None:
        """Its network."""

    @property
    def listens(self) -> bool:
        """Whether its network is up."""

    @property
    def latency(self) -> float:
        """Seconds a frame takes to be heard by a device."""

    def take(self, sender: VirtualDevice, parcel: Parcel) -> None:
        """Take a frame that came over the air."""


class Mesh:
    """All devices, on the shelf (`devices`, by IEEE address) and on the network of the coordinator."""

    def __init__(self, timers: Timers, faults: Faults) -> None:
        self.devices: dict[str, VirtualDevice] = {}
        self._timers = timers
        self._faults = faults
        self._centre: Centre | None = None
        self._known: tuple[frozenset[tuple[str, str]], Topology] | None = None

    def open(self, centre: Centre) -> None:
        """Take the coordinator whose network it is."""
        self._centre = centre

    @property
    def centre(self) -> Centre:
        """The coordinator."""
        if self._centre is None:
            raise RuntimeError("the air has no coordinator yet")
        return self._centre

    # -- who is there ----------------------------------------------------------------------------------------------

    def is_joined(self, device: VirtualDevice) -> bool:
        """Whether a device is on the coordinator's network."""
        network = self.centre.network
        return network is not None and device.network == network.identity

    def joined(self) -> list[VirtualDevice]:
        """Return the devices on the network."""
        return [device for device in self.devices.values() if self.is_joined(device)]

    def at(self, nwk: int) -> VirtualDevice | None:
        """Return the device with this short address."""
        return next((one for one in self.devices.values() if one.short == nwk and self.is_joined(one)), None)

    def nwk_of(self, eui64: bytes) -> int | None:
        """Return the short address of a joined device."""
        device = self.devices.get(addresses.as_text(eui64))
        return device.short if device is not None and self.is_joined(device) else None

    def eui64_of(self, nwk: int) -> bytes | None:
        """Return the IEEE address of a joined device."""
        device = self.at(nwk)
        return None if device is None else addresses.as_bytes(device.ieee)

    def children(self) -> list[tuple[bytes, int]]:
        """Return the coordinator's children: the joined end devices that have no other parent."""
        topology, own = self.topology, self.centre.ieee
        return [
            (addresses.as_bytes(device.ieee), device.short)
            for device in self.joined()
            if device.battery and topology.parent(device.ieee) == own
        ]

    # -- how the mesh lies -----------------------------------------------------------------------------------------

    @property
    def topology(self) -> Topology:
        """Who hears whom."""
        joined = self.joined()
        key = frozenset((device.ieee, device.parent) for device in joined)
        if self._known is None or self._known[0] != key or self._known[1].coordinator != self.centre.ieee:
            places = [Place(device.ieee, not device.battery) for device in joined]
            chosen = {device.ieee: device.parent for device in joined if device.parent}
            self._known = key, Topology(self.centre.ieee, places, chosen)
        return self._known[1]

    def link(self, device: VirtualDevice) -> tuple[int, int]:
        """Return the LQI and the RSSI (dBm) of the last hop from a device to the coordinator."""
        topology = self.topology
        last = next(reversed(topology.relays(device.ieee)), device.ieee)
        lqi = topology.lqi(last, self.centre.ieee)
        return lqi, _HOP_RSSI_BEST - (255 - lqi) // _RSSI_A_STEP

    def relays(self, device: VirtualDevice) -> list[int]:
        """Return the short addresses on the way from a device to the coordinator, the nearest to the device first."""
        return [self.devices[ieee].short for ieee in self.topology.relays(device.ieee)]

    def parent_nwk(self, device: VirtualDevice) -> int:
        """Return the short address of a device's parent."""
        parent = self.devices.get(self.topology.parent(device.ieee))
        return addresses.COORDINATOR_NWK if parent is None else parent.short

    def neighbours(self, ieee: str) -> list[Neighbour]:
        """Return whom a node hears, for its neighbour table."""
        topology = self.topology
        found = []
        for other in topology.neighbours(ieee):
            device = self.devices.get(other)
            nwk = addresses.COORDINATOR_NWK if device is None else device.short
            kind = 0 if device is None else 2 if device.battery else 1
            listens = device is None or not device.battery
            found.append(
                Neighbour(other, nwk, kind, listens, topology.lqi(ieee, other), self._relation(ieee, other),
                          topology.depth(other))
            )  # fmt: skip
        return found

    def routes(self, ieee: str) -> list[Route]:
        """Return a node's routing table: a router's way to the coordinator, the coordinator's to distant routers."""
        topology = self.topology
        if ieee != self.centre.ieee:
            hop = self.devices.get(topology.parent(ieee))
            next_hop = addresses.COORDINATOR_NWK if hop is None else hop.short
            return [] if self.devices[ieee].battery else [Route(addresses.COORDINATOR_NWK, next_hop)]
        distant = [device for device in self.joined() if not device.battery and topology.relays(device.ieee)]
        return [Route(device.short, self.relays(device)[-1]) for device in distant]

    def _relation(self, ieee: str, other: str) -> Relation:
        topology = self.topology
        if topology.parent(ieee) == other and ieee != topology.coordinator:
            return Relation.PARENT
        if topology.parent(other) == ieee and other != topology.coordinator:
            return Relation.CHILD
        return Relation.SIBLING

    # -- from a device ---------------------------------------------------------------------------------------------

    def send(self, sender: VirtualDevice, parcel: Parcel) -> None:
        """Carry a frame, in the order in which the device sends, trying again what is lost."""
        box = sender.outbox
        box.append(parcel)
        if len(box) > MAX_OUTBOX:
            del box[1]  # the first is being sent
        if len(box) == 1:
            self._work(sender, TRIES)

    def _work(self, sender: VirtualDevice, left: int) -> None:
        box = sender.outbox
        while box:
            if not sender.reachable or not self.is_joined(sender):
                box.clear()
                return
            if self._passes(box[0]):
                self._hand_over(sender, box[0])
            elif left > 1:
                self._timers.after(self._retry_s, self._work, sender, left - 1)
                return
            if box:
                box.popleft()
            left = TRIES

    def _passes(self, parcel: Parcel) -> bool:
        if self._faults.lost():
            return False
        if parcel.aps.group:
            return True
        if parcel.to in {"", self.centre.ieee}:
            return self.centre.listens
        target = self.devices.get(parcel.to)
        return target is not None and target.reachable and self.is_joined(target)

    def _hand_over(self, sender: VirtualDevice, parcel: Parcel) -> None:
        sender.sleep.rouse()
        if parcel.aps.group:
            self.cast(parcel.aps, parcel.data, sender)
        if parcel.aps.group or parcel.to in {"", self.centre.ieee}:
            if self.centre.listens:
                self.centre.take(sender, parcel)
            return
        target = self.devices[parcel.to]
        wait = target.sleep.wait()
        if wait <= INDIRECT_S:
            self._timers.after(wait + self._delay(target), self._deliver, target, parcel.aps, parcel.data, sender.ieee)

    # -- to a device -----------------------------------------------------------------------------------------------

    def post(
        self, device: VirtualDevice, aps: ApsFrame, data: bytes, told: Callable[[bool], object], *, acked: bool
    ) -> None:
        """Carry a frame of the coordinator; `told` hears whether it came through.

        With `acked` that is known, and it is sent again if not; else a frame lost on the way counts as sent.
        """
        self._post(device, aps, data, told, TRIES if acked else 0)

    def _post(
        self, device: VirtualDevice, aps: ApsFrame, data: bytes, told: Callable[[bool], object], left: int
    ) -> None:
        wait = device.sleep.wait()
        delay = self._delay(device)
        if not device.reachable or self._faults.lost():
            if left > 1:
                self._timers.after(self._retry_s, self._post, device, aps, data, told, left - 1)
            else:
                self._timers.after(delay * ACK_SHARE, told, device.reachable and not left)
        elif wait > INDIRECT_S:
            self._timers.after(INDIRECT_S, told, False)
        else:
            self._timers.after(wait + delay * ACK_SHARE, told, True)
            self._timers.after(wait + delay, self._deliver, device, aps, data, "")

    def cast(self, aps: ApsFrame, data: bytes, sender: VirtualDevice | None = None, target: int = EVERYONE) -> None:
        """Carry a frame to a group's members, or to all; sleepers hear only what is meant for everyone."""
        source = "" if sender is None else sender.ieee
        for device in self.joined():
            if device is sender or not device.reachable or self._lost_for_all():
                continue
            sleeps = device.sleep.wait()
            if sleeps and (aps.group or target != EVERYONE or sleeps > INDIRECT_S):
                continue
            for own in _copies(device, aps):
                self._timers.after(sleeps + self._delay(device), self._deliver_cast, device, own, data, source)

    def loses(self) -> bool:
        """Whether a frame that belongs to no network is lost."""
        return self._faults.lost()

    def _lost_for_all(self) -> bool:
        """Whether all the repetitions of a broadcast are lost for one node."""
        return all(self._faults.lost() for _ in range(TRIES))

    @property
    def _retry_s(self) -> float:
        return ACK_TIMEOUT_S if self.centre.latency else 0.0

    def _delay(self, device: VirtualDevice) -> float:
        return self.centre.latency if device.latency_s is None else device.latency_s

    def _deliver(self, device: VirtualDevice, aps: ApsFrame, data: bytes, sender: str) -> None:
        if device.reachable:
            device.sleep.rouse()
            device.hear(aps, data, sender=sender)

    def _deliver_cast(self, device: VirtualDevice, aps: ApsFrame, data: bytes, sender: str) -> None:
        if device.reachable:
            device.hear(aps, data, sender=sender, alone=False)


def _copies(device: VirtualDevice, aps: ApsFrame) -> list[ApsFrame]:
    if not aps.group or aps.profile == 0:
        return [aps]
    members = sorted(endpoint for endpoint, group in device.groups if group == aps.group)
    return [aps._replace(destination_endpoint=endpoint) for endpoint in members]
