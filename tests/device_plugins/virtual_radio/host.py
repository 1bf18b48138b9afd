"""An unmodified host: zigpy with bellows, on the virtual radio's line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import zigpy.types as zt
from bellows.zigbee.application import ControllerApplication
from zigpy.device import Device, ZigbeeDevice

from device_plugins.virtual_radio import VirtualDevice, VirtualRadio
from device_plugins.zigbee.radio import shut
from tests.harness import eventually

VERSIONS = (8, 13, 14, 18)


class Listener:
    """What zigpy tells of devices and the line."""

    def __init__(self) -> None:
        self.initialized: list[str] = []
        self.left: list[str] = []
        self.lost = asyncio.Event()

    def device_initialized(self, device: Device) -> None:
        self.initialized.append(str(device.ieee))

    def device_left(self, device: Device) -> None:
        self.left.append(str(device.ieee))

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost.set()


class Host:
    def __init__(self, app: ControllerApplication) -> None:
        self.app = app
        self.heard = Listener()
        app.add_listener(self.heard)

    def device(self, device: VirtualDevice | str) -> ZigbeeDevice:
        ieee = device if isinstance(device, str) else device.ieee
        found = self.app.get_device(ieee=zt.EUI64.convert(ieee))
        assert isinstance(found, ZigbeeDevice)
        return found

    def cluster(self, device: VirtualDevice | str, name: str) -> Any:  # noqa: ANN401 - half of it has no types
        """Return a cluster of endpoint 1 by zigpy's name for it."""
        return getattr(self.device(device).endpoints[1], name)

    async def pair(self, radio: VirtualRadio, model: str, within: float = 10.0) -> VirtualDevice:
        """Let a new device of a model join, and wait until it has been interviewed."""
        device = radio.add(model)
        await self.app.permit(60)
        await eventually(lambda: radio.permits)
        radio.join(device)
        await eventually(lambda: device.ieee in self.heard.initialized, within, f"the interview of {model}")
        return device


async def connect(path: str) -> ControllerApplication:
    """Connect to a radio and form a network, or resume the one it has."""
    config = {
        "device": {"path": path},
        "database_path": None,
        "use_thread": False,
        "backup_enabled": False,
        "topology_scan_enabled": False,
        "ota": {"enabled": False},
    }
    app = await ControllerApplication.new(config, auto_form=True)
    assert isinstance(app, ControllerApplication)
    return app


@asynccontextmanager
async def hosted(path: str) -> AsyncIterator[Host]:
    """Run a host on a line."""
    host = Host(await connect(path))
    try:
        yield host
    finally:
        await shut(host.app)


@asynccontextmanager
async def home(version: int = 14) -> AsyncIterator[tuple[VirtualRadio, Host]]:
    """Run a radio without latency on a pseudo-terminal, and a host on it."""
    radio = VirtualRadio(version, latency=0.0)
    try:
        # Forming resets three times and leaves the callback registered twice; a second start is as from then on.
        app = await connect(radio.open_pty())
        await app.shutdown()
        async with hosted(radio.address) as host:
            yield radio, host
    finally:
        await radio.close()
