"""Services about one device: its associations, its configuration parameters, its firmware."""

import asyncio
import base64
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from device_plugins.sdk import InvalidValueError, UnknownDeviceError, UnsupportedError
from device_plugins.zwave.base import ZWavePlugin
from device_plugins.zwave.known import id_of
from device_plugins.zwave.mapping import NodeFacts, ValueFacts, ValueId, Write
from device_plugins.zwave.mapping.classes import CONFIGURATION
from device_plugins.zwave.network import Network, Refused, ZWaveError
from hub.api import Context, Limits, service

HUB, FIRMWARE = "hub", "firmware"
LARGEST_FIRMWARE = 8 << 20
_ANSWER_S, _FIRMWARE_S = 60.0, 6 * 3600.0
_FIRMWARE_WORDS = {
    -1: "the device stopped answering",
    0: "the file arrived damaged; try again",
    1: "the transfer failed; try again nearer to the stick",
    2: "the file is for another manufacturer's device",
    3: "the file is for another device",
    4: "the device has no such chip to update",
    5: "the file's header is wrong",
    6: "the file's header is wrong",
    7: "the device has not enough memory",
    8: "the file is for another version of the hardware",
}

type Byte = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
type Parameter = Annotated[int, msgspec.Meta(ge=1, le=0xFFFF)]
type Size = Literal[0, 1, 2, 4]
type Raw = Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 32) - 1)]


class AssociationGroup(msgspec.Struct, frozen=True):
    """A group of a device: what it tells there, it tells to `members` directly, of which there may be `most`.

    A member is a device's id, with `/2` for its endpoint 2, or `hub`; through the `lifeline` the hub hears it.
    """

    group: int
    label: str
    lifeline: bool
    most: int
    members: tuple[str, ...]


class ParameterInfo(msgspec.Struct, frozen=True):
    """A configuration parameter; `mask` is the part of it, 0 for the whole. `words` names values."""

    parameter: int
    mask: int
    label: str
    value: int | None
    unit: str
    minimum: float | None
    maximum: float | None
    words: dict[str, str]
    writable: bool


class FirmwareProgress(msgspec.Struct, frozen=True):
    """How an update goes: `idle`, `running`, `done` or `failed`, with the reason; `share` is how much, 0 to 1."""

    device: str = ""
    status: str = "idle"
    reason: str = ""
    share: float = 0.0


class DeviceServices(ZWavePlugin):
    """`zwave.associations`, `.associate`, `.dissociate`, `.parameters`, `.set_parameter`, `.firmware_…`."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._firmware = FirmwareProgress()

    # Associations

    @service
    async def associations(self, device: str) -> list[AssociationGroup]:
        """The association groups of a device, and who is in them."""
        network, node = self.ready_network(), await self.node_of(device)
        try:
            groups = (await network.ask("controller.get_association_groups", nodeId=node)).get("groups") or {}
            members = (await network.ask("controller.get_associations", nodeId=node)).get("associations") or {}
        except Refused as error:
            raise UnsupportedError(f"{device[:80]} has no associations: {error}", device=device) from error
        return [
            AssociationGroup(
                group=int(number),
                label=str(about.get("label", "")),
                lifeline=bool(about.get("isLifeline")),
                most=int(about.get("maxNodes", 0)),
                members=tuple(_member(network, one) for one in members.get(number, ())),
            )
            for number, about in sorted(groups.items(), key=lambda item: int(item[0]))
        ]

    @service
    async def associate(self, device: str, group: Byte, target: str) -> list[AssociationGroup]:
        """Have what a device tells in a group go to `target` directly: a device, `Lamp/2`, or `hub`."""
        await self._change("add", device, group, target)
        return await self.associations(device)

    @service
    async def dissociate(self, device: str, group: Byte, target: str) -> list[AssociationGroup]:
        """End that what a device tells in a group goes to `target`."""
        await self._change("remove", device, group, target)
        return await self.associations(device)

    async def _change(self, way: str, device: str, group: int, target: str) -> None:
        network, node = self.ready_network(), await self.node_of(device)
        found = {one.group: one for one in await self.associations(device)}
        if group not in found:
            have = ", ".join(map(str, found)) or "none"
            raise UnsupportedError(f"{device[:80]} has no association group {group}; it has {have}", device=device)
        address = await self._address(network, target)
        if way == "remove" and found[group].lifeline and address["nodeId"] == network.own_node:
            raise UnsupportedError(f"without group {group} the hub hears nothing of {device[:80]}", device=device)
        try:
            await network.ask(
                f"controller.{way}_associations", within=_ANSWER_S, nodeId=node, group=group, associations=[address]
            )
        except Refused as error:
            raise UnsupportedError(f"{device[:80]} cannot tell {target[:80]}: {error}", device=device) from error

    async def _address(self, network: Network, target: str) -> dict[str, int]:
        if target == HUB:
            return {"nodeId": network.own_node}
        name, slash, endpoint = target.rpartition("/")
        if slash and endpoint.isdecimal():
            return {"nodeId": await self.node_of(name), "endpoint": int(endpoint)}
        return {"nodeId": await self.node_of(target)}

    # Configuration

    @service
    async def parameters(self, device: str) -> list[ParameterInfo]:
        """The configuration parameters that are known of a device, as it told them last."""
        facts = await self._facts(device)
        values = [one for one in facts.values if one.id.command_class == CONFIGURATION and not one.id.endpoint]
        known = [_parameter(one) for one in values if isinstance(one.id.property, int)]
        return sorted(known, key=lambda one: (one.parameter, one.mask))

    @service
    async def set_parameter(self, device: str, parameter: Parameter, value: Raw, mask: int = 0, size: Size = 0) -> None:
        """Set a configuration parameter, or with `mask` a part of it; one that is not known needs its `size` (bytes).

        Returns when the device has confirmed.
        """
        network, node = self.ready_network(), await self.node_of(device)
        found = [one for one in await self.parameters(device) if one.parameter == parameter and one.mask == mask]
        if not found and not size:
            raise InvalidValueError(
                f"parameter {parameter} of {device[:80]} is not known; say its size: 1, 2 or 4",
                device=device,
            )
        for one in found:
            _check(one, value, device)
        try:
            if found:
                place = ValueId(CONFIGURATION, 0, parameter, mask or None)
                await network.write(node, Write(place, value), within=_ANSWER_S)
            else:
                await network.ask(
                    "node.set_raw_config_parameter_value",
                    within=_ANSWER_S,
                    nodeId=node,
                    parameter=parameter,
                    value=value,
                    valueSize=size,
                    valueFormat=0,
                )
        except Refused as error:
            raise InvalidValueError(f"{device[:80]} did not take parameter {parameter}: {error}") from error

    async def _facts(self, device: str) -> NodeFacts:
        state = self.ready_network().node(await self.node_of(device))
        if state is None:
            raise UnknownDeviceError(f"{device[:80]} is not in the network", device=device)
        return state.facts

    # Firmware

    @service(limits=Limits(concurrency=1))
    async def firmware_update(self, device: str, file: str) -> FirmwareProgress:
        """Send the file from the plugin's folder `firmware` to a device as its new firmware.

        Returns when it has begun; `zwave.firmware_progress` tells how it goes, which takes minutes to hours.
        """
        if self._firmware.status == "running":
            raise ZWaveError(f"{self._firmware.device} is being updated; one at a time")
        network, node = self.ready_network(), await self.node_of(device)
        content = await asyncio.to_thread(_firmware_file, self.ctx.data_dir / FIRMWARE, file)
        self._firmware = FirmwareProgress(await self.id_of(device), "running", f"sending {file}")
        self.ctx.tasks.start(f"Z-Wave firmware of {device[:80]}", self._update(network, node, file, content))
        return self._firmware

    @service
    async def firmware_progress(self) -> FirmwareProgress:
        """How the update goes, or went."""
        found = self._firmware
        if found.status != "running":
            return found
        network, node = self.ready_network(), await self.node_of(found.device)
        percent = (await network.ask("node.get_firmware_update_progress", nodeId=node)).get("progress")
        share = percent / 100 if isinstance(percent, float | int) else 0.0
        return msgspec.structs.replace(found, share=min(share, 1.0))

    @service
    async def firmware_cancel(self) -> None:
        """End the update; the device keeps the firmware that it has."""
        if self._firmware.status == "running":
            node = await self.node_of(self._firmware.device)
            await self.ready_network().ask("node.abort_firmware_update", within=_ANSWER_S, nodeId=node)

    async def _update(self, network: Network, node: int, file: str, content: bytes) -> None:
        update = {"filename": file, "file": base64.b64encode(content).decode()}
        device = self._firmware.device
        try:
            said = await network.ask("node.update_firmware", within=_FIRMWARE_S, nodeId=node, updates=[update])
        except ZWaveError as error:
            self._firmware = FirmwareProgress(device, "failed", str(error))
            return
        result = said.get("result") or {}
        if result.get("success"):
            self._firmware = FirmwareProgress(device, "done", "it starts its new firmware", 1.0)
        else:
            why = _FIRMWARE_WORDS.get(result.get("status", 1), "the device refused it")
            self._firmware = FirmwareProgress(device, "failed", why)


def _member(network: Network, address: dict[str, Any]) -> str:
    node, endpoint = int(address["nodeId"]), address.get("endpoint")
    if node == network.own_node:
        return HUB
    device = id_of(network.home_id, node)
    return device if endpoint is None else f"{device}/{endpoint}"


def _parameter(value: ValueFacts) -> ParameterInfo:
    return ParameterInfo(
        parameter=int(value.id.property),
        mask=int(value.id.property_key or 0),
        label=value.label,
        value=value.value if isinstance(value.value, int) else None,
        unit=value.unit,
        minimum=value.minimum,
        maximum=value.maximum,
        words=value.states,
        writable=value.writeable,
    )


def _check(known: ParameterInfo, value: int, device: str) -> None:
    if not known.writable:
        raise UnsupportedError(f"parameter {known.parameter} of {device[:80]} can only be read", device=device)
    low, high = known.minimum, known.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        span = f"{low:g} to {high:g}" if low is not None and high is not None else "its range"
        raise InvalidValueError(f"parameter {known.parameter} of {device[:80]} takes {span}, not {value}")


def _firmware_file(folder: Path, name: str) -> bytes:
    if Path(name).name != name or name in {"", ".", ".."}:
        raise InvalidValueError(f"{name[:80]!r} must be the name of a file in {folder}")
    try:
        with (folder / name).open("rb") as file:
            content = file.read(LARGEST_FIRMWARE + 1)
    except OSError as error:
        raise InvalidValueError(f"there is no file {name[:80]!r} in {folder}; put the firmware there") from error
    if not 0 < len(content) <= LARGEST_FIRMWARE:
        raise InvalidValueError(f"{name[:80]} is empty or larger than {LARGEST_FIRMWARE >> 20} MiB")
    return content
