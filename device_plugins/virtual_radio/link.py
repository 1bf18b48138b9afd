"""The NCP's end of an ASH link: sequence numbers, window, acknowledgement, retransmission, failure (UG101)."""

import asyncio
import enum
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from device_plugins.virtual_radio import ash
from device_plugins.virtual_radio.faults import Faults
from device_plugins.virtual_radio.timers import Timers

WINDOW = 3
# Seconds to wait for an acknowledgement; the host's speed is learned between these bounds.
ACK_TIME_FIRST = 1.6
ACK_TIME_LEAST = 0.4
ACK_TIME_MOST = 3.2
MAX_TIMEOUTS = 4
# Frames the host has not made room for; beyond, the NCP is out of buffers and the oldest would be too old to matter.
MAX_QUEUE = 1000
_MODULUS = 8


class LinkState(enum.Enum):
    """Closed until the host's first reset; failed until its next."""

    CLOSED = enum.auto()
    CONNECTED = enum.auto()
    FAILED = enum.auto()


class LinkOwner(Protocol):
    """Who is told what the host wants."""

    def host_reset(self) -> None:
        """Take note that the link starts afresh."""

    def host_sent(self, payload: bytes) -> None:
        """Take one EZSP frame."""


@dataclass(slots=True)
class _Sent:
    number: int
    payload: bytes
    at: float


class AshLink:
    """One link over a line one can `write` to; feed it whatever the line brings, it never raises."""

    def __init__(self, write: Callable[[bytes], None], owner: LinkOwner, timers: Timers, faults: Faults) -> None:
        self.state = LinkState.CLOSED
        self.stats: Counter[str] = Counter()
        self._write = write
        self._owner = owner
        self._timers = timers
        self._faults = faults
        self._splitter = ash.FrameSplitter()
        self._queue: deque[tuple[bytes, Callable[[], None] | None]] = deque()
        self._unacked: deque[_Sent] = deque()
        self._timer: asyncio.Handle | None = None
        self._clear()

    def feed(self, data: bytes) -> None:
        """Take bytes from the line."""
        if self._faults.hang:
            return
        for raw in self._splitter.feed(data):
            is_ack = raw[0] & 0xE0 == 0x80  # noqa: PLR2004 - the control byte of an ACK
            for arrived in self._faults.befall(raw, is_ack=is_ack):
                self._arrived(arrived)

    def send(self, payload: bytes, written: Callable[[], None] | None = None) -> None:
        """Queue one EZSP frame; `written` is called when its bytes have first been handed to the line."""
        if self.state is not LinkState.CONNECTED or len(self._queue) >= MAX_QUEUE:
            self.stats["unsent"] += 1
            return
        self._queue.append((payload, written))
        self._pump()

    def restart(self, code: int) -> None:
        """Be an NCP that has just reset by itself: say so, and start afresh."""
        self._clear()
        self.state = LinkState.CONNECTED
        self._emit(ash.ResetAck(code))

    def fail(self, code: int) -> None:
        """Be an NCP that has crashed: say so, and answer nothing but a reset."""
        self._clear()
        self.state = LinkState.FAILED
        self._emit(ash.Failure(code))

    def close(self) -> None:
        """Forget everything: the host has gone."""
        self._clear()
        self._splitter.clear()
        self.state = LinkState.CLOSED

    def _clear(self) -> None:
        self._timers.cancel(self._timer)
        self._timer = None
        self._queue.clear()
        self._unacked.clear()
        self._next = self._expected = self._timeouts = 0
        self._rejecting = False
        self._ack_time = ACK_TIME_FIRST

    def _arrived(self, raw: bytes) -> None:
        try:
            frame = ash.decode(raw)
        except ash.AshError:
            self.stats["broken"] += 1
            self._reject()
            return
        self.stats["received"] += 1
        if isinstance(frame, ash.Reset):
            self._owner.host_reset()
            self.restart(ash.RESET_SOFTWARE)
        elif self.state is not LinkState.CONNECTED:
            self._emit(ash.Failure(ash.ERROR_ACK_TIMEOUTS))
        elif isinstance(frame, ash.Data):
            self._acknowledged(frame.ack)
            self._data(frame)
        elif isinstance(frame, ash.Ack | ash.Nak):
            self._acknowledged(frame.ack)
            if isinstance(frame, ash.Nak):
                self._resend()

    def _data(self, frame: ash.Data) -> None:
        if frame.number == self._expected:
            self._expected = (self._expected + 1) % _MODULUS
            self._rejecting = False
            before = self.stats["sent"]
            self._owner.host_sent(frame.payload)
            if self.stats["sent"] == before:  # nothing went out that carries the acknowledgement
                self._emit(ash.Ack(self._expected))
        elif frame.retransmitted:
            self._emit(ash.Ack(self._expected))
        else:
            self._reject()

    def _reject(self) -> None:
        if self.state is LinkState.CONNECTED and not self._rejecting:
            self._rejecting = True
            self._emit(ash.Nak(self._expected))

    def _acknowledged(self, number: int) -> None:
        if not any((sent.number + 1) % _MODULUS == number for sent in self._unacked):
            return
        took = time.monotonic() - self._unacked[0].at
        while self._unacked and self._unacked[0].number != number:
            self._unacked.popleft()
        self._timeouts = 0
        self._ack_time = _bounded(self._ack_time * 7 / 8 + took / 2)
        self._pump()

    def _pump(self) -> None:
        while self._queue and len(self._unacked) < WINDOW:
            payload, written = self._queue.popleft()
            sent = _Sent(self._next, payload, time.monotonic())
            self._next = (self._next + 1) % _MODULUS
            self._unacked.append(sent)
            self.stats["sent"] += 1
            self._emit(ash.Data(sent.number, self._expected, payload))
            if written is not None:
                written()
        self._arm()

    def _resend(self) -> None:
        for sent in self._unacked:
            self.stats["resent"] += 1
            sent.at = time.monotonic()
            self._emit(ash.Data(sent.number, self._expected, sent.payload, retransmitted=True))
        self._arm()

    def _arm(self) -> None:
        self._timers.cancel(self._timer)
        self._timer = self._timers.after(self._ack_time, self._timed_out) if self._unacked else None

    def _timed_out(self) -> None:
        if self._faults.hang:
            self._arm()
            return
        self.stats["timeouts"] += 1
        self._timeouts += 1
        self._ack_time = _bounded(self._ack_time * 2)
        if self._timeouts > MAX_TIMEOUTS:
            self.fail(ash.ERROR_ACK_TIMEOUTS)
        else:
            self._resend()

    def _emit(self, frame: ash.Frame) -> None:
        if not self._faults.hang:
            for wire in self._faults.befall(ash.encode(frame), is_ack=isinstance(frame, ash.Ack)):
                self._write(wire)


def _bounded(seconds: float) -> float:
    return min(max(seconds, ACK_TIME_LEAST), ACK_TIME_MOST)
