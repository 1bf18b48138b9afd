"""Opening: the port, zigpy's database and the network.

Importing this module takes most of a second and 55 MB, so only `device_plugins.zigbee.loading` imports it.
"""

import asyncio
import contextlib
import functools
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import zigpy.exceptions
from zigpy.util import CatchingTaskMixin

from device_plugins.sdk.finishing import to_the_end
from device_plugins.zigbee.controllers import controller
from device_plugins.zigbee.coordinator import MISSING
from device_plugins.zigbee.detecting import settled
from device_plugins.zigbee.headstart import HeadStart
from device_plugins.zigbee.network import Listener, RadioError, Settings
from device_plugins.zigbee.node import FAULTS
from device_plugins.zigbee.quirks import Quirks, open_quirks
from device_plugins.zigbee.radio import ZigpyRadio, shut, text_of
from device_plugins.zigbee.starting import RESTORED

LOG = logging.getLogger("hub.zigbee")

# What zigpy writes of a joining device is committed at once; only its cache of values waits this long (s).
_COMMIT_INTERVAL = 60.0
# Added to the frame counter of a restored network: more frames than a coordinator sends in months, and there is room
# for this 255 times. A counter that devices have heard before is taken for a replay, and the frame is dropped.
COUNTER_MARGIN = 1 << 24


async def open_radio(
    settings: Settings, folder: Path, listener: Listener, early: HeadStart | None = None
) -> ZigpyRadio:
    """Open the port and resume the network, or form one with random PAN id, extended PAN id and key.

    `folder` holds zigpy's database; `early` has the port open already. Raises RadioError; nothing stays open then, but
    for what `early` has.
    """
    settings = await settled(settings)
    quirks = None
    if settings.quirks:
        quirks = await asyncio.to_thread(open_quirks, folder, settings.quirks_dir)
    app = await _application(settings, folder, quirks)
    radio = ZigpyRadio(app, settings, listener)
    app.early = early
    try:
        await app.connect()
        await _resume_restored(app, folder / RESTORED)
        await _initialize(app)
        if app.backups.most_recent_backup() is None:
            # Killed between forming the network and remembering it: without this, another stick would go unnoticed.
            await app.backups.create_backup(load_devices=False)
    except BaseException as error:
        await to_the_end(radio.close())
        if isinstance(error, FAULTS):
            raise RadioError(_why(error, settings.path)) from error
        raise
    return radio


@contextlib.asynccontextmanager
async def attached(settings: Settings, folder: Path) -> AsyncIterator[Any]:
    """A zigpy application that is connected to the stick, but has not started the network; closed afterwards.

    `folder` holds zigpy's database. Raises RadioError, also for what fails inside.
    """
    settings = await settled(settings)
    app = await _application(settings, folder)
    try:
        await app.connect()
        yield app
    except FAULTS as error:
        raise RadioError(_why(error, settings.path)) from error
    finally:
        await to_the_end(shut(app))


async def _application(settings: Settings, folder: Path, quirks: Quirks | None = None) -> Any:  # noqa: ANN401 - bellows is untyped
    database = folder / "zigbee.db"
    kind = controller(settings.radio)
    try:
        await asyncio.to_thread(_make_private, database)
        app = await _whole(
            kind.new(
                _configuration(settings, database),
                start_radio=False,
                device_resolver=quirks.resolve if quirks else None,
            )
        )
        app.quirks = quirks
    except (OSError, sqlite3.Error, zigpy.exceptions.CorruptDatabase) as error:
        raise RadioError(
            f"cannot read {database}: {text_of(error)}; move it away to begin with a new network"
        ) from error
    _check_libraries(app)
    # A stick that was reset gets the remembered network from zigpy, with a smaller margin than a busy one needs.
    app.backups.restore_backup = functools.partial(app.backups.restore_backup, counter_increment=COUNTER_MARGIN)
    app._watchdog_period = settings.watchdog  # noqa: SLF001 - bellows has it as a constant of the class
    return app


async def _whole(making: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - bellows is untyped
    """An application; cancelled while it is made, it would leave its database open."""
    made = asyncio.gather(making)
    try:
        (app,) = await asyncio.shield(made)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            (app,) = await made
            await shut(app)
        raise
    return app


async def _initialize(app: Any) -> None:  # noqa: ANN401 - bellows is untyped
    """Bring the network up; one that has only moved to another channel is the one remembered.

    The hub may be killed after the network has moved and before that is remembered.
    """
    try:
        await app.initialize(auto_form=True)
    except zigpy.exceptions.NetworkSettingsInconsistent as error:
        old, new = error.old_state, error.new_state
        moved = {"channel": new.network_info.channel, "nwk_update_id": new.network_info.nwk_update_id}
        if not old.replace(network_info=old.network_info.replace(**moved)).is_compatible_with(new):
            raise
        LOG.warning("The network has moved from channel %d to %d", old.network_info.channel, moved["channel"])
        app._watchdog_task.cancel()  # noqa: SLF001 - it is started anew
        app.backups.add_backup(new)
        await app.initialize(auto_form=True)


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
        (getattr(app, "_dblistener", None), "_read_all_attributes", "quirks are not put in their places"),
        (getattr(app, "_dblistener", None), "_populate_attribute_cache", "quirks are not put in their places"),
        (CatchingTaskMixin, "_tasks", "closing may leave a task behind"),
    )
    for owner, name, consequence in places:
        if not hasattr(owner, name):
            LOG.warning(MISSING, name, consequence)


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
    return f"cannot start the radio at {path}: {text_of(error)}"
