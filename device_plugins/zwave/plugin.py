"""The plugin: it keeps the network open, and turns the device registry's wishes into Z-Wave."""

from typing import Any, ClassVar, override

import msgspec

from device_plugins.sdk import Device, DevicePlugin, PairingError, UnreachableError
from device_plugins.zwave.network import Network, Settings
from hub.api import Context


class ZWave(DevicePlugin):
    """Z-Wave devices over Z-Wave JS."""

    protocol = "zwave"
    Config: ClassVar[type[msgspec.Struct]] = Settings

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.settings: Settings = ctx.config
        self.network: Network | None = None
        self.reason = "no stick is set; set [plugin.zwave] path to its serial port"

    @override
    async def start(self) -> None:
        self.ready(down=self.reason)

    def ready_network(self) -> Network:
        """The network; UnreachableError with the reason when it is down."""
        if self.network is None:
            raise UnreachableError(f"the network is down: {self.reason}")
        return self.network

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        self.ready_network()

    @override
    async def open_pairing(self, duration: float) -> None:
        raise PairingError(f"the network is down: {self.reason}")

    @override
    async def close_pairing(self) -> None:
        """Nothing is open."""

    @override
    async def forget(self, device: Device) -> None:
        self.ready_network()
