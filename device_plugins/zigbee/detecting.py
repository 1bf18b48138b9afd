"""Finding the stick: the serial ports there are, and what answers on them. It comes with the radio libraries."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import serialx

from device_plugins.zigbee.controllers import controller
from device_plugins.zigbee.network import RadioError, Settings
from device_plugins.zigbee.sticks import KINDS, Port, RadioKind, SerialPort, kinds_of, known

LOG = logging.getLogger("hub.zigbee")

AUTO = "auto"
# A stick of the right kind answers within two seconds; a library goes on asking a wrong one for much longer.
_PROBE_LIMIT = 6.0
_CLOSE_LIMIT = 3.0


async def ports() -> list[Port]:
    """The serial ports of this machine."""
    found = await asyncio.to_thread(serialx.list_serial_ports)
    return [
        Port(str(one.device), one.vid or 0, one.pid or 0, one.product or "", one.manufacturer or "") for one in found
    ]


async def survey(settings: Settings, *, probe_them: bool, used: str) -> list[SerialPort]:
    """The ports with what they are; the sticks among them are asked if `probe_them`, but for the one at `used`."""
    listed = []
    for port in await ports():
        kinds = kinds_of(port)
        is_used = bool(used) and (port.path == used or await asyncio.to_thread(same_file, port.path, used))
        answers = ""
        if probe_them and kinds and not is_used:
            answers = await probe(msgspec.structs.replace(settings, path=port.path), kinds) or "nothing"
        product = " ".join(filter(None, (port.manufacturer, port.product)))
        listed.append(SerialPort(port.path, port.usb, product, " or ".join(kinds), is_used, answers))
    return listed


async def settled(settings: Settings) -> Settings:
    """The settings with a stick instead of each `auto`.

    Raises RadioError when there is none, or more than one.
    """
    if AUTO not in {settings.path, settings.radio}:
        return settings
    listed = await ports()
    port = _only(listed) if settings.path == AUTO else await asyncio.to_thread(_named, settings.path, listed)
    found = msgspec.structs.replace(settings, path=port.path)
    if settings.radio != AUTO:
        return found
    kinds = kinds_of(port) or KINDS
    kind = kinds[0] if len(kinds) == 1 else await probe(found, kinds)
    if kind is None:
        raise RadioError(f"no Zigbee stick answers at {port.path}; set [plugin.zigbee] radio to what it is")
    return msgspec.structs.replace(found, radio=kind)


async def probe(settings: Settings, kinds: Sequence[RadioKind]) -> RadioKind | None:
    """The first of these kinds that answers at the settings' path; those without their library are left out.

    Raises RadioError when the port cannot be opened at all.
    """
    for kind in kinds:
        try:
            application = controller(kind)
        except RadioError:
            continue
        device = {"path": settings.path, "baudrate": settings.baudrate, "flow_control": settings.flow_control}
        if await _answers(application({"device": device})):
            return kind
    return None


async def _answers(app: Any) -> bool:  # noqa: ANN401 - a zigpy application
    try:
        async with asyncio.timeout(_PROBE_LIMIT):
            await app.connect()
    except FileNotFoundError as error:
        raise RadioError("cannot open the port: no such file; plug the stick in or set [plugin.zigbee] path") from error
    except Exception as error:  # noqa: BLE001 - each library raises its own when a stick does not speak its language
        LOG.debug("%s got no answer: %r", type(app).__module__, error)
        return False
    finally:
        with suppress(Exception):  # it is not open, or only half
            async with asyncio.timeout(_CLOSE_LIMIT):
                await app.disconnect()
    return True


def _only(listed: Sequence[Port]) -> Port:
    sticks = known(listed)
    if not sticks:
        raise RadioError("no Zigbee stick was found; plug one in, or set [plugin.zigbee] path to its serial port")
    if len(sticks) > 1:
        names = ", ".join(port.path for port in sticks)
        raise RadioError(f"{len(sticks)} Zigbee sticks were found: {names}; set [plugin.zigbee] path to one of them")
    return sticks[0]


def _named(path: str, listed: Sequence[Port]) -> Port:
    same = [port for port in listed if port.path == path or same_file(port.path, path)]
    return msgspec.structs.replace(same[0], path=path) if same else Port(path)


def same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one port."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
