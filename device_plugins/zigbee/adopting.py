"""bellows' connection to a stick, recorded; or taken over from a head start, with the answers that were got there."""

import asyncio
from collections import deque
from typing import Any, override

import bellows.ash
import bellows.ezsp
import bellows.thread
import bellows.uart
from bellows.exception import EzspError

from device_plugins.zigbee.ashline import AshLine, LineError
from device_plugins.zigbee.headstart import HeadStart
from device_plugins.zigbee.rehearsal import Exchange, Rehearsal, Tape

# Their types are partial.
AshProtocol: Any = bellows.ash.AshProtocol
ThreadsafeProxy: Any = bellows.thread.ThreadsafeProxy
uart: Any = bellows.uart


class TapedGateway(bellows.uart.Gateway):
    """bellows' gateway; what it is asked is recorded, or answered from a rehearsal as long as that lasts."""

    tape: Tape
    early: HeadStart | None = None
    """What still hears messages for zigpy."""
    script: deque[Exchange]
    has_started: bool
    """Whether the stick was reset already for `early`, and need not be reset once more."""
    rehearsed: Rehearsal | None
    is_connected = False

    def let_go(self) -> None:
        """All is for zigpy now."""
        self.early = None

    @override
    async def send_data(self, data: bytes) -> None:
        """Send an EZSP frame."""
        if self.script:
            exchange = self.script.popleft()
            if exchange.request == data[1:]:
                asyncio.get_running_loop().call_soon(self.data_received, data[:1] + exchange.answer)
                return
            # bellows begins again then, with a reset.
            self.script.clear()
            self._api.stop_ezsp()
            raise EzspError("The stick is asked otherwise than at its last start")
        self.tape.asked(data)
        await super().send_data(data)

    @override
    def data_received(self, data: bytes) -> None:
        """Take an EZSP frame."""
        self.tape.told(data)
        if self.early is None or not self.early.take(data):
            super().data_received(data)  # type: ignore[no-untyped-call]

    @override
    async def reset(self) -> Any:
        """Reset the stick, unless that has been done for a head start."""
        if self.has_started:
            self.has_started = False
            return True
        self.early = self.rehearsed = None
        self.script.clear()
        self.tape = Tape(is_open=not self.is_connected)
        return await super().reset()  # type: ignore[no-untyped-call]


class TapedEzsp(bellows.ezsp.EZSP):
    """bellows' EZSP over such a gateway; `early` is a head start, whose line is taken over."""

    def __init__(self, config: dict[str, Any], app: Any, early: HeadStart | None = None) -> None:  # noqa: ANN401 - bellows is untyped
        super().__init__(config, app)
        self._early = early
        self._taped: TapedGateway | None = None

    @property
    def rehearsal(self) -> Rehearsal | None:
        """How the network was resumed, if it was."""
        taped = self._taped
        return None if taped is None else taped.rehearsed or taped.tape.rehearsal(self.ezsp_version)

    def connected(self) -> None:
        """The stick is configured: what follows resumes its network. Raises EzspError if more was asked before."""
        taped = self._taped
        if taped is not None and taped.script:
            raise EzspError("The stick is asked less than at its last start")
        if taped is not None:
            taped.is_connected = True
            taped.tape.connected()

    async def begin_anew(self) -> None:
        """Reset the stick, and ask it what it is."""
        self.stop_ezsp()  # type: ignore[no-untyped-call]
        await self.startup_reset()

    @override
    async def connect(self, *, use_thread: bool = True) -> None:
        """Open the port, or go on with the one that is open."""
        if self._early is None:
            self._gw = await uart.connect(self._config, self, use_thread=use_thread)
            gateway = getattr(self._gw, "_obj", None)
            if isinstance(gateway, bellows.uart.Gateway):
                taped: Any = gateway
                taped.__class__ = TapedGateway
                self._prepare(taped)
        else:
            early, self._early = self._early, None
            self._gw = await self._take_over(early)
        await self.startup_reset()

    async def _take_over(self, early: HeadStart) -> Any:  # noqa: ANN401 - bellows is untyped
        gateway: Any = TapedGateway(self)  # type: ignore[no-untyped-call]
        self._prepare(gateway, early)
        try:
            await early.hand_on(lambda line: _heir(line, gateway))
        except LineError as error:
            raise ConnectionResetError(str(error)) from error
        return ThreadsafeProxy(gateway, asyncio.get_running_loop())

    def _prepare(self, gateway: TapedGateway, early: HeadStart | None = None) -> None:
        self._taped = gateway
        gateway.tape = Tape(is_open=early is None)
        gateway.early = early
        if early is not None:
            early.released = gateway.let_go
        gateway.has_started = early is not None
        gateway.rehearsed = early.rehearsal if early else None
        gateway.script = deque(early.rehearsal.exchanges[: early.rehearsal.connecting] if early else ())


def _heir(line: AshLine, gateway: Any) -> Any:  # noqa: ANN401 - bellows is untyped
    """An end of bellows' of a link, that goes on where another left off."""
    heir = AshProtocol(gateway)
    heir._rx_seq, heir._tx_seq = line.received, line.sent  # noqa: SLF001 - bellows has no other way
    heir.connection_made(line.transport)
    return heir
