"""The connection: a zigpy application on its stick, listened to and closed."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zigpy.exceptions
import zigpy.types as t
from bellows.ash import NcpFailure
from zigpy.device import BaseDevice, ZigbeeDevice
from zigpy.group import Group
from zigpy.util import CatchingTaskMixin

from device_plugins.sdk import UnreachableError, UnsupportedError
from device_plugins.zigbee.announcing import is_interviewed
from device_plugins.zigbee.coordinator import Coordinator
from device_plugins.zigbee.firmware import problems
from device_plugins.zigbee.links import Links
from device_plugins.zigbee.managing import ZigpyManagement
from device_plugins.zigbee.mapping import Send
from device_plugins.zigbee.mapping.status import SUCCESS
from device_plugins.zigbee.network import BusyError, Listener, NetworkInfo, Node, RadioError, Settings, port_of
from device_plugins.zigbee.node import FAULTS, ZigpyNode, address_of, hex_of
from device_plugins.zigbee.quirking import Quirking
from device_plugins.zigbee.rehearsal import Memory
from device_plugins.zigbee.serving import ZigpyImages
from device_plugins.zigbee.touchlinking import ZigpyTouchlink
from device_plugins.zigbee.zigpy_links import ZigpyLinks

LOG = logging.getLogger("hub.zigbee")

_CLOSE_LIMIT = 10.0
_FLUSH_LIMIT = 5.0
_LEAVE_LIMIT = 3.0
_ANSWERS_LIMIT, _ANSWERS_EVERY = 2.0, 0.05


class ZigpyRadio:
    """An open radio; made by `opening.open_radio`."""

    def __init__(self, app: Quirking, settings: Settings, listener: Listener) -> None:
        self._app: Any = app
        self._settings = settings
        self._listener = listener
        self._nodes: dict[str, ZigpyNode] = {}
        self.management = ZigpyManagement(app)
        self.touchlink = ZigpyTouchlink(app, self.management.alone, lambda why: self._tell(listener.lost, why))
        self.images = ZigpyImages(app, Path(settings.ota_dir).expanduser() if settings.ota_dir else None)
        app.announced = lambda device: self._tell(listener.announced, self._node(device))
        app.completed = self._completed
        app.alive = lambda ieee, lqi: self._tell(listener.alive, ieee, lqi)
        app.add_listener(self)

    def info(self) -> NetworkInfo:
        """The network."""
        network, node = self._app.state.network_info, self._app.state.node_info
        return NetworkInfo(
            coordinator=hex_of(node.ieee),
            firmware=str(node.version or ""),
            channel=int(network.channel),
            pan_id=f"{network.pan_id:04x}",
            extended_pan_id=hex_of(network.extended_pan_id),
            path=self._settings.path,
            radio=self._settings.radio,
            problems=problems(str(node.version or ""), self._ezsp_version, self._settings.flow_control),
        )

    @property
    def _ezsp_version(self) -> int:
        return int(getattr(getattr(self._app, "_ezsp", None), "ezsp_version", 0))

    def nodes(self) -> list[Node]:
        """The devices whose interview is complete."""
        return [self._node(device) for device in self._app.devices.values() if self._is_ready(device)]

    def links(self, ieee: str) -> Links:
        """What a device keeps for others."""
        device = self._find(ieee)
        if device is None:
            raise UnreachableError(f"zigbee-{ieee} is not on the network; pair it again", device=f"zigbee-{ieee}")
        return ZigpyLinks(self._node(device))

    async def multicast(self, group: int, request: Send) -> None:
        """Send a command to all members of a group; nobody confirms it."""
        try:
            cluster: Any = Group(group, groups=self._app.groups).endpoint[request.cluster]
        except KeyError as error:
            raise UnsupportedError(f"cluster 0x{request.cluster:04X} cannot be spoken to a group") from error
        try:
            await cluster.command(request.command, *request.payload, expect_reply=False)
        except zigpy.exceptions.DeliveryError as error:
            raise BusyError(f"the stick at {self._settings.path} is too busy to reach group {group}") from error
        except FAULTS as error:
            raise UnreachableError(f"the radio does not send to group {group}: {text_of(error)}") from error

    async def permit(self, seconds: int) -> None:
        """Let devices join for at most 254 seconds; 0 closes."""
        try:
            await self._app.permit(seconds)
        except FAULTS as error:
            where = self._settings.path
            raise RadioError(f"the radio at {where} does not open the network: {text_of(error)}") from error

    def interview(self, ieee: str, short: int | None = None) -> None:
        """Interview a device whose interview did not come to its end, taking it in first if `short` is given."""
        device = self._find(ieee)
        if device is not None:
            device.schedule_initialize()
        elif short is not None:
            self._app.handle_join(t.NWK.convert(f"{short:04x}"), address_of(ieee), 0, handle_rejoin=False)

    async def remove(self, ieee: str) -> bool:
        """Ask a device to leave, and forget it; whether it has confirmed that it leaves.

        zigpy's own way asks in the background, and forgets the device when that is over, though it has come back since.
        """
        self._nodes.pop(ieee, None)
        device = self._find(ieee)
        if device is None:
            return False
        try:
            async with asyncio.timeout(_LEAVE_LIMIT):
                status, *_ = await device.zdo.leave(remove_children=False)
        except FAULTS as error:
            LOG.info("%s was not told to leave: %s", ieee, text_of(error))
            status = None
        # One that has just joined, and is sent away at once, is to be interviewed all the same.
        device.cancel_initialization()
        self._app.listener_event("device_removed", device)
        self._app.devices.pop(device.ieee, None)
        await self.flush()
        return bool(status == SUCCESS)

    async def flush(self) -> None:
        """Return when what was learned of devices is on disk; raises RadioError when that takes too long.

        zigpy queues its writes and commits a device's own within its turn, so an empty queue says they are done.
        """
        try:
            async with asyncio.timeout(_FLUSH_LIMIT):
                writes = getattr(getattr(self._app, "_dblistener", None), "_callback_handlers", None)
                if writes is not None:
                    await writes.join()
        except TimeoutError as error:
            raise RadioError(f"zigbee.db was not written within {_FLUSH_LIMIT:g} s") from error

    async def remember(self) -> bytes:
        """Write the network as it is now, keys and frame counters, to the database; returns it as a backup's file.

        Raises RadioError.
        """
        try:
            backup = await self._app.backups.create_backup()
        except FAULTS as error:
            raise RadioError(f"the network was not written to zigbee.db: {text_of(error)}") from error
        await self.flush()
        return json.dumps(backup.as_open_coordinator_json(), indent=2).encode()

    def memory(self) -> Memory | None:
        """What the next start needs to act before zigpy is there; only of a stick that bellows speaks to."""
        known = self._app.memory() if isinstance(self._app, Coordinator) else None
        if known is None:
            return None
        rehearsal, shorts, kinds = known
        return Memory(port_of(self._settings), rehearsal, shorts, tuple(sorted(kinds)))

    def hear(self, frame: bytes) -> None:
        """Take what the stick said before."""
        self._app.hear(frame)

    async def close(self) -> None:
        """Close the port and the database."""
        self._app.remove_listener(self)
        self._app.announced = self._app.alive = self._app.completed = None
        await shut(self._app)

    # What zigpy tells its listeners; it swallows what they raise.

    def device_joined(self, device: BaseDevice) -> None:
        """A device is new, or has a new short address."""
        self._tell(self._listener.joined, hex_of(device.ieee), int(device.nwk))

    def device_initialized(self, device: BaseDevice) -> None:
        """An interview is complete, or was when the device came back."""
        if self._is_ready(device):
            self._tell(self._listener.interviewed, self._node(device))

    def device_init_failure(self, device: BaseDevice) -> None:
        """An interview failed."""
        self._tell(self._listener.interview_failed, hex_of(device.ieee))

    def device_left(self, device: BaseDevice) -> None:
        """A device left."""
        if isinstance(device, ZigbeeDevice):
            device.cancel_initialization()
        self._tell(self._listener.left, hex_of(device.ieee))

    def handle_message(self, device: BaseDevice, *_: object) -> None:
        """Any message from a device, before it is parsed."""
        self._tell(self._listener.alive, hex_of(device.ieee), None if device.lqi is None else int(device.lqi))

    def connection_lost(self, error: Exception | None) -> None:
        """The port closed, the stick failed or stopped to answer."""
        self._tell(self._listener.lost, _loss(error))

    def _completed(self) -> None:
        for node in self._nodes.values():
            if (device := self._app.devices.get(node.device.ieee)) is not None:
                self._tell(node.renew, device)

    def _is_ready(self, device: BaseDevice) -> bool:
        mine = self._app.state.node_info.ieee
        return (
            isinstance(device, ZigbeeDevice)
            and is_interviewed(device)
            and device.ieee != mine
            and not (device.node_desc and device.node_desc.is_coordinator)
        )

    def _find(self, ieee: str) -> Any:  # noqa: ANN401 - zigpy's device, whose types are partial
        device = self._app.devices.get(address_of(ieee))
        return device if isinstance(device, ZigbeeDevice) else None

    def _node(self, device: ZigbeeDevice | BaseDevice) -> ZigpyNode:
        ieee = hex_of(device.ieee)
        node = self._nodes.get(ieee)
        if node is None or node.device is not device:
            node = self._nodes[ieee] = ZigpyNode(device)
        return node

    def _tell[*A](self, listener: Callable[[*A], None], *about: *A) -> None:
        try:
            listener(*about)
        except Exception:
            LOG.exception("What the radio told was not understood")


def _asked(protocol: Any) -> list[asyncio.Future[Any]]:  # noqa: ANN401 - bellows is untyped
    """The answers that bellows waits for; with other libraries there are none."""
    return [answer for *_, answer in getattr(protocol, "_awaiting", {}).values()]


def _answering() -> set[asyncio.Future[Any]]:
    """What zigpy is sending by itself."""
    return {task for task in getattr(CatchingTaskMixin, "_tasks", ()) if not task.done()}


async def shut(app: Any) -> None:  # noqa: ANN401 - bellows is untyped
    """Close a zigpy application, and leave no task behind."""
    task = getattr(app, "_mfg_id_task", None)  # bellows forgets to end it
    if task is not None:
        task.cancel()
    for device in app.devices.values():
        if isinstance(device, ZigbeeDevice):
            device.cancel_initialization()
    protocol = getattr(getattr(app, "_ezsp", None), "_protocol", None)
    asked = _asked(protocol)
    try:
        async with asyncio.timeout(_CLOSE_LIMIT):
            await app.shutdown()
    except TimeoutError:
        LOG.warning("The radio did not close within %g s", _CLOSE_LIMIT)
    await _end_answers(protocol, asked)


async def _end_answers(protocol: Any, asked: list[asyncio.Future[Any]]) -> None:  # noqa: ANN401 - bellows is untyped
    """End what bellows still asks a stick that is closed, and so what zigpy was sending by itself.

    It fails step by step, and says nothing of it if it need not be cancelled.
    """
    end = asyncio.get_running_loop().time() + _ANSWERS_LIMIT
    while True:
        for answer in (*asked, *_asked(protocol)):
            if not answer.done():
                answer.set_exception(TimeoutError())
                answer.exception()  # not each of them is still waited for, and asyncio would say so
        if not (answering := _answering()) or asyncio.get_running_loop().time() >= end:
            break
        await asyncio.wait(answering, timeout=_ANSWERS_EVERY)
    for task in answering:
        task.cancel()


def _loss(error: BaseException | None) -> str:
    match error:
        case NcpFailure():
            how = str(getattr(error.code, "name", error.code)).lower().replace("_", " ")
            return f"the stick failed ({how})"
        case TimeoutError():
            return "the stick does not answer any more"
        case OSError():
            return f"the port closed: {text_of(error)}"
    return text_of(error) if error else "the port closed"


def text_of(error: BaseException) -> str:
    """What an error says, or what it is called, as a part of a sentence."""
    return (str(error) or type(error).__name__).rstrip(".")
