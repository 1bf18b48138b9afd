"""Services about the network and its controller: exclusion, pings, routes, SmartStart, the stick's backup."""

import asyncio
import base64
import os
from typing import Annotated, Any

import msgspec

from device_plugins.sdk import UnsupportedError
from device_plugins.sdk.files import read_at_most, write_private
from device_plugins.zwave.base import ZWavePlugin
from device_plugins.zwave.exclusion import one_leaves
from device_plugins.zwave.known import id_of
from device_plugins.zwave.network import Network, Refused, ZWaveError
from hub.api import Context, Limits, UnknownServiceError, service

BACKUP, RESTORE = "nvm-backup.bin", "nvm-restore.bin"
LARGEST = 4 << 20
_BACKUP_S, _RESTORE_S, _ROUTES_S = 600.0, 1200.0, 180.0
_NO_NVM = "the stick cannot be read out; sticks of the 500 series and newer can"

type Seconds = Annotated[float, msgspec.Meta(ge=1, le=600)]


class Excluded(msgspec.Struct, frozen=True):
    """A device that left; `device` is its id, empty if it was of another network."""

    device: str


class Pinged(msgspec.Struct, frozen=True):
    """Whether a device answered, and how long that took (s)."""

    device: str
    answered: bool
    seconds: float


class RouteProgress(msgspec.Struct, frozen=True):
    """How the rebuilding of routes goes: `running`, and what became of each device.

    A device is pending, done, failed, or skipped, because it sleeps or is dead.
    """

    running: bool
    devices: dict[str, str]


class Provisioned(msgspec.Struct, frozen=True):
    """A device that may join by itself: its key, and its id once it has joined."""

    dsk: str
    device: str
    active: bool


class KeptBackup(msgspec.Struct, frozen=True):
    """A backup of the stick and where it is; whoever has it can listen to the network."""

    path: str
    bytes: int


class ControllerServices(ZWavePlugin):
    """`zwave.exclude`, `.ping`, `.rebuild_routes…`, `.smart_start…`, `.backup` and `.restore`."""

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._routes = RouteProgress(running=False, devices={})

    @service(limits=Limits(concurrency=1))
    async def exclude(self, seconds: Seconds = 60.0) -> Excluded:
        """Let one device leave, which is put into its pairing mode meanwhile; it is forgotten with its name and area.

        A device of another network is reset so, too. Fails when none has left in time.
        """
        network = self.ready_network()
        node = await one_leaves(network, self.roster, seconds)
        return Excluded(await self.forget_gone(id_of(network.home_id, node)) if node else "")

    async def forget_gone(self, device: str) -> str:
        """The registry forgets it as well, with its name and area: it has left for good."""
        if device in self.devices:
            try:
                await self.ctx.services.call("devices.remove", device=device)
            except UnknownServiceError:
                await self.remove(device)
        return device

    @service
    async def ping(self, device: str) -> Pinged:
        """Ask a device whether it is there; one taken for dead that answers is alive again."""
        network, began = self.ready_network(), self.ctx.clock.monotonic()
        said = await network.ask("node.ping", within=30.0, nodeId=await self.node_of(device))
        taken = self.ctx.clock.monotonic() - began
        return Pinged(await self.id_of(device), bool(said.get("responded")), round(taken, 3))

    @service(limits=Limits(concurrency=1))
    async def rebuild_routes(self, device: str = "") -> bool:
        """Find a device's way through the network anew; without a device that of all, which takes an hour or so.

        Says whether it worked, or of all whether it began; `zwave.routes` tells how it goes. Meanwhile the network is
        slow.
        """
        network = self.ready_network()
        if device:
            node = await self.node_of(device)
            said = await network.ask("controller.rebuild_node_routes", within=_ROUTES_S, nodeId=node)
            return bool(said.get("success"))
        said = await network.ask("controller.begin_rebuilding_routes")
        if said.get("success"):
            self._routes = RouteProgress(running=True, devices={})
        return bool(said.get("success"))

    @service
    async def routes(self) -> RouteProgress:
        """How the rebuilding of all routes goes, or went."""
        return self._routes

    @service
    async def stop_routes(self) -> None:
        """End the rebuilding of all routes."""
        await self.ready_network().ask("controller.stop_rebuilding_routes")
        self._routes = RouteProgress(running=False, devices=self._routes.devices)

    def routes_told(self, event: str, data: dict[str, Any]) -> None:
        """Hear how the rebuilding goes."""
        if event in {"rebuild routes progress", "rebuild routes done"}:
            said = data.get("progress") or data.get("result") or {}
            network = self.ready_network()
            devices = {id_of(network.home_id, int(node)): str(how) for node, how in said.items()}
            self._routes = RouteProgress(running=event == "rebuild routes progress", devices=devices)

    @service
    async def smart_start(self) -> list[Provisioned]:
        """The devices that may join by themselves when they are switched on; `devices.pair` adds them by QR code."""
        network = self.ready_network()
        said = await network.ask("controller.get_provisioning_entries")
        return [
            Provisioned(
                dsk=str(one["dsk"]),
                device=id_of(network.home_id, one["nodeId"]) if one.get("nodeId") else "",
                active=not one.get("status"),
            )
            for one in said.get("entries") or ()
        ]

    @service
    async def smart_start_forget(self, dsk: str) -> None:
        """Let a device no longer join by itself; one that has joined stays."""
        if dsk not in {one.dsk for one in await self.smart_start()}:
            raise ZWaveError(f"no device with the key {dsk[:60]!r} may join; see `hub zwave smart-start list`")
        await self.ready_network().ask("controller.unprovision_smart_start_node", dskOrNodeId=dsk)

    @service(limits=Limits(concurrency=1))
    async def backup(self) -> KeptBackup:
        """Read out the stick's memory to a file in the plugin's folder; the network waits for some minutes.

        Fails with unsupported where the stick cannot.
        """
        said = await self._memory(self.ready_network(), "controller.backup_nvm_raw", _BACKUP_S)
        content = base64.b64decode(str(said.get("nvmData", "")))
        path = self.ctx.data_dir / BACKUP
        await asyncio.to_thread(write_private, path, content)
        return KeptBackup(str(path), len(content))

    @service(limits=Limits(concurrency=1))
    async def restore(self) -> KeptBackup:
        """Write the backup `nvm-restore.bin` in the plugin's folder to the stick, converted if it is of another model.

        The network that the stick has is lost, and comes back as that of the backup. The file is removed afterwards.
        """
        network, path = self.ready_network(), self.ctx.data_dir / RESTORE
        try:
            content = await asyncio.to_thread(read_at_most, path, LARGEST)
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise ZWaveError(f"cannot read {path}: {why}; `hub zwave restore` puts it there") from error
        if not 0 < len(content) <= LARGEST:
            raise ZWaveError(f"{path} is empty or larger than {LARGEST >> 20} MiB; it is no backup of a stick")
        data = base64.b64encode(content).decode()
        await self._memory(network, "controller.restore_nvm", _RESTORE_S, nvmData=data)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self.ctx.log.warning("A network was restored onto the stick")
        return KeptBackup(str(path), len(content))

    async def _memory(self, network: Network, command: str, within: float, **arguments: str) -> dict[str, Any]:
        try:
            return await network.ask(command, within=within, **arguments)
        except Refused as error:
            raise UnsupportedError(f"{_NO_NVM} ({error})") from error
