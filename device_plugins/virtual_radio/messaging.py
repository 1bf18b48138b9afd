"""EZSP commands that send, and the frames that arrive for the host."""

from collections.abc import Callable

from device_plugins.virtual_radio import addresses, topology, zdo
from device_plugins.virtual_radio.core import Command, Core, Values
from device_plugins.virtual_radio.device import ZDO_PROFILE, VirtualDevice
from device_plugins.virtual_radio.ezsp import Args
from device_plugins.virtual_radio.fragments import FRAGMENT, Incoming, Outgoing
from device_plugins.virtual_radio.latency import LatencyMeter
from device_plugins.virtual_radio.mesh import ACK_SHARE, Mesh, Parcel
from device_plugins.virtual_radio.wire import ApsFrame, Status

_OUT_MULTICAST, _OUT_BROADCAST = 3, 6
_IN_UNICAST, _IN_MULTICAST, _IN_BROADCAST = 0, 2, 4
_ROUTE_DISCOVERY = 0x0100
_RETRY = 0x0040
_NO_INDEX = 0xFF
_COORDINATOR_SERVER = 0x2C41
_SPECIFIC = 0x01
_FRAME_TYPE = 0x03
# What fits one frame on the air beside its headers, in bytes.
MAX_MESSAGE = 82


class Coordinator:
    """The NCP's own ZDO."""

    def __init__(self, core: Core, mesh: Mesh, move: Callable[[int, int], object]) -> None:
        self.short = addresses.COORDINATOR_NWK
        self.battery = False
        self.bindings: set[zdo.Binding] = set()
        self.node_descriptor = zdo.node_descriptor(kind=0, mains=True, manufacturer=0x1049, server=_COORDINATOR_SERVER)
        self._core = core
        self._mesh = mesh
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
        """Return whom it hears."""
        return self._mesh.neighbours(self.ieee)

    def routes(self) -> list[zdo.Route]:
        """Return its ways to distant routers."""
        return self._mesh.routes(self.ieee)

    def noise(self, channel: int) -> int:
        """Return the energy it measures on a channel."""
        return topology.noise(self.ieee, channel)

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

    def __init__(self, core: Core, mesh: Mesh, meter: LatencyMeter, move: Callable[[int, int], object]) -> None:
        self._core = core
        self._mesh = mesh
        self._meter = meter
        self._outgoing = Outgoing()
        self._incoming = Incoming(core.timers, self._pass_on)
        self.coordinator = Coordinator(core, mesh, move)
        self.table: dict[str, Command] = {
            "sendUnicast": self._unicast,
            "sendMulticast": self._multicast,
            "sendMulticastWithAlias": self._multicast,
            "sendBroadcast": self._broadcast,
            "sendReply": self._reply,
        }

    def reset(self) -> None:
        """Forget what was being put together or taken apart."""
        self._outgoing.clear()
        self._incoming.clear()

    def _unicast(self, args: Args) -> Values:
        if not self._core.up:
            return {"status": Status.NOT_JOINED}
        if len(args["message"]) > MAX_MESSAGE:
            return {"status": Status.MESSAGE_TOO_LONG}
        nwk, data, aps = args["nwk"], args["message"], args["aps_frame"]
        if not (aps.options & FRAGMENT and aps.group & 0xFF):  # all fragments of a message have the first one's number
            aps = aps._replace(sequence=self._core.next_frame())
        device = self._mesh.at(nwk)
        route_is_gone = self._route_is_gone(nwk)

        def told(ok: bool) -> None:  # noqa: FBT001 - a callback's argument
            self._sent(args, aps, nwk, Status.OK if ok else Status.DELIVERY_FAILED, 0)

        whole = self._outgoing.whole(nwk, aps, data)
        if nwk == addresses.COORDINATOR_NWK:
            self._core.timers.after(self._core.latency_s * ACK_SHARE, told, True)
            self._core.timers.after(self._core.latency_s, self._own, aps, data)
        elif device is None or route_is_gone or not self._core.listens:
            self._core.timers.after(self._core.latency_s * ACK_SHARE, told, False)
        elif whole is None:  # more fragments are to come
            self._core.timers.after(self._core.latency_s * ACK_SHARE, told, True)
        else:
            self._measure(device, aps, data)
            self._mesh.post(device, aps, whole, told, acked=bool(aps.options & _RETRY))
        return {"sequence": aps.sequence}

    def _measure(self, device: VirtualDevice, aps: ApsFrame, data: bytes) -> None:
        is_command = aps.profile != ZDO_PROFILE and data[:1] and data[0] & _FRAME_TYPE == _SPECIFIC
        if device.reachable and is_command:
            self._meter.arrived(device.ieee)

    def _route_is_gone(self, nwk: int) -> bool:
        """Whether the host gave a route for this message that leads nowhere; it is told so."""
        for relay in self._core.source_routes.pop(nwk, ()):
            router = self._mesh.at(relay)
            if router is None or router.battery or not router.reachable:
                self._core.later("incomingRouteErrorHandler", status=Status.SOURCE_ROUTE_FAILURE, target=nwk)
                return True
        return False

    def _multicast(self, args: Args) -> Values:
        args["message_type"] = _OUT_MULTICAST
        return self._cast(args, args["aps_frame"].group)

    def _broadcast(self, args: Args) -> Values:
        args["message_type"] = _OUT_BROADCAST
        return self._cast(args, args["destination"])

    def _cast(self, args: Args, target: int) -> Values:
        if not self._core.up:
            return {"status": Status.NOT_JOINED}
        aps: ApsFrame = args["aps_frame"]._replace(sequence=self._core.next_frame())
        self._sent(args, aps, target, Status.OK, self._core.latency_s * ACK_SHARE)
        if self._core.listens:
            self._mesh.cast(aps, args["message"], target=target)
        if aps.profile == ZDO_PROFILE:
            # The stack hears the broadcasts it sends: permission to join, a change of channel, a search for an address.
            self._core.timers.after(self._core.latency_s, self._own_cast, aps, args["message"])
        return {"sequence": aps.sequence}

    def _reply(self, args: Args) -> Values:
        if args["aps_frame"].options & FRAGMENT:
            self._incoming.acknowledged(args["nwk"], args["aps_frame"])
        return {}

    def _sent(self, args: Args, aps: ApsFrame, target: int, status: Status, delay: float) -> None:
        values = {
            "status": status,
            "message_type": args["message_type"],
            "nwk": target,
            "aps_frame": aps,
            "message_tag": args["message_tag"],
        }
        self._core.timers.after(delay, self._core.surroundings.callback, "messageSentHandler", values)

    def _own(self, aps: ApsFrame, data: bytes) -> None:
        if aps.profile != ZDO_PROFILE:
            return
        answer = zdo.answer(self.coordinator, aps.cluster, data)
        if answer is not None and self._core.up:
            response = ApsFrame(ZDO_PROFILE, aps.cluster | zdo.RESPONSE, 0, 0, _ROUTE_DISCOVERY, 0, 0)
            values = {
                "message_type": _IN_UNICAST,
                "aps_frame": response._replace(sequence=self._core.next_frame()),
                "nwk": addresses.COORDINATOR_NWK,
                "eui64": addresses.as_bytes(self.coordinator.ieee),
                "binding_index": _NO_INDEX,
                "address_index": _NO_INDEX,
                "lqi": 255,
                "message": answer,
            }
            self._core.surroundings.callback("incomingMessageHandler", values)

    def _own_cast(self, aps: ApsFrame, data: bytes) -> None:
        if aps.cluster == zdo.Request.NWK_ADDRESS:
            self._own(aps, data)
        else:
            zdo.answer(self.coordinator, aps.cluster, data)

    def arrived(self, sender: VirtualDevice, parcel: Parcel) -> None:
        """Bring a frame that came over the air to the host."""
        if not self._core.listens or not self._concerns_host(parcel):
            return
        self._record_route(sender)
        lqi, rssi = self._mesh.link(sender)
        kind = _IN_MULTICAST if parcel.aps.group else _IN_BROADCAST if parcel.broadcast else _IN_UNICAST
        values = {
            "message_type": kind,
            "aps_frame": parcel.aps._replace(options=_ROUTE_DISCOVERY, sequence=self._core.next_frame()),
            "nwk": sender.short,
            "eui64": addresses.as_bytes(sender.ieee),
            "binding_index": _NO_INDEX,
            "address_index": _NO_INDEX,
            "lqi": lqi,
            "rssi": rssi,
            "message": parcel.data,
        }
        if len(parcel.data) > MAX_MESSAGE and kind == _IN_UNICAST:
            self._incoming.begin(values)
        else:
            self._pass_on(values)

    def _pass_on(self, values: Values) -> None:
        ieee = addresses.as_text(bytes(values["eui64"]))  # type: ignore[call-overload]
        self._core.surroundings.callback("incomingMessageHandler", values, self._meter.leaving(ieee))

    def _concerns_host(self, parcel: Parcel) -> bool:
        """A group's frame is for the host only if one of its endpoints is a member."""
        group = parcel.aps.group
        entries = self._core.multicast.values()
        return not group or any(one.get("multicastId") == group and one.get("endpoint") for one in entries)

    def _record_route(self, sender: VirtualDevice) -> None:
        """Tell a concentrator's host, once, which way the frames of a device come."""
        if not self._core.concentrates or sender.ieee in self._core.recorded:
            return
        self._core.recorded.add(sender.ieee)
        lqi, rssi = self._mesh.link(sender)
        values = {
            "source": sender.short,
            "sourceEui": addresses.as_bytes(sender.ieee),
            "lqi": lqi,
            "rssi": rssi,
            "relayList": self._mesh.relays(sender),
        }
        self._core.surroundings.callback("incomingRouteRecordHandler", values)
