"""The quick way out: a unicast's EZSP frame written in one go, past the packets and structures of zigpy and bellows.

Limits, locks, message tags, time-outs and retries stay theirs. What is not a plain unicast goes their way.
"""

import asyncio
import logging
from collections.abc import Mapping
from struct import Struct
from typing import Any, NamedTuple

import bellows.types
import zigpy.exceptions
import zigpy.types as zt
from bellows.ezsp.xncp import FirmwareFeatures
from bellows.zigbee.application import MESSAGE_SEND_TIMEOUT_BATTERY as _BATTERY
from bellows.zigbee.application import MESSAGE_SEND_TIMEOUT_MAINS as _MAINS

from device_plugins.zigbee.fastezsp import OLDEST
from device_plugins.zigbee.plainframes import ROUTE_DISCOVERY, unicast_layout
from device_plugins.zigbee.plainframes import unicast as unicast_fields

t: Any = bellows.types  # its types are partial
LOG = logging.getLogger("hub.zigbee")

_COMMAND = "sendUnicast"
_OTHERWISE = "This version of bellows writes sendUnicast in another way, commands are slower: %s"
_RETRY = 0x0040
_MOST = 0xFF
NORMAL = int(zt.PacketPriority.NORMAL)
_SPECIAL = ("use_ieee", "force_route_discovery", "aps_encryption")
_PLAIN = {
    *("profile", "cluster", "src_ep", "dst_ep", "sequence", "data"),
    *("expect_reply", "extended_timeout", "ask_for_ack", "priority"),
    *_SPECIAL,
}

TOUCHED = ("_limit_concurrency", "_pending_requests", "_req_lock", "_ezsp")


class Unicast(NamedTuple):
    """A plain unicast, as zigpy asks for it."""

    profile: int
    cluster: int
    source: int
    target: int
    counter: int
    data: bytes
    is_extended: bool
    is_acknowledged: bool
    priority: int | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Unicast | None":
        """What `ControllerApplication.request` is given; None if that is more than a plain unicast."""
        if options.keys() - _PLAIN or any(options.get(name) for name in _SPECIAL):
            return None
        asked = options.get("ask_for_ack")
        return cls(
            profile=options["profile"],
            cluster=options["cluster"],
            source=options["src_ep"],
            target=options["dst_ep"],
            counter=options["sequence"],
            data=options["data"],
            is_extended=bool(options.get("extended_timeout")),
            is_acknowledged=bool(not options.get("expect_reply", True) if asked is None else asked),
            priority=options.get("priority", NORMAL),
        )


class FastSender:
    """Sends unicasts of one application."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - bellows is untyped
        self._app = app
        self._protocol: Any = None
        self._layout: Struct | None = None

    def can_send(self, data: bytes) -> bool:
        """Whether a plain unicast may go the quick way now."""
        app, ezsp = self._app, self._app._ezsp  # noqa: SLF001 - checked when the radio opens
        if ezsp is None or not app.is_controller_running or len(data) > _MOST or app.config["source_routing"]:
            return False
        protocol = getattr(ezsp, "_protocol", None)
        if protocol is not self._protocol:  # a reset makes a new one
            self._protocol, self._layout = protocol, None
            try:
                self._adopt(ezsp, protocol)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                LOG.warning(_OTHERWISE, error)
        return self._layout is not None

    async def send(
        self,
        device: Any,  # noqa: ANN401 - zigpy's device
        unicast: Unicast,
    ) -> None:
        """Send, and return when the stick has delivered it.

        Raises DeliveryError, or TimeoutError when the stick says nothing.
        """
        app: Any = self._app
        async with app._limit_concurrency(priority=unicast.priority):  # noqa: SLF001 - checked when the radio opens
            tag = app.get_sequence()
            pending = device.nwk, tag
            waiting = app._pending_requests  # noqa: SLF001 - checked when the radio opens
            if pending in waiting:
                raise zigpy.exceptions.DeliveryError(f"a message with tag {pending} is under way already")
            sent = waiting[pending] = asyncio.get_running_loop().create_future()
            try:
                await self._hand_over(device, unicast, tag)
                async with asyncio.timeout(_BATTERY if unicast.is_extended else _MAINS):
                    status, _ = await sent
                if t.sl_Status.from_ember_status(status) != t.sl_Status.OK:
                    raise zigpy.exceptions.DeliveryError(f"Failed to deliver message: {status!r}", status)
            finally:
                del waiting[pending]

    async def _hand_over(
        self,
        device: Any,  # noqa: ANN401 - zigpy's device
        unicast: Unicast,
        tag: int,
    ) -> None:
        ezsp = self._app._ezsp  # noqa: SLF001 - checked when the radio opens
        async with self._app._req_lock:  # noqa: SLF001 - checked when the radio opens
            await ezsp.set_extended_timeout(
                nwk=device.nwk, ieee=device.ieee, extended_timeout=unicast.is_extended and not unicast.is_acknowledged
            )
            if not self.can_send(unicast.data):
                raise zigpy.exceptions.DeliveryError("The stick was reset meanwhile")
            status, _ = await self._protocol.command(_COMMAND, self._written(device.nwk, unicast, tag))
        if t.sl_Status.from_ember_status(status) != t.sl_Status.OK:
            raise zigpy.exceptions.DeliveryError(f"Failed to enqueue message: {status!r}", status)

    def _written(self, short: int, unicast: Unicast, tag: int) -> bytes:
        assert self._layout is not None  # noqa: S101 - see can_send
        options = ROUTE_DISCOVERY | (_RETRY if unicast.is_acknowledged else 0)
        route = unicast.profile, unicast.cluster, unicast.source, unicast.target
        return unicast_fields(self._layout, short, route, options, (unicast.counter, tag), unicast.data)

    def _adopt(self, ezsp: Any, protocol: Any) -> None:  # noqa: ANN401 - bellows is untyped
        """Let a protocol take frames that are written already, if it writes them as this does."""
        version = ezsp.ezsp_version
        if version < OLDEST or FirmwareFeatures.COMBINED_SEND in getattr(ezsp, "_xncp_features", ()):
            return
        layout = unicast_layout(version)
        write = protocol._ezsp_frame  # noqa: SLF001 - checked here
        if written_by_bellows(protocol) != protocol._ezsp_frame_tx(_COMMAND) + _sample(layout):  # noqa: SLF001
            LOG.warning(_OTHERWISE, "the example differs")
            return

        def frame(name: str, *args: Any, **fields: Any) -> bytes:  # noqa: ANN401 - bellows is untyped
            if name == _COMMAND and args:
                return bytes(protocol._ezsp_frame_tx(name)) + bytes(args[0])  # noqa: SLF001 - checked above
            return bytes(write(name, *args, **fields))

        protocol._ezsp_frame = frame  # noqa: SLF001 - checked above
        self._layout = layout


_EXAMPLE = (0x1234, 0x0104, 0x0300, 1, 2, 3, 4)  # address, profile, cluster, endpoints, APS counter, tag
_EXAMPLE_DATA = b"\x01\x02\x03"


def _sample(layout: Struct) -> bytes:
    short, profile, cluster, source, target, counter, tag = _EXAMPLE
    options = ROUTE_DISCOVERY | _RETRY
    return unicast_fields(layout, short, (profile, cluster, source, target), options, (counter, tag), _EXAMPLE_DATA)


def written_by_bellows(protocol: Any) -> bytes:  # noqa: ANN401 - bellows is untyped
    """The example as bellows writes it."""
    short, profile, cluster, source, target, counter, tag = _EXAMPLE
    aps = t.EmberApsFrame(
        profileId=profile,
        clusterId=cluster,
        sourceEndpoint=source,
        destinationEndpoint=target,
        options=t.EmberApsOption(ROUTE_DISCOVERY | _RETRY),
        groupId=0,
        sequence=counter,
    )
    values = (t.EmberOutgoingMessageType.OUTGOING_DIRECT, t.EmberNodeId(short), aps, t.uint8_t(tag), _EXAMPLE_DATA)
    _, schema, _ = protocol.COMMANDS[_COMMAND]
    return bytes(protocol._ezsp_frame(_COMMAND, **dict(zip(schema, values, strict=True))))  # noqa: SLF001
