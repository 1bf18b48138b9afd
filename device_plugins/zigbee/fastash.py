"""bellows' end of an ASH link (UG101), with the two things done quickly that are done all the time.

Frames of data that come whole and in order are read in one go, and acknowledged together; frames of data are written
without a detour. All else is bellows'.
"""

import logging
import re
from collections.abc import Callable
from typing import Any, override

from bellows.ash import MAX_BUFFER_SIZE, AshProtocol, DataFrame

from device_plugins.zigbee.ashcodec import (
    CHECK,
    ESCAPE,
    FLAG,
    MOST,
    RESERVED,
    checked,
    is_sound,
    randomized,
    stuffed,
    unstuffed,
)

LOG = logging.getLogger("hub.zigbee")

# What neither ends a frame nor escapes a byte: bellows knows what to do with it.
_ODD = re.compile(b"[" + re.escape(bytes(set(RESERVED) - {*FLAG, *ESCAPE})) + b"]")
_LEAST, _MOST = 4, MOST + 3
_DATA_BIT, _IS_ACK, _ACK_MASK = 0x80, 0x80, 0xE0

# What of bellows' is touched beside its public methods.
TOUCHED = (
    "_buffer",
    "_discarding_until_next_flag",
    "_rx_seq",
    "_suppress_acks",
    "_transport",
    "_ezsp_protocol",
    "_pending_data_frames",
    "_in_reject_condition",
    "_write_frame",
)


_ACKS = tuple(stuffed(checked(bytes([_IS_ACK | number]))) + FLAG for number in range(8))


class FastAsh(AshProtocol):
    """Made from a link of bellows' by `quicken`."""

    take: Callable[[bytes], bool]
    """Gets each EZSP frame first, and says whether it has dealt with it."""

    @override
    def data_received(self, data: bytes) -> None:
        """Take bytes from the line."""
        if self._discarding_until_next_flag or _ODD.search(data):
            super().data_received(data)
            return
        *ended, rest = (bytes(self._buffer) + data if self._buffer else data).split(FLAG)
        self._buffer = bytearray(rest[-MAX_BUFFER_SIZE:])
        payloads: list[bytes] = []
        for raw in ended:
            if raw and not self._quickly(raw, payloads):
                self._deliver(payloads)
                self._by_the_book(raw)
        self._deliver(payloads)

    def _quickly(self, raw: bytes, payloads: list[bytes]) -> bool:
        """Read a frame of data in its turn, or an acknowledgement; says whether it was one."""
        frame = unstuffed(raw)
        if frame is None or not _LEAST - 1 <= len(frame) <= _MOST or not is_sound(frame):
            return False
        control = frame[0]
        if control & _DATA_BIT:
            if control & _ACK_MASK != _IS_ACK:
                return False
        elif control >> 4 == (self._rx_seq + len(payloads)) % 8 and len(frame) >= _LEAST:
            payloads.append(randomized(frame[1:-CHECK]))
        else:
            return False
        waiting = self._pending_data_frames.get((control - 1) & 7)
        if waiting is not None and not waiting.done():
            waiting.set_result(True)
        return True

    def _deliver(self, payloads: list[bytes]) -> None:
        if not payloads:
            return
        self._rx_seq = (self._rx_seq + len(payloads)) % 8
        self._in_reject_condition = False
        delivered = [*payloads]
        payloads.clear()
        # Alone, it may be what somebody waits for: a command it sets off goes before the acknowledgement.
        is_busy = len(delivered) > 1
        if is_busy:
            self._acknowledge()
        try:
            for payload in delivered:
                if not self.take(payload):
                    self._ezsp_protocol.data_received(payload)
        finally:
            if not is_busy:
                self._acknowledge()

    def _acknowledge(self) -> None:
        line: Any = self._transport
        if not self._suppress_acks and line is not None and not line.is_closing():
            line.write(_ACKS[self._rx_seq])

    def _by_the_book(self, raw: bytes) -> None:
        rest, self._buffer = self._buffer, bytearray()
        try:
            super().data_received(raw + FLAG)
        finally:
            self._buffer = rest

    @override
    def _write_frame(self, frame: Any, **around: Any) -> None:
        line: Any = self._transport
        is_plain = type(frame) is DataFrame and not around and len(frame.ezsp_frame) <= MOST
        if not is_plain or line is None or line.is_closing():
            super()._write_frame(frame, **around)
            return
        control = frame.frm_num << 4 | frame.re_tx << 3 | frame.ack_num
        line.write(stuffed(checked(bytes([control]) + randomized(frame.ezsp_frame))) + FLAG)


def quicken(link: AshProtocol, take: Callable[[bytes], bool]) -> None:
    """Make a link of bellows' a quick one; `take` must not raise."""
    link.__class__ = FastAsh
    assert isinstance(link, FastAsh)  # noqa: S101 - it has just become one
    link.take = take
