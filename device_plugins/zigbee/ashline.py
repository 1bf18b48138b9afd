"""The host's end of an ASH link (UG101), small: one frame under way at a time, and a link that can be handed on.

It speaks to the stick before bellows is there, which takes the link over.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, override

from device_plugins.zigbee.ashcodec import (
    CANCEL,
    CHECK,
    FLAG,
    MOST,
    SUBSTITUTE,
    XOFF,
    XON,
    checked,
    is_sound,
    randomized,
    stuffed,
    unstuffed,
)

_RESET, _WAS_RESET, _FAILED = 0xC0, 0xC1, 0xC2
_DATA_BIT, _REPEATED, _KIND, _ACK, _NAK = 0x80, 0x08, 0xE0, 0x80, 0xA0
_LEAST, _LONGEST = 3, MOST + 3
_MOST_BUFFERED = 1024
_CANCELS = 32
_RESET_LIMIT = 2.5
# UG101, 5.6: the first wait for an acknowledgement, and how often a frame is sent.
_ACK_WAIT, _ATTEMPTS = 1.6, 4


def _hear_nothing(_: object) -> None:
    """In the place of those who are told no more, so that they are not kept."""


class LineError(Exception):
    """The stick does not answer, has failed or is gone."""


class Heir(Protocol):
    """Who takes the link over."""

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The port closed."""


class AshLine(asyncio.Protocol):
    """A link; `take` gets each payload that comes in, and `lost` why there will be no more. Neither may raise."""

    def __init__(self, take: Callable[[bytes], None], lost: Callable[[str], None]) -> None:
        self.transport: Any = None
        self.received = self.sent = 0
        """The numbers that the next frames have, modulo 8."""
        self._take = take
        self._lost = lost
        self._heir: Heir | None = None
        self._buffer = b""
        self._why = ""
        self._has_refused = False
        self._turn = asyncio.Lock()
        self._is_up: asyncio.Future[None] | None = None
        self._acknowledged: asyncio.Future[bool] | None = None

    # What the port tells

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        # What is behind it may be large, and a port that was open before the libraries came is never collected.
        heir, self._heir, self.transport = self._heir, None, None
        if heir is not None:
            self._why = "the port closed"
            heir.connection_lost(exc)
        else:
            self._fail(f"the port closed{f': {exc}' if exc else ''}")

    @override
    def data_received(self, data: bytes) -> None:
        if self._heir is not None:
            self._heir.data_received(data)
            return
        *ended, self._buffer = (self._buffer + data.translate(None, XON + XOFF)).split(FLAG)
        self._buffer = self._buffer[-_MOST_BUFFERED:]
        for raw in ended:
            _, _, whole = raw.rpartition(CANCEL)
            if whole and SUBSTITUTE not in whole:
                self._read(whole)

    # What is done with it

    async def reset(self) -> None:
        """Reset the stick. Raises LineError when it does not say that it has started."""
        self._is_up = asyncio.get_running_loop().create_future()
        self._write(bytes([_RESET]), CANCEL * _CANCELS)
        try:
            async with asyncio.timeout(_RESET_LIMIT):
                await self._is_up
        except TimeoutError:
            raise LineError("the stick does not answer") from None
        finally:
            self._is_up = None

    async def send(self, payload: bytes) -> None:
        """Send, and return when the stick has it; not to be cancelled. Raises LineError when it will not have it."""
        async with self._turn:
            number = self.sent
            self.sent = (number + 1) % 8
            for attempt in range(_ATTEMPTS):
                if self._why or self._heir is not None:
                    raise LineError(self._why or "the line has been handed on")
                self._acknowledged = asyncio.get_running_loop().create_future()
                again = _REPEATED if attempt else 0
                self._write(bytes([number << 4 | again | self.received]) + randomized(payload))
                try:
                    async with asyncio.timeout(_ACK_WAIT):
                        if await self._acknowledged:
                            return
                except TimeoutError:
                    continue
                finally:
                    self._acknowledged = None
            self._fail("the stick does not acknowledge")
            raise LineError(self._why)

    async def hand_on(self, make: Callable[["AshLine"], Heir]) -> None:
        """Let another take over, which is made when nothing is under way. Raises LineError."""
        async with self._turn:
            if self._why:
                raise LineError(self._why)
            heir = self._heir = make(self)
            self._take = self._lost = _hear_nothing
            rest, self._buffer = self._buffer, b""
        if rest:
            heir.data_received(rest)

    def close(self) -> None:
        """Close the port, unless it has been handed on."""
        if self._heir is not None:
            return
        self._fail("the port is closed")
        if self.transport is not None:
            self.transport.close()

    # Small things

    def _read(self, raw: bytes) -> None:
        frame = unstuffed(raw)
        is_sound_frame = frame is not None and _LEAST <= len(frame) <= _LONGEST and is_sound(frame)
        if self._is_up is not None and not self._is_up.done():
            # What comes before belongs to the time before the reset.
            if frame is not None and is_sound_frame and frame[0] == _WAS_RESET:
                self.received = self.sent = 0
                self._is_up.set_result(None)
        elif frame is None or not is_sound_frame:
            self._refuse()
        else:
            self._understand(frame[0], frame[1:-CHECK])

    def _understand(self, control: int, payload: bytes) -> None:
        if not control & _DATA_BIT:
            self._acknowledge(control)
            self._data(control, payload)
        elif control & _KIND in {_ACK, _NAK}:
            self._acknowledge(control, is_refused=control & _KIND == _NAK)
        elif control == _WAS_RESET:
            self._fail("the stick has restarted by itself")
        elif control == _FAILED:
            self._fail("the stick failed")

    def _data(self, control: int, payload: bytes) -> None:
        if control >> 4 == self.received:
            self.received = (self.received + 1) % 8
            self._has_refused = False
            self._write(bytes([_ACK | self.received]))
            self._take(randomized(payload))
        elif control & _REPEATED:
            self._write(bytes([_ACK | self.received]))
        else:
            self._refuse()

    def _refuse(self) -> None:
        """Ask for what is missing, once until it comes."""
        if not self._has_refused:
            self._has_refused = True
            self._write(bytes([_NAK | self.received]))

    def _acknowledge(self, control: int, *, is_refused: bool = False) -> None:
        waiting = self._acknowledged
        if waiting is None or waiting.done():
            return
        if control & 7 == self.sent:
            waiting.set_result(True)
        elif is_refused:
            waiting.set_result(False)

    def _fail(self, why: str) -> None:
        if self._why:
            return
        self._why = why
        for waiting in (self._is_up, self._acknowledged):
            if waiting is not None and not waiting.done():
                waiting.set_exception(LineError(why))
        self._lost(why)

    def _write(self, frame: bytes, prefix: bytes = b"") -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(prefix + stuffed(checked(frame)) + FLAG)
