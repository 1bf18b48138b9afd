"""Finding a device of the plugin's by what a person calls it."""

from typing import Any

from device_plugins.sdk import DevicePlugin, UnknownDeviceError
from device_plugins.zigbee.known import Known
from device_plugins.zigbee.roster import Roster
from hub.api import HubError


async def known_of(plugin: DevicePlugin, roster: Roster, device: str) -> Known:
    """The device with this id, or this name in the registry.

    Raises UnknownDeviceError.
    """
    wanted = device
    if device not in plugin.devices:
        try:
            found: Any = await plugin.ctx.services.call("devices.get", device=device)
            wanted = found.id
        except UnknownDeviceError:
            raise
        except HubError as error:
            raise UnknownDeviceError(f"there is no Zigbee device {device[:80]!r}", device=device[:80]) from error
    known = roster.known.get(wanted.removeprefix("zigbee-"))
    if known is None:
        raise UnknownDeviceError(f"{device[:80]} is not a Zigbee device", device=wanted)
    return known
