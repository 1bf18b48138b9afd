"""EZSP commands that send, and the frames that arrive for the host."""

from collections.abc import Callable
from typing import Protocol

from device_plugins.virtual_radio import addresses, zdo
from device_plugins.virtual_radio.core import Command, Core, Values
from device_plugins.virtual_radio.device import ZDO_PROFILE, VirtualDevice
from device_plugins.virtual_radio.ezsp import Args
from device_plugins.virtual_radio.latency import LatencyMeter
from device_plugins.virtual_radio.wire import ApsFrame, Status

_OUT_MULTICAST, _OUT_BROADCAST = 3, 6
_IN_UNICAST, _IN_BROADCAST = 0, 4
_ROUTE_DISCOVERY = 0x0100
_NO_INDEX = 0xFF
_LQI, _RSSI = 220, -55
_COORDINATOR_SERVER = 0x2C41
_SPECIFIC = 0x01
_FRAME_TYPE = 0x03
# The acknowledgement comes back in this part of a device's latency.
_ACK_SHARE = 0.4


class Devices(Protocol):
    """Who is on the network."""

    def joined(self) -> list[VirtualDevice]:
        """Return all."""

    def at(self, nwk: int) -> VirtualDevice | None:
        """Return the one with this short address."""


class Coordinator:
    """The NCP's own ZDO."""

    def __init__(self, core: Core, devices: Devices, move: Callable[[int, int], object]) -> None:
        self.short = addresses.COORDINATOR_NWK
        self.battery = False
        self.bindings: set[zdo.Binding] = set()
        self.node_descriptor = zdo.node_descriptor(kind=0, mains=True, manufacturer=0x1049, server=_COORDINATOR_SERVER)
        self._core = core
        self._devices = devices
        self._move = move

    @property
    def ieee(self) -> str:
        """Its IEEE address."""
        return self._core.nvm.address

    @property
    def descriptors(self) -> dict[int, zdo.SimpleDescriptor]:
        """The endpoints the host registered."""
        return self._core.endpoints

    def neighbours(self) -> list[zdo.Neighbour]:
        """Return every joined device: this network is a star."""
        return [
            zdo.Neighbour(device.ieee, device.short, not device.battery, not device.battery, _LQI)
            for device in self._devices.joined()
        ]

    def bind(self, binding: zdo.Binding) -> zdo.Status:
        """Refuse: the host keeps its own bindings."""
        del binding
        return zdo.Status.NOT_SUPPORTED

    unbind = bind

    def asked_to_leave(self, *, rejoin: bool) -> None:
        """Stay: it is the network."""

    def asked_to_permit(self, seconds: int) -> None:
        """Let others join."""
        self._core.permit(seconds)

    def asked_to_move(self, channel: int, update_id: int) -> None:
        """Change the channel of the network."""
        self._move(channel, update_id)


class MessageCommands:
    """The commands, by name in `table`."""

    def __init__(self, core: Core, devices: Devices, meter: LatencyMeter, move: Callable[[int, int], object]) -> None:
        self._core = core
        self._devices = devices
        self._meter = meter
        self.coordinator = Coordinator(core, devices, move)
        self.table: dict[str, Command] = {
            "sendUnicast": self._unicast,
            "sendMulticast": self._multicast,
            "sendMulticastWithAlias": self._multicast,
            "sendBroadcast": self._broadcast,
            "sendReply": lambda _: {},
        }

    def _unicast(self, args: Args) -> Values:
        if not self._core.up:
            return {"status": Status.NOT_JOINED}
        nwk, data = args["nwk"], args["message"]
        aps = args["aps_frame"]._replace(sequence=self._core.next_frame())
        device = self._devices.at(nwk)
        heard = nwk == addresses.COORDINATOR_NWK or (device is not None and device.reachable)
        delay = self._delay(device)
        is_command = aps.profile != ZDO_PROFILE and data[:1] and data[0] & _FRAME_TYPE == _SPECIFIC
        if device is not None and heard and is_command:
            self._meter.arrived(device.ieee)
        self._sent(args, aps, nwk, Status.OK if heard else Status.DELIVERY_FAILED, delay * _ACK_SHARE)
        if device is not None and heard:
            self._core.timers.after(delay, self._deliver, device, aps, data)
        elif heard:
            self._core.timers.after(delay, self._own, aps, data)
        return {"sequence": aps.sequence}

    def _multicast(self, args: Args) -> Values:
        group = args["aps_frame"].group
        args["message_type"] = _OUT_MULTICAST
        return self._cast(args, group, [d for d in self._devices.joined() if any(g == group for _, g in d.groups)])

    def _broadcast(self, args: Args) -> Values:
        args["message_type"] = _OUT_BROADCAST
        return self._cast(args, args["destination"], self._devices.joined())

    def _cast(self, args: Args, target: int, devices: list[VirtualDevice]) -> Values:
        if not self._core.up:
            return {"status": Status.NOT_JOINED}
        aps: ApsFrame = args["aps_frame"]._replace(sequence=self._core.next_frame())
        self._sent(args, aps, target, Status.OK, self._core.latency_s * _ACK_SHARE)
        for device in devices:
            if device.reachable:
                for own in self._copies(device, aps):
                    self._core.timers.after(self._delay(device), self._deliver_cast, device, own, args["message"])
        if aps.profile == ZDO_PROFILE:
            # The stack hears the broadcasts it sends: permission to join, a change of channel, a search for an address.
            self._core.timers.after(self._core.latency_s, self._own_cast, aps, args["message"])
        return {"sequence": aps.sequence}

    def _copies(self, device: VirtualDevice, aps: ApsFrame) -> list[ApsFrame]:
        if not aps.group or aps.profile == ZDO_PROFILE:
            return [aps]
        members = sorted(endpoint for endpoint, group in device.groups if group == aps.group)
        return [aps._replace(destination_endpoint=endpoint) for endpoint in members]

    def _sent(self, args: Args, aps: ApsFrame, target: int, status: Status, delay: float) -> None:
        values = {
            "status": status,
            "message_type": args["message_type"],
            "nwk": target,
            "aps_frame": aps,
            "message_tag": args["message_tag"],
        }
        self._core.timers.after(delay, self._core.surroundings.callback, "messageSentHandler", values)

    def _delay(self, device: VirtualDevice | None) -> float:
        own = None if device is None else device.latency_s
        return self._core.latency_s if own is None else own

    def _deliver(self, device: VirtualDevice, aps: ApsFrame, data: bytes) -> None:
        if device.reachable:
            device.hear(aps, data)

    def _deliver_cast(self, device: VirtualDevice, aps: ApsFrame, data: bytes) -> None:
        if device.reachable:
            device.hear(aps, data, alone=False)

    def _own(self, aps: ApsFrame, data: bytes) -> None:
        if aps.profile != ZDO_PROFILE:
            return
        answer = zdo.answer(self.coordinator, aps.cluster, data)
        if answer is not None:
            response = ApsFrame(ZDO_PROFILE, aps.cluster | zdo.RESPONSE, 0, 0, 0, 0, 0)
            self.arrived(addresses.COORDINATOR_NWK, self.coordinator.ieee, response, answer)

    def _own_cast(self, aps: ApsFrame, data: bytes) -> None:
        if aps.cluster == zdo.Request.NWK_ADDRESS:
            self._own(aps, data)
        else:
            zdo.answer(self.coordinator, aps.cluster, data)

    def arrived(self, nwk: int, ieee: str, aps: ApsFrame, data: bytes, *, broadcast: bool = False) -> None:
        """Bring a frame that came over the air to the host."""
        if not self._core.up:
            return
        values = {
            "message_type": _IN_BROADCAST if broadcast else _IN_UNICAST,
            "aps_frame": aps._replace(options=_ROUTE_DISCOVERY, sequence=self._core.next_frame()),
            "nwk": nwk,
            "eui64": addresses.as_bytes(ieee),
            "binding_index": _NO_INDEX,
            "address_index": _NO_INDEX,
            "lqi": _LQI,
            "rssi": _RSSI,
            "message": data,
        }
        self._core.surroundings.callback("incomingMessageHandler", values, self._meter.leaving(ieee))
