"""Bindings, reporting, groups and scenes of one of zigpy's devices; see `links.Links`."""

from collections.abc import Iterable
from typing import Any

import zigpy.zdo.types as zdo_t
from zigpy.zcl import foundation

from device_plugins.sdk import DeviceError, UnsupportedError
from device_plugins.zigbee.links import Link
from device_plugins.zigbee.mapping import Report, own_of
from device_plugins.zigbee.mapping.status import SUCCESS
from device_plugins.zigbee.node import ZigpyNode, address_of, hex_of

_BY_GROUP, _BY_IEEE = 0x01, 0x03
_NO_ENTRY, _NOT_SUPPORTED, _TABLE_FULL = 0x88, 0x84, 0x8C
_NO_REPORTS = 0xFFFF
_REASONS = {_NOT_SUPPORTED: "it does not support that", _TABLE_FULL: "its table is full", 0x82: "no such endpoint"}
# What fits one frame without being split: the answer takes up to 12 bytes a record.
_RECORDS = 5
_MOST_PAGES = 100


class ZigpyLinks:
    """The links of one node."""

    def __init__(self, node: ZigpyNode) -> None:
        self._node, self._name, self._told = node, node.id, node.told

    async def ask(self, endpoint: int, cluster: int, command: int, *fields: int | str) -> tuple[int, ...]:
        """Send a cluster command; returns the numbers in its answer, or (command, status) of a default response."""
        await self._node.ready()
        target = self._cluster(endpoint, cluster)
        with self._told():
            answer = await target.command(command, *fields)
        return tuple(int(one) for one in answer.as_tuple() if isinstance(one, int))

    async def table(self) -> list[Link]:
        """Its binding table."""
        found: list[Link] = []
        for _ in range(_MOST_PAGES):
            with self._told():
                status, total, _, page = await self._node.device.zdo.Mgmt_Bind_req(len(found))
            self._check(int(status))
            found += [_link(entry) for entry in page]
            if not page or len(found) >= total:
                break
        return sorted(found)

    async def bind(self, link: Link) -> None:
        """Add to its binding table."""
        with self._told():
            answer = await self._node.device.zdo.Bind_req(*self._request(link))
        self._check(int(answer[0]))

    async def unbind(self, link: Link) -> None:
        """Take from its binding table; nothing happens if it is not there."""
        with self._told():
            answer = await self._node.device.zdo.Unbind_req(*self._request(link))
        if int(answer[0]) != _NO_ENTRY:
            self._check(int(answer[0]))

    async def reporting(self, endpoint: int, cluster: int, attributes: Iterable[int]) -> dict[int, Report]:
        """What it reports of these attributes, and how often; those it does not report are missing."""
        await self._node.ready()
        target = self._cluster(endpoint, cluster)
        signature = self._node.signature()
        by_code: dict[int, list[int]] = {}
        for number in attributes if self._node.is_on_air(endpoint, target) else ():
            own = own_of(cluster, number, signature)
            by_code.setdefault(own[1] if own else 0, []).append(number)
        found: dict[int, Report] = {}
        for code, numbers in by_code.items():
            for start in range(0, len(numbers), _RECORDS):
                found |= await self._reporting(target, numbers[start : start + _RECORDS], code)
        return found

    async def _reporting(self, target: Any, attributes: list[int], manufacturer: int) -> dict[int, Report]:  # noqa: ANN401 - zigpy's cluster
        records = [foundation.ReadReportingConfigRecord(direction=0, attrid=number) for number in attributes]
        command = foundation.GeneralCommand.Read_Reporting_Configuration
        with self._told():
            answer = await target.general_command(command, records, manufacturer=manufacturer or None)
        found: dict[int, Report] = {}
        for one in getattr(answer, "attribute_configs", ()):
            if one.status == SUCCESS and one.config.max_interval != _NO_REPORTS:
                change = getattr(one.config, "reportable_change", None)  # a flag has none
                found[int(one.config.attrid)] = Report(
                    int(one.config.min_interval),
                    int(one.config.max_interval),
                    float(change) if isinstance(change, int | float) else 0.0,
                )
        return found

    def _request(self, link: Link) -> tuple[Any, ...]:
        if link.group:
            target = zdo_t.MultiAddress(addrmode=_BY_GROUP, nwk=link.group)
        else:
            target = zdo_t.MultiAddress(addrmode=_BY_IEEE, ieee=address_of(link.ieee), endpoint=link.target_endpoint)
        return self._node.device.ieee, link.endpoint, link.cluster, target

    def _check(self, status: int) -> None:
        if status == SUCCESS:
            return
        kind = UnsupportedError if status == _NOT_SUPPORTED else DeviceError
        raise kind(f"{self._name} refused: {_REASONS.get(status, f'status 0x{status:02X}')}", device=self._name)

    def _cluster(self, endpoint: int, cluster: int) -> Any:  # noqa: ANN401 - zigpy's cluster
        try:
            return self._node.device.endpoints[endpoint].in_clusters[cluster]
        except KeyError:
            message = f"{self._name} has no cluster 0x{cluster:04X} on endpoint {endpoint}"
            raise UnsupportedError(message, device=self._name) from None


def _link(entry: Any) -> Link:  # noqa: ANN401 - zigpy's binding
    target = entry.DstAddress
    if target.addrmode == _BY_GROUP:
        return Link(int(entry.SrcEndpoint), int(entry.ClusterId), group=int(target.nwk))
    return Link(int(entry.SrcEndpoint), int(entry.ClusterId), hex_of(target.ieee), int(target.endpoint))
