"""The virtual radio as a plugin of the hub: keeps its process running and offers what a hand could do to devices."""

import asyncio
from typing import Any, ClassVar, override

import msgspec

from device_plugins.virtual_radio.process import RadioProcess, VirtualRadioError
from hub.api import Context, Plugin, service

_PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0)
_SEARCH = 180.0
_SEARCH_EVERY = 1.0


class VirtualRadioConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`link` is the serial port to be made (default: `tty` in the plugin's folder); `latency_ms` is each device's.

    `hasty` lets no device hold changes back for the least interval of its reports. With `keep` false its devices are
    gone when it ends.
    """

    link: str = ""
    ezsp: int = 14
    latency_ms: float = 5.0
    seed: int = 1
    hasty: bool = True
    keep: bool = True


class VirtualRadioPlugin(Plugin):
    """Services to add, pair, move, press and disturb virtual devices."""

    Config: ClassVar[type[msgspec.Struct] | None] = VirtualRadioConfig

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._ready: asyncio.Future[None] | None = None
        self._stopping = False
        config: VirtualRadioConfig = ctx.config
        link = config.link or str(ctx.data_dir / "tty")
        arguments = ["--pty-link", link, "--ezsp", str(config.ezsp)]
        arguments += ["--state", str(ctx.data_dir / "radio.json")] if config.keep else []
        arguments += ["--latency-ms", str(config.latency_ms), "--seed", str(config.seed)]
        arguments += ["--hasty"] if config.hasty else []
        self._process = RadioProcess(arguments, ctx.data_dir / "radio.log", self._heard)

    @override
    async def start(self) -> None:
        """Start the process and wait for its serial port."""
        self._ready = asyncio.get_running_loop().create_future()
        running = self.ctx.tasks.start("keeps the radio running", self._keep_running())
        ready = self.ctx.tasks.start("waits for the radio", self._wait_ready())
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
        if not ready.done():
            raise VirtualRadioError(f"the virtual radio does not start; see {self.ctx.data_dir / 'radio.log'}")

    @override
    async def stop(self) -> None:
        """End the process."""
        self._stopping = True
        await self._process.stop()

    @service
    async def models(self) -> list[dict[str, Any]]:
        """The models a virtual device can be, with what can be done to each."""
        return self._listed(await self._process.ask("models"))

    @service
    async def devices(self) -> list[dict[str, Any]]:
        """The virtual devices there are, paired or still on the shelf."""
        return self._listed(await self._process.ask("devices"))

    @service
    async def add(self, model: str, name: str = "", join: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Put a new virtual device on the shelf; with `join` it looks for an open network for three minutes."""
        added: dict[str, Any] = await self._process.ask("add", model=model, name=name)
        if join:
            self.ctx.tasks.start(f"{added['ieee']} searches", self._search(added["ieee"]))
        return added

    @service
    async def add_described(self, described: dict[str, Any], name: str = "") -> dict[str, Any]:
        """Put a virtual device on the shelf that is like a description of a real one (docs/virtual-radio.md)."""
        added: dict[str, Any] = await self._process.ask("add", described=described, name=name)
        return added

    @service
    async def remove(self, device: str) -> None:
        """Throw a virtual device away."""
        await self._process.ask("remove", device=device)

    @service
    async def join(self, device: str, through: str = "") -> None:
        """Press a virtual device's pairing button; the network must be open, or the router it is to join `through`."""
        await self._process.ask("join", device=device, **({"through": through} if through else {}))

    @service
    async def doze(self, device: str, seconds: float) -> None:
        """Let a device listen only every so many seconds, as those on batteries do; 0: always."""
        await self._process.ask("doze", device=device, seconds=seconds)

    @service
    async def stray(self, device: str, channel: int, rssi: int = -35) -> None:
        """Put a device on somebody else's network on this channel; `hub zigbee touchlink` finds it if it is near.

        `rssi` (dBm) is how strong its signal is at the stick; below -60 it does not answer. Only lamps do touchlink.
        """
        await self._process.ask("stray", device=device, channel=channel, rssi=rssi)

    @service
    async def conflict(self, device: str) -> None:
        """Let another node claim a device's short address; the device takes a new one."""
        await self._process.ask("conflict", device=device)

    @service
    async def rejoin(self, device: str) -> None:
        """Let a paired device come back with a new short address, as after a battery change."""
        await self._process.ask("rejoin", device=device)

    @service
    async def leave(self, device: str) -> None:
        """Let a paired device leave the network."""
        await self._process.ask("leave", device=device)

    @service
    async def act(self, device: str, stimulus: str, value: bool | float | str | None = None, expect: str = "") -> None:  # noqa: FBT001
        """Do something to a device: motion, press, temperature, ...

        With `expect`, the address of another device, the time until a command reaches that one is measured.
        """
        more = {"expect": expect} if expect else {}
        await self._process.ask("act", device=device, stimulus=stimulus, value=value, **more)

    @service
    async def stimuli(self, device: str) -> list[dict[str, Any]]:
        """What can be done to a device."""
        return self._listed(await self._process.ask("stimuli", device=device))

    @service
    async def faults(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Disturb the link: rates of corrupted and lost frames and so on; an empty object ends all faults."""
        answer: dict[str, Any] = await self._process.ask("faults", **settings)
        return answer

    @service
    async def latency(self) -> dict[str, Any]:
        """Time from a sensor's report frame to the command frame at the device that was expected to react."""
        answer: dict[str, Any] = await self._process.ask("latency")
        return answer

    async def _keep_running(self) -> None:
        for pause in (*_PAUSES, *[_PAUSES[-1]] * 1000):
            await self._process.start()
            code = await self._process.run()
            if self._stopping:
                return
            self.ctx.log.error("The virtual radio ended with code %s; starting it again in %g s", code, pause)
            if self._ready is not None and not self._ready.done():
                return
            await self.ctx.clock.sleep(pause)

    async def _wait_ready(self) -> None:
        if self._ready is not None:
            await self._ready

    async def _search(self, ieee: str) -> None:
        until = self.ctx.clock.monotonic() + _SEARCH
        while self.ctx.clock.monotonic() < until:
            try:
                await self._process.ask("join", device=ieee)
            except VirtualRadioError:
                await self.ctx.clock.sleep(_SEARCH_EVERY)
            else:
                return

    def _heard(self, message: dict[str, Any]) -> None:
        if message["event"] == "ready" and self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    @staticmethod
    def _listed(answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        return list(answer)
