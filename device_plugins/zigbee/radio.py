"""The connection: a zigpy application on bellows, opened, listened to and closed.

Importing this module takes most of a second and 55 MB, so only `device_plugins.zigbee.loading` imports it.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

import zigpy.exceptions
import zigpy.types as t
from bellows.ash import NcpFailure
from bellows.zigbee.application import ControllerApplication
from zigpy.device import BaseDevice, ZigbeeDevice
from zigpy.util import CatchingTaskMixin

from device_plugins.zigbee.mapping.status import SUCCESS
from device_plugins.zigbee.network import Listener, NetworkInfo, Node, RadioError, Settings
from device_plugins.zigbee.node import FAULTS, ZigpyNode, address_of, hex_of
from device_plugins.zigbee.quirks import Quirks, open_quirks
from device_plugins.zigbee.quirks.loading import inputs_of

LOG = logging.getLogger("hub.zigbee")

# What zigpy writes of a joining device is committed at once; only its cache of values waits this long (s).
_COMMIT_INTERVAL = 60.0
_CLOSE_LIMIT = 10.0
_FLUSH_LIMIT = 5.0
_LEAVE_LIMIT = 3.0
_ANSWERS_LIMIT = 1.0
# bellows would wait for five missed feeds, 100 s, before it gives a hung stick up.
_MISSED_FEEDS = 2
# Added to the frame counter of a restored network: more frames than a coordinator sends in months, and there is room
# for this 255 times. A counter that devices have heard before is taken for a replay, and the frame is dropped.
COUNTER_MARGIN = 1 << 24
_RESTORED = "restored"  # the mark that a restore leaves in a plugin's folder
_MISSING = "This version of zigpy or bellows has no %s: %s"


class Coordinator(ControllerApplication):
    """bellows' application with a few changes: see the methods."""

    announced: Callable[[ZigbeeDevice], None] | None = None
    quirks: Quirks | None = None

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._importing: set[t.EUI64] = set()

    @override
    async def connect(self) -> None:
        """Connect, and from then on remember which devices need no extended time-out.

        bellows asks the stick before every unicast. It is off by default, so a device that never had it on needs no
        question; for the others (they sleep, and the stick may evict them from its table) it goes on asking.
        """
        await super().connect()
        ezsp: Any = self._ezsp
        if not hasattr(ezsp, "_protocol"):
            LOG.warning(_MISSING, "_protocol", "commands are slower")
            return
        asked: Any = None
        off: set[t.EUI64] = set()

        async def set_extended_timeout(nwk: t.NWK, ieee: t.EUI64, extended_timeout: bool = True) -> None:  # noqa: FBT001, FBT002
            nonlocal asked
            if asked is not ezsp._protocol:  # noqa: SLF001 - a reset makes a new one, and the stick forgets
                asked = ezsp._protocol  # noqa: SLF001
                off.clear()
            if extended_timeout:
                off.discard(ieee)
            elif ieee in off:
                return
            await asked.set_extended_timeout(nwk=nwk, ieee=ieee, extended_timeout=extended_timeout)
            if not extended_timeout:
                off.add(ieee)

        ezsp.set_extended_timeout = set_extended_timeout

    @override
    def device_initialized(self, device: BaseDevice) -> None:
        """Take a device whose interview is over; its quirk is imported beside the loop first."""
        quirks, ready = self.quirks, super().device_initialized
        if quirks is None or not isinstance(device, ZigbeeDevice):
            ready(device)
            return
        about = str(device.manufacturer or ""), str(device.model or ""), inputs_of(device)
        if quirks.is_loaded(*about):
            ready(device)
            return

        if device.ieee in self._importing:
            return  # it has announced itself again meanwhile

        async def load() -> None:
            try:
                await asyncio.to_thread(quirks.load, *about)
            finally:
                self._importing.discard(device.ieee)
            ready(device)

        self._importing.add(device.ieee)

        tasks: Any = self  # as zigpy gives it tasks, its type is a protocol of another kind
        tasks.create_task(load(), name="imports a quirk")

    @override
    async def _watchdog_feed(self) -> None:
        """Feed, and fail at the second feed in a row that gets no answer."""
        await super()._watchdog_feed()  # type: ignore[no-untyped-call]
        if getattr(self, "_watchdog_failures", 0) >= _MISSED_FEEDS:
            raise TimeoutError

    @override
    def packet_received(self, packet: t.ZigbeePacket) -> None:
        """Take a frame; one that a device has garbled is a line in the log."""
        try:
            super().packet_received(packet)
        except Exception as error:  # noqa: BLE001 - zigpy raises whatever the bytes bring about
            what = f"{type(error).__name__}: {error}"
            LOG.warning(
                "A frame of %s on cluster 0x%04X was not understood: %.200s", packet.src, packet.cluster_id, what
            )

    @override
    def handle_join(self, nwk: t.NWK, ieee: t.EUI64, parent_nwk: t.NWK, *, handle_rejoin: bool = True) -> None:
        """Tell of a known device that is back under its old address, of which zigpy itself says nothing."""
        known = self.devices.get(ieee)
        same = isinstance(known, ZigbeeDevice) and known.nwk == nwk and _is_interviewed(known)
        super().handle_join(nwk, ieee, parent_nwk, handle_rejoin=handle_rejoin)
        if same and handle_rejoin and self.announced and isinstance(known, ZigbeeDevice):
            self.announced(known)


class ZigpyRadio:
    """An open radio; made by `open_radio`."""

    def __init__(self, app: Coordinator, settings: Settings, listener: Listener) -> None:
        self._app: Any = app
        self._path = settings.path
        self._listener = listener
        self._nodes: dict[str, ZigpyNode] = {}
        app.announced = lambda device: self._tell(listener.announced, self._node(device))
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
            path=self._path,
        )

    def nodes(self) -> list[Node]:
        """The devices whose interview is complete."""
        return [self._node(device) for device in self._app.devices.values() if self._is_ready(device)]

    async def permit(self, seconds: int) -> None:
        """Let devices join for at most 254 seconds; 0 closes."""
        try:
            await self._app.permit(seconds)
        except FAULTS as error:
            raise RadioError(f"the radio at {self._path} does not open the network: {_text(error)}") from error

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
            LOG.info("%s was not told to leave: %s", ieee, _text(error))
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

    async def remember(self) -> None:
        """Write the network as it is now, keys and frame counters, to the database. Raises RadioError."""
        try:
            await self._app.backups.create_backup()
        except FAULTS as error:
            raise RadioError(f"the network was not written to zigbee.db: {_text(error)}") from error
        await self.flush()

    async def close(self) -> None:
        """Close the port and the database."""
        self._app.remove_listener(self)
        self._app.announced = None
        await _shut(self._app)

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

    def _is_ready(self, device: BaseDevice) -> bool:
        mine = self._app.state.node_info.ieee
        return (
            isinstance(device, ZigbeeDevice)
            and _is_interviewed(device)
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


def _is_interviewed(device: ZigbeeDevice) -> bool:
    """Whether the interview is over: zigpy takes the signature at its end, but says `is_initialized` before."""
    return bool(device.is_initialized and device.original_signature is not None)


async def open_radio(settings: Settings, folder: Path, listener: Listener) -> ZigpyRadio:
    """Open the port and resume the network, or form one with random PAN id, extended PAN id and key.

    `folder` holds zigpy's database. Raises RadioError; nothing stays open then.
    """
    database = folder / "zigbee.db"
    try:
        await asyncio.to_thread(_make_private, database)
        quirks = None
        if settings.quirks:
            quirks = await asyncio.to_thread(open_quirks, folder, settings.quirks_dir, listener.models())
        app: Any = await Coordinator.new(
            _configuration(settings, database),
            start_radio=False,
            device_resolver=quirks.resolve if quirks else None,
        )
        app.quirks = quirks
    except (OSError, sqlite3.Error, zigpy.exceptions.CorruptDatabase) as error:
        raise RadioError(f"cannot read {database}: {_text(error)}; move it away to begin with a new network") from error
    _check_libraries(app)
    app._watchdog_period = settings.watchdog  # noqa: SLF001 - bellows has it as a constant of the class
    radio = ZigpyRadio(app, settings, listener)
    try:
        await app.connect()
        await _resume_restored(app, folder / _RESTORED)
        await app.initialize(auto_form=True)
        if app.backups.most_recent_backup() is None:
            # Killed between forming the network and remembering it: without this, another stick would go unnoticed.
            await app.backups.create_backup(load_devices=False)
    except FAULTS as error:
        await radio.close()
        raise RadioError(_why(error, settings.path)) from error
    except BaseException:
        await radio.close()
        raise
    return radio


async def _resume_restored(app: Any, mark: Path) -> None:  # noqa: ANN401 - bellows is untyped
    """After a restore: never send with a frame counter that may have been in use since the backup was made.

    The stick that was always there has counted on, and is left alone. One that has no network, or has counted less than
    was remembered, gets the network with a counter far ahead.
    """
    if not await asyncio.to_thread(mark.exists):
        return
    remembered = app.backups.most_recent_backup()
    if remembered is not None:
        try:
            await app.load_network_info(load_devices=False)
            found = app.backups.from_network_state()
            counted = found.network_info.network_key.tx_counter
            is_behind = (
                found.is_compatible_with(remembered) and counted < remembered.network_info.network_key.tx_counter
            )
        except zigpy.exceptions.NetworkNotFormed:
            is_behind = True
        if is_behind:
            LOG.warning("The stick gets the restored network; its frame counter goes on %d ahead", COUNTER_MARGIN)
            await app.backups.restore_backup(remembered, counter_increment=COUNTER_MARGIN)
    await asyncio.to_thread(mark.unlink)


def _check_libraries(app: object) -> None:
    """Say what zigpy and bellows no longer have of that which they do not promise; all of it can be done without."""
    places = (
        (app, "_watchdog_period", "a hung stick is noticed later"),
        (app, "_watchdog_failures", "a hung stick is noticed later"),
        (app, "_mfg_id_task", "closing may leave a task behind"),
        (getattr(app, "_dblistener", None), "_callback_handlers", "a device may be interviewed again after a crash"),
        (CatchingTaskMixin, "_tasks", "closing may leave a task behind"),
    )
    for owner, name, consequence in places:
        if not hasattr(owner, name):
            LOG.warning(_MISSING, name, consequence)


async def _shut(app: Any) -> None:  # noqa: ANN401 - bellows is untyped
    task = getattr(app, "_mfg_id_task", None)  # bellows forgets to end it
    if task is not None:
        task.cancel()
    for device in app.devices.values():
        if isinstance(device, ZigbeeDevice):
            device.cancel_initialization()
    try:
        async with asyncio.timeout(_CLOSE_LIMIT):
            await app.shutdown()
    except TimeoutError:
        LOG.warning("The radio did not close within %g s", _CLOSE_LIMIT)
    # Answers that zigpy was sending by itself: they fail at once now, or soon, and say nothing if not cancelled.
    if answers := {task for task in getattr(CatchingTaskMixin, "_tasks", ()) if not task.done()}:
        _, late = await asyncio.wait(answers, timeout=_ANSWERS_LIMIT)
        for task in late:
            task.cancel()


def _make_private(database: Path) -> None:
    # It holds the network's key; SQLite gives its other files the same mode.
    os.close(os.open(database, os.O_RDWR | os.O_CREAT, 0o600))
    database.chmod(0o600)


def _configuration(settings: Settings, database: Path) -> dict[str, Any]:
    return {
        "device": {
            "path": settings.path,
            "baudrate": settings.baudrate,
            "flow_control": settings.flow_control,
        },
        "database_path": str(database),
        "database_commit_interval": _COMMIT_INTERVAL,
        "network": {"channel": settings.channel, "channels": list(settings.channels)},
        "validate_network_settings": True,
        "backup_enabled": False,
        "topology_scan_enabled": False,
        "ota": {"enabled": False, "broadcast_enabled": False, "providers": []},
        "use_thread": False,
    }


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (FileNotFoundError, "cannot open {path}: no such file; plug the stick in or set [plugin.zigbee] path"),
    (ConnectionRefusedError, "cannot open {path}: nothing listens there; start it or set [plugin.zigbee] path"),
    (TimeoutError, "the stick at {path} does not answer; plug it in again, or check [plugin.zigbee] path and baudrate"),
    (
        zigpy.exceptions.NetworkSettingsInconsistent,
        (
            "the stick at {path} holds another network than the one remembered; put the former stick back, or move "
            "zigbee.db away to begin anew"
        ),
    ),
)
_IN_USE = "cannot open {path}: another program uses it; stop that program or set [plugin.zigbee] path"
_DENIED = "cannot open {path}: permission denied; let the hub's user into the group that owns it"


def _why(error: BaseException, path: str) -> str:
    if isinstance(error, PermissionError):  # zigpy raises one without a number for a locked port
        return (_IN_USE if error.errno is None else _DENIED).format(path=path)
    for kind, sentence in _REASONS:
        if isinstance(error, kind):
            return sentence.format(path=path)
    return f"cannot start the radio at {path}: {_text(error)}"


def _loss(error: BaseException | None) -> str:
    match error:
        case NcpFailure():
            how = str(getattr(error.code, "name", error.code)).lower().replace("_", " ")
            return f"the stick failed ({how})"
        case TimeoutError():
            return "the stick does not answer any more"
        case OSError():
            return f"the port closed: {_text(error)}"
    return _text(error) if error else "the port closed"


def _text(error: BaseException) -> str:
    return (str(error) or type(error).__name__).rstrip(".")
