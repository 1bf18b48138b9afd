"""The plugin: it keeps the network open, and turns the device registry's wishes into Z-Wave."""

import asyncio
import logging
from contextlib import suppress
from typing import Any, ClassVar, override

import msgspec

from device_plugins.sdk import Device, DevicePlugin, UnreachableError, UnsupportedError
from device_plugins.sdk.reconnect import Backoff, LinkState, Reconnect, Ways
from device_plugins.zwave.actions import Actions, CommandEnded
from device_plugins.zwave.controlling import ControllerServices
from device_plugins.zwave.inclusion import Inclusion
from device_plugins.zwave.loading import connect
from device_plugins.zwave.network import Network, Settings
from device_plugins.zwave.roster import Roster
from device_plugins.zwave.servicing import DeviceServices
from device_plugins.zwave.sidecar import Sidecar
from device_plugins.zwave.watching import Watching
from hub.api import Context, Task, service

LOG = logging.getLogger("hub.zwave")

# What is looked for so often is back well within 20 seconds.
_LOOK_EVERY = 3.0


class _Patience(Backoff):
    """A stick that is gone, or another's server, is looked for steadily: that costs no more than a look."""

    def __init__(self, settings: Settings, sidecar: Sidecar) -> None:
        super().__init__(settings.retry_first, settings.retry_most)
        self._settings = settings
        self._sidecar = sidecar

    @override
    def wait(self) -> float:
        usual = super().wait()
        if self._sidecar.is_absent or self._settings.url:
            self.reset()
            return min(_LOOK_EVERY, self._settings.retry_most)
        return usual


class NetworkStatus(msgspec.Struct, frozen=True):
    """How the network stands; `home` is empty while it is down, `reports` counts what devices told since the start.

    `server` is the process id of the server that the hub runs, 0 if it runs none.
    """

    status: str
    reason: str
    path: str
    home: str
    devices: int
    reports: int
    server: int
    folder: str


class ZWave(ControllerServices, DeviceServices):
    """Z-Wave devices over Z-Wave JS."""

    emits: ClassVar[tuple[type[msgspec.Struct], ...]] = (*DevicePlugin.emits, CommandEnded)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self.settings = ctx.config
        self.network: Network | None = None
        self._told_down = ""
        self.sidecar = Sidecar(self.settings, ctx.data_dir, ctx.tasks)
        backoff = _Patience(self.settings, self.sidecar)
        ways = Ways(self._open, self._up, self.down, self._close)
        self.link = Reconnect("the network", ctx.clock, backoff, ways, LOG)
        self.roster = Roster(self, self.link.lost)
        self.roster.gone_for_good = self.forget_gone
        self.actions = Actions(self, self.roster)
        self.inclusion = Inclusion(self)
        self.watching = Watching(ctx, self.roster.known, self._is_busy)
        self.roster.heard += [self.inclusion.told, self.routes_told]
        self.roster.ready_nodes.append(self.inclusion.ready)
        self._running: Task[None] | None = None

    @override
    async def start(self) -> None:
        await self.roster.load()
        await self.inclusion.load()
        if not (self.settings.path or self.settings.url or self.settings.virtual):
            self.link.reason = (
                "no stick is set; set [plugin.zwave] path to the stick's serial port, or url to a server's address"
            )
            self.down(self.link.reason)
            return
        self.ready(down="the network is being opened")
        self._running = self.ctx.tasks.start("Z-Wave network", self.link.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.start_wait):
                await self.link.tried.wait()

    @override
    async def stop(self) -> None:
        self.watching.end()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        await self.sidecar.close()

    # What the registry wants

    @override
    async def execute(self, device: Device, key: str, command: str, arguments: dict[str, Any]) -> None:
        network = self.ready_network()
        known = self.roster.known.get(device.id)
        if known is None or not known.is_there:
            raise UnreachableError(f"{device.id} is not in the network; include it again", device=device.id)
        await self.actions.carry_out(network, known, key, command, arguments)

    @override
    async def open_pairing(self, duration: float) -> None:
        await self.inclusion.open(duration)

    @override
    async def take_input(self, values: dict[str, Any]) -> None:
        await self.inclusion.take(values)

    @override
    async def close_pairing(self) -> None:
        await self.inclusion.close()

    @override
    async def forget(self, device: Device) -> None:
        network = self.ready_network()
        known = self.roster.known.get(device.id)
        if known is not None and known.is_there:
            if known.status != "dead":
                raise UnreachableError(
                    f"{device.id} leaves when its button is pressed while the stick excludes: `hub zwave exclude`",
                    device=device.id,
                )
            await network.ask("controller.remove_failed_node", within=60.0, nodeId=known.node)
        await self.roster.forget(device.id)

    @service
    async def status(self) -> NetworkStatus:
        """How the network stands; keys are never told."""
        return NetworkStatus(
            status=self.link.state.value,
            reason=self.link.reason,
            path=self.settings.url or self.settings.path or ("virtual" if self.settings.virtual else ""),
            home=f"{self.network.home_id:08x}" if self.network is not None else "",
            devices=len(self.roster.known),
            reports=sum(one.reports for one in self.roster.known.values()),
            server=self.sidecar.pid,
            folder=str(self.ctx.data_dir),
        )

    @service
    async def virtual(self, do: str, arguments: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Do something to a device of the virtual stick, such as `tell` or `dead` (docs/zwave.md)."""
        if self.sidecar.stick is None:
            raise UnsupportedError("the stick is a real one; set [plugin.zwave] virtual = true to play with devices")
        return await self.sidecar.stick.ask(do, **(arguments or {}))

    @override
    def ready_network(self) -> Network:
        """The network; UnreachableError with the reason when it is down."""
        if self.network is None or self.link.state is not LinkState.UP:
            raise UnreachableError(f"the network is down: {self.link.reason}")
        return self.network

    def _is_busy(self) -> bool:
        """Whether something is under way that no ping may disturb."""
        return bool(self.session) or self._routes.running or self._firmware.status == "running"

    # The network's life

    async def _open(self) -> Network:
        url = self.settings.url or await self.sidecar.start(self.link.lost)
        try:
            return await connect(url, self.settings, self.roster, self.ctx.tasks, self.ctx.clock)
        except BaseException:
            await self.sidecar.stop()
            raise

    async def _up(self, network: Network) -> None:
        self.network = network
        await self.roster.attach(network)
        self.watching.begin(network)
        self.ready()
        self._told_down = ""
        self.ctx.log.info("The Z-Wave network is up: %d nodes", len(network.nodes()))

    def down(self, reason: str) -> None:
        """The network is lost, or could not be opened."""
        self.network = None
        self.watching.end()
        self.roster.detach(reason)
        self.ready(down=reason)
        # The registry ends a pairing session when its protocol goes down.
        self.session = ""
        self.inclusion.lost()
        if reason != self._told_down:
            self._told_down = reason
            self.ctx.log.warning("The Z-Wave network is down: %s", reason)

    async def _close(self, network: Network) -> None:
        # The server first: with one that hangs, closing the connection would wait for it.
        try:
            await self.sidecar.stop(hangs=network.hangs)
        finally:
            await network.close()
        await self.sidecar.prepare()
