"""The plugin: it keeps the radio open, and turns the device registry's wishes into Zigbee."""

import asyncio
import math
from contextlib import suppress
from typing import Any, ClassVar, override

import msgspec

from device_plugins.sdk import Device, DevicePlugin, PairingError, UnreachableError
from device_plugins.zigbee.actions import Actions
from device_plugins.zigbee.loading import open_radio
from device_plugins.zigbee.network import NetworkInfo, Radio, RadioError, Settings
from device_plugins.zigbee.reconnect import Backoff, LinkState, Reconnect
from device_plugins.zigbee.roster import Roster
from hub.api import Context, Task, service

_PERMIT_MOST = 254
_PERMIT_AGAIN = 240.0
_REMEMBER_FIRST, _REMEMBER_AGAIN = 60.0, 6 * 3600.0


class RadioStatus(msgspec.Struct, frozen=True):
    """How the radio stands; `network` is None while it is down, `reports` counts what devices told since the start."""

    status: str
    reason: str
    path: str
    devices: int
    reports: int
    network: NetworkInfo | None = None


class Zigbee(DevicePlugin):
    """Zigbee devices over a Silicon Labs stick (EZSP)."""

    protocol = "zigbee"
    Config: ClassVar[type[Settings]] = Settings

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.settings: Settings = ctx.config
        self.actions = Actions(self)
        self.radio: Radio | None = None
        self.link = Reconnect(
            ctx.clock,
            Backoff(self.settings.retry_first, self.settings.retry_most),
            self._open,
            self._up,
            self._down,
        )
        self.roster = Roster(self, self.link.lost)
        self._running: Task[None] | None = None
        self._permitting: Task[None] | None = None
        self._remembering: Task[None] | None = None

    @override
    async def start(self) -> None:
        await self.roster.load()
        if not self.settings.path:
            self.link.reason = "no radio is set; set [plugin.zigbee] path to the stick's serial port"
            self._down(self.link.reason)
            return
        self.ready(down="the radio is being opened")
        self._running = self.ctx.tasks.start("radio", self.link.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.start_wait):
                await self.link.tried.wait()

    @override
    async def stop(self) -> None:
        self.actions.close()
        self._remember_no_more()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    # What the registry wants

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        self._ready_radio()
        known = self.roster.known.get(device.id.removeprefix("zigbee-"))
        if known is None:
            raise UnreachableError(f"{device.id} is not on the network; pair it again", device=device.id)
        await self.actions.carry_out(known, key, command, arguments)

    @override
    async def open_pairing(self, duration: float) -> None:
        try:
            await self._permit(duration)
        except (RadioError, UnreachableError) as error:
            raise PairingError(str(error)) from error
        self._permit_no_more()
        if duration > _PERMIT_MOST:
            self._permitting = self.ctx.tasks.start("permit joining", self._keep_open(duration))

    @override
    async def close_pairing(self) -> None:
        self._permit_no_more()
        if self.radio is not None:
            with suppress(RadioError):
                await self.radio.permit(0)

    @override
    async def forget(self, device: Device) -> None:
        self.actions.forget(device.id)
        await self.roster.forget(device)

    @service
    async def status(self) -> RadioStatus:
        """How the radio stands, and the network it runs; keys are never told."""
        network = self.radio.info() if self.radio is not None else None
        return RadioStatus(
            status=self.link.state.value,
            reason=self.link.reason,
            path=self.settings.path,
            devices=len(self.devices),
            reports=sum(one.reports for one in self.roster.known.values()),
            network=network,
        )

    @service
    async def diagnose(self, device: str) -> dict[str, Any]:
        """What a maintainer needs to know of a device, with the keys of ZHA's diagnostics; no keys, no addresses."""
        known = self.roster.known.get(self._known(device).id.removeprefix("zigbee-"))
        if known is None or known.node is None:
            raise UnreachableError(f"{device} is not on the network now; wait for the radio or pair it again")
        return known.node.diagnose(known.record.facts)

    # The radio's life

    async def _open(self) -> Radio:
        return await open_radio(self.settings, self.ctx.data_dir, self.roster)

    async def _up(self, radio: Radio) -> None:
        self.radio = radio
        await self.roster.attach(radio)
        self.ready()
        self._remembering = self.ctx.tasks.start("remembers the network", self._remember(radio))
        self.ctx.log.info("The radio at %s is up", self.settings.path)

    async def _remember(self, radio: Radio) -> None:
        """Keep what a backup of the hub holds of the network fresh: its frame counters above all."""
        wait = _REMEMBER_FIRST  # much is to be done when it has just come up
        while True:
            await self.ctx.clock.sleep(wait)
            wait = _REMEMBER_AGAIN
            try:
                await radio.remember()
            except RadioError as error:
                self.ctx.log.warning("%s; it is tried again", error)
                wait = _REMEMBER_FIRST

    def _remember_no_more(self) -> None:
        if self._remembering is not None:
            self._remembering.cancel()
            self._remembering = None

    def _down(self, reason: str) -> None:
        self.radio = None
        self._remember_no_more()
        self.roster.detach(reason)
        self.ready(down=reason)
        # The registry ends a pairing session when its protocol goes down.
        self.session = ""
        self._permit_no_more()
        self.ctx.log.warning("The radio is down: %s", reason)

    def _ready_radio(self) -> Radio:
        if self.radio is None or self.link.state is not LinkState.UP:
            raise UnreachableError(f"the radio is down: {self.link.reason}")
        return self.radio

    async def _permit(self, duration: float) -> None:
        await self._ready_radio().permit(min(math.ceil(duration), _PERMIT_MOST))

    def _permit_no_more(self) -> None:
        if self._permitting is not None:
            self._permitting.cancel()
            self._permitting = None

    async def _keep_open(self, duration: float) -> None:
        """Permit again and again: a permission lasts 254 seconds at most."""
        while duration > _PERMIT_MOST:
            await self.ctx.clock.sleep(_PERMIT_AGAIN)
            duration -= _PERMIT_AGAIN
            with suppress(RadioError, UnreachableError):
                await self._permit(duration)
