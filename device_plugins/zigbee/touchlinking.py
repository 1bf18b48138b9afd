"""Touchlink with a Silicon Labs stick: see `touchlink.Touchlink`. It comes with the radio libraries.

The stick leaves the network's channel, sends raw MAC frames, and passes on what is for it alone; then it goes home. All
that is to be sent meanwhile waits. bellows offers none of this, so its commands are called by their names in EZSP.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import bellows.types
from bellows.exception import InvalidCommandError

from device_plugins.sdk import UnreachableError
from device_plugins.zigbee import interpan
from device_plugins.zigbee.interpan import InterPan
from device_plugins.zigbee.network import RadioError
from device_plugins.zigbee.node import FAULTS, hex_of
from device_plugins.zigbee.touchlink import Stray

t: Any = bellows.types  # its types are partial

# A device answers a scan within 0.25 s; it is asked twice, for a frame may be lost.
_ASKED, _LISTEN_S = 2, 0.25
# So long a device shows itself before it is reset (s): some ignore a reset that follows at once.
_SHOWN_S = 2.0
# How long a raw frame may take to leave the stick, and what it was sending before, in seconds.
_LEAVES_S, _UNDER_WAY_S = 0.25, 0.5
# Nothing here takes longer, whatever the stick does; nor does its way home.
_LIMIT_S, _RETURN_S = 15.0, 5.0
# More answers on one channel are not believed.
_MOST = 32
_NORMAL_PRIORITY = 1
_RECEIVED, _SENT = "macFilterMatchMessageHandler", "rawTransmitCompleteHandler"
_OLDEST = 8
_SIGNAL = slice(2, -1)


class ZigpyTouchlink:
    """Wraps a zigpy application; `alone` is held while the stick is away, `lost` told when it does not come back."""

    def __init__(
        self,
        app: Any,  # noqa: ANN401 - a zigpy application, whose types are partial
        alone: asyncio.Lock,
        lost: Callable[[str], None],
    ) -> None:
        self._app, self._alone, self._lost = app, alone, lost

    async def scan(self, channel: int) -> list[Stray]:
        """Ask on one channel who is near."""
        async with self._away(channel) as air:
            await air.ask()
            return [*air.found.values()]

    async def identify(self, ieee: str, channel: int, seconds: int) -> None:
        """Let a device show itself, as by blinking."""
        async with self._away(channel) as air:
            await air.find(ieee)
            await air.send(ieee, interpan.identify_request(air.transaction, seconds))

    async def reset(self, ieee: str, channel: int) -> None:
        """Let a device show itself, and then forget its network."""
        async with self._away(channel) as air:
            await air.find(ieee)
            await air.send(ieee, interpan.identify_request(air.transaction, round(_SHOWN_S)))
            await asyncio.sleep(_SHOWN_S)
            await air.send(ieee, interpan.reset_request(air.transaction))

    @contextlib.asynccontextmanager
    async def _away(self, channel: int) -> AsyncIterator["_Air"]:
        """Be on another channel with the stick, and come back whatever happens."""
        app: Any = self._app
        ezsp: Any = getattr(app, "_ezsp", None)
        sending = getattr(app, "_req_lock", None)
        if sending is None or getattr(ezsp, "ezsp_version", 0) < _OLDEST:
            raise RadioError(f"this stick cannot touchlink; those that speak EZSP {_OLDEST} or later can")
        try:
            async with asyncio.timeout(_LIMIT_S), self._alone, self._between_requests(sending):
                home = int(app.state.network_info.channel)
                air = _Air(ezsp, app.state, channel)
                undo = ezsp.add_callback(air.hear)
                has_left = True  # also if it is not known whether it has
                try:
                    try:
                        await _tune(ezsp, channel)
                    except (RadioError, InvalidCommandError):
                        has_left = False
                        raise
                    yield air
                finally:
                    ezsp.remove_callback(undo)
                    if has_left:
                        await self._return(ezsp, home)
        except TimeoutError as error:
            raise RadioError("the radio is too busy for a touchlink, or answers too late; try again") from error
        except FAULTS as error:
            raise RadioError(f"the radio failed at a touchlink: {str(error) or type(error).__name__}") from error

    @contextlib.asynccontextmanager
    async def _between_requests(self, sending: asyncio.Lock) -> AsyncIterator[None]:
        """Hold the lock of those that send, when the stick has ended what it was sending."""
        ahead = self._requests()  # whoever comes later is handed over after this: the lock is fair
        async with sending:
            if under_way := ahead & self._requests():
                await asyncio.wait(under_way, timeout=_UNDER_WAY_S)
            yield

    def _requests(self) -> set[asyncio.Future[Any]]:
        return {*getattr(self._app, "_pending_requests", {}).values()}

    async def _return(self, ezsp: Any, home: int) -> None:  # noqa: ANN401 - bellows is untyped
        """Go home; a stick that does not is opened anew, which resets it."""
        try:
            async with asyncio.timeout(_RETURN_S):
                await _tune(ezsp, home)
        except BaseException:
            if getattr(self._app, "_ezsp", None) is ezsp:
                self._lost("the stick did not come back to its channel after a touchlink")
            raise


class _Air:
    """One transaction on one channel."""

    def __init__(self, ezsp: Any, state: Any, channel: int) -> None:  # noqa: ANN401 - bellows and zigpy are untyped
        self.transaction = 1 + secrets.randbelow(0xFFFFFFFF)
        self.found: dict[str, Stray] = {}
        self._ezsp = ezsp
        self._channel = channel
        self._own = hex_of(state.node_info.ieee)
        self._pan = int(state.network_info.pan_id)
        self._network = hex_of(state.network_info.extended_pan_id)
        self._news = asyncio.Event()
        self._left = asyncio.Event()

    async def ask(self) -> None:
        """Ask who is near, and listen."""
        for _ in range(_ASKED):
            await self.send("", interpan.scan_request(self.transaction))
            await asyncio.sleep(_LISTEN_S)

    async def find(self, ieee: str) -> None:
        """Ask until one device answers; UnreachableError if it does not."""
        for _ in range(_ASKED):
            await self.send("", interpan.scan_request(self.transaction))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LISTEN_S):
                    await self._until_found(ieee)
                return
        raise UnreachableError(
            f"{ieee} does not answer on channel {self._channel}; bring it within half a metre of the stick, "
            "switch it on, and scan again",
            device=f"zigbee-{ieee}",
        )

    async def send(self, target: str, zcl: bytes) -> None:
        """Send a command, and return when it has left the stick. Raises RadioError when the stick refuses."""
        frame = interpan.encode(InterPan(self._own, self._pan, target, zcl))
        self._left.clear()
        # EZSP 14 gave it the shorter name sendRawMessage; bellows kept this one.
        status, *_ = await self._ezsp.sendRawMessageExtended(frame, _NORMAL_PRIORITY, True)
        _check(status, "sends no touchlink frame; its firmware may be without touchlink")
        with contextlib.suppress(TimeoutError):  # not every firmware says so
            async with asyncio.timeout(_LEAVES_S):
                await self._left.wait()

    def hear(self, name: str, args: Sequence[Any]) -> None:
        """Take what the stick passes on."""
        if name == _SENT:
            self._left.set()
        elif name == _RECEIVED and len(self.found) < _MOST and (stray := self._read(args)) is not None:
            self.found.setdefault(stray.ieee, stray)
            self._news.set()

    def _read(self, args: Sequence[Any]) -> Stray | None:
        frame = interpan.decode(bytes(args[-1]))
        answer = None if frame is None or frame.target != self._own else interpan.read_scan_response(frame.zcl)
        if frame is None or answer is None or answer.transaction != self.transaction:
            return None
        lqi, rssi = _signal(args[_SIGNAL])
        own = answer.extended_pan_id == self._network and not answer.is_factory_new
        pan, extended = f"{answer.pan_id:04x}", answer.extended_pan_id
        return Stray(frame.source, self._channel, answer.is_factory_new, own, pan, extended, rssi, lqi)

    async def _until_found(self, ieee: str) -> None:
        while ieee not in self.found:
            self._news.clear()
            await self._news.wait()


async def _tune(ezsp: Any, channel: int) -> None:  # noqa: ANN401 - bellows is untyped
    status, *_ = await ezsp.setLogicalAndRadioChannel(channel)
    _check(status, f"does not go to channel {channel}")


def _check(status: Any, refuses: str) -> None:  # noqa: ANN401 - one of bellows' enumerations
    if t.sl_Status.from_ember_status(status) != t.sl_Status.OK:
        raise RadioError(f"the stick {refuses} ({getattr(status, 'name', status)})")


def _signal(told: Sequence[Any]) -> tuple[int, int]:
    """LQI and RSSI: two values before EZSP 14, one structure since."""
    if len(told) == 1:
        return int(told[0].last_hop_lqi), int(told[0].last_hop_rssi)
    lqi, rssi = told
    return int(lqi), int(rssi)
