"""What the plugin's groups of services share: its network and its devices."""

from abc import abstractmethod
from typing import Any, ClassVar

from device_plugins.sdk import DevicePlugin, UnknownDeviceError
from device_plugins.zwave.network import Network, Settings
from device_plugins.zwave.roster import Roster
from hub.api import HubError


class ZWavePlugin(DevicePlugin):
    """The base of `plugin.ZWave`, and of the groups of services that it is put together from."""

    protocol = "zwave"
    Config: ClassVar[type[Settings]] = Settings
    settings: Settings
    roster: Roster

    @abstractmethod
    def ready_network(self) -> Network:
        """The network; UnreachableError with the reason when it is down."""

    async def id_of(self, device: str) -> str:
        """The id of a device of this plugin, given by its id or by its name in the registry.

        Raises UnknownDeviceError.
        """
        if device in self.devices:
            return device
        try:
            found: Any = await self.ctx.services.call("devices.get", device=device)
        except UnknownDeviceError:
            raise
        except HubError as error:
            raise UnknownDeviceError(f"there is no Z-Wave device {device[:80]!r}", device=device[:80]) from error
        if found.id not in self.devices:
            raise UnknownDeviceError(f"{device[:80]} is not a Z-Wave device", device=found.id)
        return str(found.id)

    async def node_of(self, device: str) -> int:
        """The node id of a device of this plugin, given by its id or by its name in the registry.

        Raises UnknownDeviceError.
        """
        return self.roster.known[await self.id_of(device)].node
