"""The quick way for a report of known attributes: from the frame to the device's ears, past zigpy.

A report takes it when all of it is in the table that is made of the device's mapping. Everything else goes zigpy's way:
other frames, devices under a quirk, clusters that do something of their own with a report, types that are not numbers,
reports that somebody waits for. zigpy's cache and its database learn nothing of what went the quick way.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import zigpy.listeners
import zigpy.types as t
from zigpy.device import ZigbeeDevice
from zigpy.profiles import zha, zll
from zigpy.zcl import Cluster, foundation

from device_plugins.zigbee.fastezsp import FRAGMENT, UNICAST, Incoming
from device_plugins.zigbee.quirks.extras import quirk_of
from device_plugins.zigbee.rehearsal import Kind
from device_plugins.zigbee.zclfast import Header, Place, Sink, header, place, reports
from hub.api import Undo

LOG = logging.getLogger("hub.zigbee")

_PROFILES = frozenset({zha.PROFILE_ID, zll.PROFILE_ID})
# A frame sent again by the network has the same APS counter; one that was sent anew after so long is no repetition (s).
_REPEATED_WITHIN = 8.0
_REMEMBERED = 8
# zigpy itself waits for one command of each device, a check-in.
_OWN_LISTENERS = 1
TOUCHED = ("_req_listeners",)
_UNTOUCHED = (
    "deserialize",
    "emit",
    "find_attributes",
    "handle_cluster_general_request",
    "handle_message",
    "listener_event",
    "_update_attribute",
)


class Hears(Protocol):
    """Who hears a device's values."""

    def sink(self, endpoint: int, cluster: int, attribute: int) -> Sink | None:
        """What takes the raw values of an attribute; None if nobody wants them."""


class _Sender:
    """A device that may take the quick way."""

    def __init__(self, device: ZigbeeDevice, hears: Hears, address: str) -> None:
        self.device: Any = device
        self.address = address
        self.recent: deque[tuple[int, bytes]] = deque(maxlen=_REMEMBERED)
        self.heard = 0.0
        self._hears = hears
        self._tables: dict[tuple[int, int, int | None], Mapping[int, Place]] = {}

    def table(self, endpoint: int, cluster: int, manufacturer: int | None) -> Mapping[int, Place]:
        """The attributes of a cluster that may take the quick way."""
        key = endpoint, cluster, manufacturer
        found = self._tables.get(key)
        if found is None:
            found = self._compile(*key)
            if found or manufacturer is None:
                self._tables[key] = found
        return found

    def cluster(self, endpoint: int, cluster: int) -> Any:  # noqa: ANN401 - zigpy's cluster
        """The device's cluster, if a report to it has no other effect than to tell values."""
        place = self.device.endpoints.get(endpoint) if endpoint else None  # 0 is the device's own
        its = None if place is None else place.in_clusters.get(cluster)
        return its if its is not None and _is_plain(its) else None

    def _compile(self, endpoint: int, cluster: int, manufacturer: int | None) -> Mapping[int, Place]:
        its = self.cluster(endpoint, cluster)
        if its is None:
            return {}
        found: dict[int, Place] = {}
        for attribute in type(its).attributes:
            if (sink := self._hears.sink(endpoint, cluster, attribute)) is None:
                continue
            kind = _type_of(its, attribute, manufacturer)
            if kind is not None and (made := place(kind, sink)) is not None:
                found[int(attribute)] = made
        return found

    def kinds(self) -> Iterator[Kind]:
        """The attributes that may take the quick way."""
        for endpoint in self.device.non_zdo_endpoints:
            for cluster in endpoint.in_clusters:
                table = self.table(int(endpoint.endpoint_id), int(cluster), None)
                yield from ((int(cluster), attribute, place.type) for attribute, place in table.items())

    def is_repeated(self, counter: int, message: bytes, now: float) -> bool:
        """Whether the network has brought this frame before; it is remembered if not."""
        if now - self.heard > _REPEATED_WITHIN:
            self.recent.clear()
        self.heard = now
        frame = counter, message
        if frame in self.recent:
            return True
        self.recent.append(frame)
        return False


class FastPath:
    """The devices that may take the quick way, and who hears of what comes over it."""

    def __init__(self, app: Any, alive: Callable[[str, int], None]) -> None:  # noqa: ANN401 - bellows is untyped
        self.taken = 0
        """How many frames took it."""
        self._app = app
        self._alive = alive
        self._senders: dict[t.EUI64, _Sender] = {}
        self._at: dict[int, _Sender] = {}

    def listen(self, device: ZigbeeDevice, hears: Hears, address: str) -> Undo:
        """Let the reports of a device take the quick way; not those of one with a quirk."""
        if type(device) is not ZigbeeDevice or quirk_of(device):
            return lambda: None
        sender = self._senders[device.ieee] = _Sender(device, hears, address)
        self.readdress()

        def undo() -> None:
            if self._senders.get(device.ieee) is sender:
                del self._senders[device.ieee]
                self.readdress()

        return undo

    def readdress(self) -> None:
        """Short addresses may have changed."""
        self._at.clear()

    def known(self) -> tuple[dict[str, int], set[Kind]]:
        """The short addresses of the devices that may take the quick way, and the attributes that do."""
        shorts = {sender.address: int(sender.device.nwk) for sender in self._senders.values()}
        return shorts, {kind for sender in self._senders.values() for kind in sender.kinds()}

    def take(self, incoming: Incoming) -> bool:
        """Take a frame if it is for the quick way; says whether it was."""
        if incoming.kind != UNICAST or incoming.options & FRAGMENT or incoming.profile not in _PROFILES:
            return False
        head = header(incoming.message)
        if head is None or (sender := self._sender(incoming.sender)) is None:
            return False
        table = sender.table(incoming.source_endpoint, incoming.cluster, head.manufacturer)
        told = reports(incoming.message, head.start, table)
        if told is None:
            return False
        is_repeated = sender.is_repeated(incoming.counter, incoming.message, asyncio.get_running_loop().time())
        if not is_repeated and self._is_awaited(sender.device):
            return False
        self.taken += 1
        self._note(sender, incoming)
        if is_repeated:
            return True
        for sink, value in told:
            sink(value)
        if head.wants_response:
            self._respond(sender, incoming, head)
        return True

    def _sender(self, short: int) -> _Sender | None:
        sender = self._at.get(short)
        if sender is None:
            try:
                device = self._app.get_device(nwk=short)
            except KeyError:
                return None
            sender = self._senders.get(device.ieee)
            if sender is None or sender.device is not device or not device.is_initialized:
                return None
            self._at[short] = sender
        device = sender.device
        if device.nwk != short or self._app.devices.get(device.ieee) is not device:
            self.readdress()
            return None
        return sender

    def _is_awaited(self, device: Any) -> bool:  # noqa: ANN401 - zigpy's device
        waiting = self._app._req_listeners  # noqa: SLF001 - checked when the radio opens
        return bool(waiting.get(zigpy.listeners.ANY_DEVICE)) or len(waiting.get(device, ())) > _OWN_LISTENERS

    def _note(self, sender: _Sender, incoming: Incoming) -> None:
        device = sender.device
        device._last_seen = datetime.now(UTC)  # noqa: SLF001, TID251 - zigpy's own clock; setting last_seen would write to the database
        device.lqi = incoming.lqi
        device.rssi = incoming.rssi
        self._alive(sender.address, incoming.lqi)

    def _respond(self, sender: _Sender, incoming: Incoming, head: Header) -> None:
        """Say that it was understood, when what it sets off has been sent."""
        cluster = sender.cluster(incoming.source_endpoint, incoming.cluster)
        parsed, _ = foundation.ZCLHeader.deserialize(incoming.message[: head.start])
        asyncio.get_running_loop().call_soon(cluster.send_default_rsp, parsed, foundation.Status.SUCCESS)


def _is_plain(cluster: Any) -> bool:  # noqa: ANN401 - zigpy's cluster
    kind = type(cluster)
    return all(
        name not in cluster.__dict__ and _function(kind, name) is _function(Cluster, name) for name in _UNTOUCHED
    )


def _function(kind: type, name: str) -> object:
    method = getattr(kind, name)
    return getattr(method, "__func__", method)


def _type_of(cluster: Any, attribute: int, manufacturer: int | None) -> int | None:  # noqa: ANN401 - zigpy's cluster
    """The one type that zigpy gives an attribute; it would convert a value of any other."""
    try:
        definitions = cluster.find_attributes(int(attribute), manufacturer_code=manufacturer)
    except KeyError:
        return None
    definition = definitions[0]
    if manufacturer is not None and definition.manufacturer_code != manufacturer:
        return None
    return int(definition.zcl_type)
