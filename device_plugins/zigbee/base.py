"""What the plugin's groups of services share: its settings, its radio and its devices."""

from typing import Any, ClassVar

from device_plugins.sdk import DevicePlugin, UnknownDeviceError, UnreachableError
from device_plugins.zigbee.management import Management
from device_plugins.zigbee.network import Radio, Settings
from device_plugins.zigbee.reconnect import LinkState, Reconnect
from device_plugins.zigbee.roster import Roster
from hub.api import HubError

PREFIX = "zigbee-"


class ZigbeePlugin(DevicePlugin):
    """The base of `plugin.Zigbee`, and of the groups of services that it is put together from."""

    protocol = "zigbee"
    Config: ClassVar[type[Settings]] = Settings
    settings: Settings
    radio: Radio | None
    link: Reconnect
    roster: Roster

    def ready_radio(self) -> Radio:
        """The radio; UnreachableError with the reason when it is down."""
        if self.radio is None or self.link.state is not LinkState.UP:
            raise UnreachableError(f"the radio is down: {self.link.reason}")
        return self.radio

    def management(self) -> Management:
        """The network's management; UnreachableError with the reason when the radio is down."""
        return self.ready_radio().management

    async def ieee_of(self, device: str) -> str:
        """The address of a device of this plugin, given by its id or by its name in the registry.

        Raises UnknownDeviceError.
        """
        if device not in self.devices:
            try:
                found: Any = await self.ctx.services.call("devices.get", device=device)
                device = found.id
            except UnknownDeviceError:
                raise
            except HubError as error:
                raise UnknownDeviceError(f"there is no Zigbee device {device[:80]!r}", device=device) from error
        if device not in self.devices:
            raise UnknownDeviceError(f"{device[:80]} is not a Zigbee device", device=device)
        return device.removeprefix(PREFIX)
