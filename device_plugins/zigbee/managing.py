"""The management of a network with zigpy: see `management.Management`. It comes with the radio libraries."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import zigpy.exceptions
import zigpy.types as t
from zigpy.device import ZigbeeDevice
from zigpy.util import convert_install_code
from zigpy.zdo import types as zdo

from device_plugins.sdk import DeviceError, UnreachableError, UnsupportedError
from device_plugins.zigbee.install_codes import Admission
from device_plugins.zigbee.management import Kind, Neighbour, Page, Place, Relation, Route
from device_plugins.zigbee.mapping.status import SUCCESS
from device_plugins.zigbee.network import RadioError
from device_plugins.zigbee.node import FAULTS, address_of, hex_of

_KINDS: dict[int, Kind] = {0: "coordinator", 1: "router", 2: "end_device"}
_RELATIONS: dict[int, Relation] = {0: "parent", 1: "child", 2: "sibling", 4: "previous_child"}
_NOBODY = {"0" * 16, "f" * 16}
# A router that is asked for its tables gets this long (s): it may have to find a route first.
_ANSWER_LIMIT = 10.0
# 2**exponent + 1 times 15.36 ms on each channel: 0.26 s.
_SCAN_EXPONENT = 4
_MOVE_LIMIT = 30.0
_FIRST_WITH_KEYS = 5
"""Before EZSP 5 a stick cannot be given a link key for one device; bellows says nothing of it."""


class ZigpyManagement:
    """Wraps a zigpy application."""

    def __init__(self, app: Any) -> None:  # noqa: ANN401 - a zigpy application, whose types are partial
        self._app = app
        # Held while the radio is on other channels than the network's, or changes that.
        self.alone = asyncio.Lock()

    def places(self) -> list[Place]:
        """The coordinator first, then every device whose interview is complete."""
        own = self._app.state.node_info
        found = [Place(hex_of(own.ieee), int(own.nwk), "coordinator")]
        found += [
            Place(
                hex_of(device.ieee),
                int(device.nwk),
                "unknown" if device.node_desc is None else _KINDS.get(int(device.node_desc.logical_type), "unknown"),
                None if device.lqi is None else int(device.lqi),
                None if device.rssi is None else int(device.rssi),
            )
            for device in self._app.devices.values()
            if isinstance(device, ZigbeeDevice) and device.ieee != own.ieee
        ]
        return found

    async def neighbours(self, ieee: str, start: int) -> Page[Neighbour]:
        """Rows of a node's neighbour table, from `start`; behind all other traffic."""
        table = await self._ask(ieee, "neighbours", lambda asked: asked.Mgmt_Lqi_req(start))
        rows = [
            Neighbour(
                hex_of(row.ieee),
                int(row.nwk),
                _KINDS.get(int(row.device_type), "unknown"),
                _RELATIONS.get(int(row.relationship), "none"),
                int(row.lqi),
                int(row.depth),
            )
            for row in table.NeighborTableList
        ]
        return Page([row for row in rows if row.ieee not in _NOBODY], len(rows), int(table.Entries))

    async def routes(self, ieee: str, start: int) -> Page[Route]:
        """Rows of a node's routing table, from `start`; behind all other traffic."""
        table = await self._ask(ieee, "routes", lambda asked: asked.Mgmt_Rtg_req(start))
        rows = [
            Route(int(row.DstNWK), int(row.NextHop))
            for row in table.RoutingTableList
            if row.RouteStatus == zdo.RouteStatus.Active
        ]
        return Page(rows, len(table.RoutingTableList), int(table.Entries))

    async def energy(self, channels: Iterable[int]) -> dict[int, float]:
        """Listen once on each channel: how much is on the air there, 0 to 255. The network waits meanwhile."""
        kind: Any = t.Channels
        wanted = kind.from_channel_list([*channels])
        with self._told("does not scan"):
            async with self.alone:
                found = await self._app.energy_scan(channels=wanted, duration_exp=_SCAN_EXPONENT, count=1)
        return {int(channel): float(energy) for channel, energy in found.items()}

    async def move(self, channel: int) -> None:
        """Tell all devices to change to a channel, and follow them."""
        with self._told(f"did not move to channel {channel}"):
            async with asyncio.timeout(_MOVE_LIMIT), self.alone:
                await self._app.move_network_to_channel(channel)

    async def permit_through(self, ieee: str, seconds: int) -> None:
        """Let devices join through one node for at most 254 seconds.

        zigpy swallows that the node does not answer, so it is asked before zigpy is told.
        """
        address = address_of(ieee)
        if address != self._app.state.node_info.ieee:
            device = self._device(ieee)
            async with self._asking(ieee):
                status, *_ = await device.zdo.permit(seconds)
            if status != SUCCESS:
                raise DeviceError(f"zigbee-{ieee} lets no devices in; it may be no router", device=f"zigbee-{ieee}")
        with self._told("does not open the network"):
            await self._app.permit(seconds, node=address)

    async def admit(self, who: Admission, seconds: int) -> None:
        """Let devices join that have a link key of their own, and this one is to be among them; at most 254 seconds."""
        version = getattr(getattr(self._app, "_ezsp", None), "ezsp_version", _FIRST_WITH_KEYS)
        if version < _FIRST_WITH_KEYS:
            raise RadioError(f"the stick's firmware (EZSP {version}) takes no install codes; update it")
        key = t.KeyData(who.key) if who.key else convert_install_code(who.code)
        with self._told("does not take the install code"):
            await self._app.permit_with_link_key(address_of(who.ieee), key, seconds)

    async def _ask(self, ieee: str, what: str, question: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - zigpy's tables
        device = self._device(ieee)
        async with self._asking(ieee), self._app.request_priority(t.PacketPriority.LOW):
            status, table = await question(device.zdo)
        if status != SUCCESS or table is None:
            raise UnsupportedError(f"zigbee-{ieee} does not tell its {what}", device=f"zigbee-{ieee}")
        return table

    def _device(self, ieee: str) -> Any:  # noqa: ANN401 - zigpy's device, whose types are partial
        device = self._app.devices.get(address_of(ieee))
        if not isinstance(device, ZigbeeDevice):
            raise UnreachableError(f"zigbee-{ieee} is not on the network", device=f"zigbee-{ieee}")
        return device

    @contextlib.asynccontextmanager
    async def _asking(self, ieee: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_ANSWER_LIMIT):
                yield
        except (TimeoutError, zigpy.exceptions.DeliveryError) as error:
            raise UnreachableError(f"zigbee-{ieee} does not answer", device=f"zigbee-{ieee}") from error
        except FAULTS as error:
            raise RadioError(f"the radio failed: {_text(error)}") from error

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except FAULTS as error:
            raise RadioError(f"the radio {what}: {_text(error)}") from error


def _text(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
