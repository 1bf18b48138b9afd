"""What the plugin's groups of services share: its settings, its radio and its devices."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

from device_plugins.sdk import DevicePlugin, UnreachableError
from device_plugins.sdk.reconnect import LinkState, Reconnect
from device_plugins.zigbee.finding import known_of
from device_plugins.zigbee.headstart import HeadStart
from device_plugins.zigbee.management import Management
from device_plugins.zigbee.network import Radio, RadioError, Settings
from device_plugins.zigbee.roster import Roster
from hub.api import Task

PREFIX = "zigbee-"


class ZigbeePlugin(DevicePlugin):
    """The base of `plugin.Zigbee`, and of the groups of services that it is put together from."""

    protocol = "zigbee"
    Config: ClassVar[type[Settings]] = Settings
    settings: Settings
    radio: Radio | None
    link: Reconnect[Radio]
    roster: Roster
    early: HeadStart | None = None
    _running: Task[None] | None = None
    _stopped = False

    @abstractmethod
    def went_down(self, reason: str) -> None:
        """Do what is to be done when the radio is gone."""

    async def open_link(self) -> None:
        """Keep the radio open from now on; returns when it has been tried once, or `start_wait` is over."""
        if self._stopped:
            return
        self.link.tried.clear()
        self._running = self.ctx.tasks.start("radio", self.link.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.start_wait):
                await self.link.tried.wait()

    async def close_link(self) -> None:
        """Keep it open no longer; returns when the port is closed."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    @asynccontextmanager
    async def without_radio(self, reason: str) -> AsyncIterator[None]:
        """Close the radio, and open it again afterwards, whatever happens. Raises RadioError if none is set."""
        if not self.settings.path:
            raise RadioError(self.link.reason)
        await self.close_link()
        self.link.reason = reason
        self.went_down(reason)
        try:
            yield
        finally:
            await self.open_link()

    async def whole(self) -> None:
        """Return when a head start is over: what is more than a plain command needs the whole radio."""
        while self.early is not None and self.link.state is LinkState.CONNECTING:
            await self.early.over()

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
        return (await known_of(self, self.roster, device)).ieee
