"""Finding a device of the plugin's by what a person calls it."""

from typing import Any

from device_plugins.sdk import DevicePlugin, InvalidValueError, UnknownDeviceError
from device_plugins.zigbee.group_device import Group
from device_plugins.zigbee.groups import Groups
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


def split(text: str) -> tuple[str, int]:
    """A device and its endpoint from `device/endpoint`; 0 if none is given.

    Raises InvalidValueError.
    """
    name, slash, number = text.rpartition("/")
    if not slash:
        return text, 0
    if not number.isdecimal():
        raise InvalidValueError(f"{text[:80]!r} should be a device, or a device/endpoint with a number")
    return name, int(number)


async def group_of(plugin: DevicePlugin, groups: Groups, text: str) -> Group | None:
    """The group with this number, id, or name, be it the first one or its device's in the registry; None if none is."""
    if (found := groups.named(text)) is not None:
        return found
    try:
        device: Any = await plugin.ctx.services.call("devices.get", device=text)
    except HubError:
        return None
    return groups.named(device.id)
