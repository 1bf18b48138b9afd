"""The Zigbee Device Object: who a node is, what it has, its bindings and neighbours (Zigbee specification, 2.4)."""

import enum
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from device_plugins.virtual_radio import addresses

RESPONSE = 0x8000
_EUI64 = 8
_BY_GROUP, _BY_IEEE = 1, 3
EVERYONE = 0xFFFF
_NEIGHBOURS_A_PAGE = 2
_BINDINGS_A_PAGE = 3
_CHANGE_CHANNEL = 0xFE
_LONGEST_SCAN = 5
_ROUTES_A_PAGE = 10
_SAME_NETWORK = bytes(8)
_EVERY_PROFILE = 0xFFFF


class Status(enum.IntEnum):
    """What a node says of a request."""

    SUCCESS = 0x00
    INVALID_REQUEST = 0x80
    DEVICE_NOT_FOUND = 0x81
    INVALID_ENDPOINT = 0x82
    NOT_ACTIVE = 0x83
    NOT_SUPPORTED = 0x84
    NO_ENTRY = 0x88
    TABLE_FULL = 0x8C


class Request(enum.IntEnum):
    """Requests by cluster number."""

    NWK_ADDRESS = 0x0000
    IEEE_ADDRESS = 0x0001
    NODE_DESCRIPTOR = 0x0002
    POWER_DESCRIPTOR = 0x0003
    SIMPLE_DESCRIPTOR = 0x0004
    ACTIVE_ENDPOINTS = 0x0005
    MATCH_DESCRIPTOR = 0x0006
    DEVICE_ANNOUNCE = 0x0013
    BIND = 0x0021
    UNBIND = 0x0022
    NEIGHBOURS = 0x0031
    ROUTES = 0x0032
    BINDINGS = 0x0033
    LEAVE = 0x0034
    PERMIT_JOINING = 0x0036
    NWK_UPDATE = 0x0038


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    """Where reports and commands of a cluster go: endpoint and cluster here, address and endpoint or a group there."""

    endpoint: int
    cluster: int
    ieee: str
    target_endpoint: int
    group: int = 0


@dataclass(frozen=True, slots=True)
class SimpleDescriptor:
    """What an endpoint is and has."""

    profile: int
    device_type: int
    version: int
    inputs: Sequence[int]
    outputs: Sequence[int]

    def encode(self, endpoint: int) -> bytes:
        """Return the descriptor's bytes."""
        lists = b"".join(bytes([len(c)]) + struct.pack(f"<{len(c)}H", *c) for c in (self.inputs, self.outputs))
        return struct.pack("<BHHB", endpoint, self.profile, self.device_type, self.version) + lists


class Relation(enum.IntEnum):
    """What a neighbour is to a node."""

    PARENT = 0
    CHILD = 1
    SIBLING = 2


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A node one hears directly; `kind` is 0 coordinator, 1 router, 2 end device; `depth` is in hops."""

    ieee: str
    nwk: int
    kind: int
    rx_on_when_idle: bool
    lqi: int
    relation: Relation
    depth: int


@dataclass(frozen=True, slots=True)
class Route:
    """An entry of a routing table: short addresses of where to and of the next hop."""

    destination: int
    next_hop: int


class Node(Protocol):
    """What the ZDO needs to know of its node, and may do to it."""

    @property
    def ieee(self) -> str:
        """Its IEEE address."""

    @property
    def short(self) -> int:
        """Its short address."""

    @property
    def node_descriptor(self) -> bytes:
        """Its node descriptor."""

    @property
    def battery(self) -> bool:
        """Whether it lives on a battery."""

    @property
    def descriptors(self) -> dict[int, SimpleDescriptor]:
        """Its endpoints."""

    @property
    def bindings(self) -> set[Binding]:
        """Its binding table."""

    def neighbours(self) -> list[Neighbour]:
        """Return the nodes it hears."""

    def routes(self) -> list[Route]:
        """Return its routing table."""

    def noise(self, channel: int) -> int:
        """Return the energy it measures on a channel, 0 to 255."""

    def bind(self, binding: Binding) -> Status:
        """Add to the binding table."""

    def unbind(self, binding: Binding) -> Status:
        """Take from the binding table."""

    def asked_to_leave(self, *, rejoin: bool) -> None:
        """Leave the network, soon."""

    def asked_to_permit(self, seconds: int) -> None:
        """Let others join, or no longer."""

    def asked_to_move(self, channel: int, update_id: int) -> None:
        """Change the channel; `update_id` numbers such changes."""


def node_descriptor(*, kind: int, mains: bool, manufacturer: int, server: int = 0) -> bytes:
    """Return a node descriptor; `kind` is 0 coordinator, 1 router, 2 end device; `mains` keeps its receiver on."""
    capabilities = 0x80 | (0x0C if mains else 0) | (0x02 if kind < 2 else 0) | (0x01 if kind == 0 else 0)  # noqa: PLR2004
    return struct.pack("<BBBHBHHHB", kind, 0x40, capabilities, manufacturer, 82, 128, server, 128, 0)


def capabilities(descriptor: bytes) -> int:
    """Return the MAC capability flags in a node descriptor."""
    return descriptor[2]


def announcement(sequence: int, node: Node) -> bytes:
    """Return a Device_annce."""
    eui64 = addresses.as_bytes(node.ieee)
    return bytes([sequence]) + struct.pack("<H", node.short) + eui64 + bytes([capabilities(node.node_descriptor)])


def answer(node: Node, cluster: int, data: bytes) -> bytes | None:
    """Carry out a request and return the response, sequence number first; None when it has none."""
    if cluster & RESPONSE or cluster == Request.DEVICE_ANNOUNCE or not data:
        return None
    handler = _HANDLERS.get(cluster)
    if handler is None:
        return data[:1] + bytes([Status.NOT_SUPPORTED])
    try:
        response = handler(node, data[1:])
    except (struct.error, IndexError):
        response = bytes([Status.INVALID_REQUEST])
    return None if response is None else data[:1] + response


def _about(node: Node, status: Status = Status.SUCCESS) -> bytes:
    return struct.pack("<BH", status, node.short)


def _nwk_address(node: Node, body: bytes) -> bytes | None:
    eui64 = addresses.as_bytes(node.ieee)
    return bytes([Status.SUCCESS]) + eui64 + struct.pack("<H", node.short) if body[:_EUI64] == eui64 else None


def _ieee_address(node: Node, body: bytes) -> bytes:
    del body
    return bytes([Status.SUCCESS]) + addresses.as_bytes(node.ieee) + struct.pack("<H", node.short)


def _node_descriptor(node: Node, body: bytes) -> bytes:
    del body
    return _about(node) + node.node_descriptor


def _power_descriptor(node: Node, body: bytes) -> bytes:
    del body
    return _about(node) + (b"\x42\xc4" if node.battery else b"\x10\xc1")


def _simple_descriptor(node: Node, body: bytes) -> bytes:
    endpoint = body[2]
    descriptor = node.descriptors.get(endpoint)
    if descriptor is None:
        status = Status.NOT_ACTIVE if 1 <= endpoint < 0xFF else Status.INVALID_ENDPOINT  # noqa: PLR2004
        return _about(node, status) + b"\x00"
    encoded = descriptor.encode(endpoint)
    return _about(node) + bytes([len(encoded)]) + encoded


def _active_endpoints(node: Node, body: bytes) -> bytes:
    del body
    return _about(node) + bytes([len(node.descriptors), *node.descriptors])


def _match_descriptor(node: Node, body: bytes) -> bytes | None:
    _, profile, count = struct.unpack_from("<HHB", body)
    inputs = set(struct.unpack_from(f"<{count}H", body, 5))
    outputs = set(struct.unpack_from(f"<{body[5 + 2 * count]}H", body, 6 + 2 * count))
    found = [
        number
        for number, its in node.descriptors.items()
        if profile in {its.profile, _EVERY_PROFILE} and (inputs & set(its.inputs) or outputs & set(its.outputs))
    ]
    return _about(node) + bytes([len(found), *found]) if found else None


def _binding(body: bytes) -> Binding | None:
    eui64, endpoint, cluster, mode = struct.unpack_from("<8sBHB", body)
    del eui64
    if mode == _BY_GROUP:
        return Binding(endpoint, cluster, "", 0, struct.unpack_from("<H", body, 12)[0])
    if mode != _BY_IEEE:
        return None
    target, target_endpoint = struct.unpack_from("<8sB", body, 12)
    return Binding(endpoint, cluster, addresses.as_text(target), target_endpoint)


def _bind(node: Node, body: bytes) -> bytes:
    binding = _binding(body)
    return bytes([Status.NOT_SUPPORTED if binding is None else node.bind(binding)])


def _unbind(node: Node, body: bytes) -> bytes:
    binding = _binding(body)
    return bytes([Status.NOT_SUPPORTED if binding is None else node.unbind(binding)])


def _neighbours(node: Node, body: bytes) -> bytes:
    start, everyone = body[0], node.neighbours()
    page = everyone[start : start + _NEIGHBOURS_A_PAGE]
    entries = b"".join(
        _SAME_NETWORK
        + addresses.as_bytes(other.ieee)
        + struct.pack("<H", other.nwk)
        + bytes([other.kind | other.rx_on_when_idle << 2 | other.relation << 4, 2, other.depth, other.lqi])
        for other in page
    )
    return bytes([Status.SUCCESS, min(len(everyone), 0xFF), start, len(page)]) + entries


def _routes(node: Node, body: bytes) -> bytes:
    start, table = body[0], node.routes()
    page = table[start : start + _ROUTES_A_PAGE]
    entries = b"".join(struct.pack("<HBH", entry.destination, 0, entry.next_hop) for entry in page)
    return bytes([Status.SUCCESS, min(len(table), 0xFF), start, len(page)]) + entries


def _bindings(node: Node, body: bytes) -> bytes:
    start, table = body[0], sorted(node.bindings)
    page = table[start : start + _BINDINGS_A_PAGE]
    own = addresses.as_bytes(node.ieee)
    entries = b"".join(own + struct.pack("<BH", entry.endpoint, entry.cluster) + _target(entry) for entry in page)
    return bytes([Status.SUCCESS, len(table), start, len(page)]) + entries


def _target(entry: Binding) -> bytes:
    if entry.group:
        return struct.pack("<BH", _BY_GROUP, entry.group)
    return bytes([_BY_IEEE]) + addresses.as_bytes(entry.ieee) + bytes([entry.target_endpoint])


def _leave(node: Node, body: bytes) -> bytes:
    node.asked_to_leave(rejoin=bool(body[_EUI64] & 0x80))
    return bytes([Status.SUCCESS])


def _permit_joining(node: Node, body: bytes) -> bytes:
    node.asked_to_permit(body[0])
    return bytes([Status.SUCCESS])


def _nwk_update(node: Node, body: bytes) -> bytes:
    channels, duration, update_id = struct.unpack_from("<IBB", body)
    if duration <= _LONGEST_SCAN:
        energy = [node.noise(channel) for channel in range(27) if channels >> channel & 1]
        return struct.pack("<BIHHB", Status.SUCCESS, channels, 0, 0, len(energy)) + bytes(energy)
    changes = duration == _CHANGE_CHANNEL and channels
    if changes:
        node.asked_to_move((channels & -channels).bit_length() - 1, update_id)
    return struct.pack("<BIHHB", Status.SUCCESS if changes else Status.NOT_SUPPORTED, channels, 0, 0, 0)


_HANDLERS: dict[int, Callable[[Node, bytes], bytes | None]] = {
    Request.NWK_ADDRESS: _nwk_address,
    Request.IEEE_ADDRESS: _ieee_address,
    Request.NODE_DESCRIPTOR: _node_descriptor,
    Request.POWER_DESCRIPTOR: _power_descriptor,
    Request.SIMPLE_DESCRIPTOR: _simple_descriptor,
    Request.ACTIVE_ENDPOINTS: _active_endpoints,
    Request.MATCH_DESCRIPTOR: _match_descriptor,
    Request.BIND: _bind,
    Request.UNBIND: _unbind,
    Request.NEIGHBOURS: _neighbours,
    Request.ROUTES: _routes,
    Request.BINDINGS: _bindings,
    Request.LEAVE: _leave,
    Request.PERMIT_JOINING: _permit_joining,
    Request.NWK_UPDATE: _nwk_update,
}
