"""ASH frames as bytes (Silicon Labs UG101): stuffing, CRC, randomization, and the frames themselves. Pure."""

import binascii
import re
from dataclasses import dataclass

FLAG = 0x7E
ESCAPE = 0x7D
XON = 0x11
XOFF = 0x13
SUBSTITUTE = 0x18
CANCEL = 0x1A

PROTOCOL_VERSION = 2
# Reset and error codes the NCP gives in RSTACK and ERROR frames.
RESET_SOFTWARE = 0x0B
ERROR_ACK_TIMEOUTS = 0x51

# The longest EZSP frame fits well; whatever grows beyond is noise.
MAX_RAW = 1024
_MASK = 0x20
_RESERVED = re.compile(rb"[\x7e\x7d\x11\x13\x18\x1a]")
_SHORTEST = 3


class AshError(ValueError):
    """Bytes between two flags that are no ASH frame."""


@dataclass(frozen=True, slots=True)
class Data:
    """An EZSP frame on its way; `ack` is the number of the frame expected next from the other side."""

    number: int
    ack: int
    payload: bytes
    retransmitted: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """All frames before number `ack` have arrived."""

    ack: int
    not_ready: bool = False


@dataclass(frozen=True, slots=True)
class Nak:
    """A frame arrived broken or out of order: send again from number `ack`."""

    ack: int
    not_ready: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The host asks the NCP to reset."""


@dataclass(frozen=True, slots=True)
class ResetAck:
    """The NCP has reset, for the reason `code`."""

    code: int = RESET_SOFTWARE
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Failure:
    """The NCP is in the failed state, for the reason `code`, until it is reset."""

    code: int
    version: int = PROTOCOL_VERSION


type Frame = Data | Ack | Nak | Reset | ResetAck | Failure


def _sequence(length: int) -> bytes:
    register, out = 0x42, bytearray()
    for _ in range(length):
        out.append(register)
        register = (register >> 1) ^ (0xB8 if register & 1 else 0)
    return bytes(out)


_PSEUDO_RANDOM = _sequence(MAX_RAW)


def crc(data: bytes) -> bytes:
    """Return the CRC-CCITT of `data`, two bytes, high byte first."""
    return binascii.crc_hqx(data, 0xFFFF).to_bytes(2)


def randomize(data: bytes) -> bytes:
    """XOR with the pseudo-random sequence; its own inverse. At most MAX_RAW bytes."""
    if len(data) > MAX_RAW:
        raise AshError(f"data field of {len(data)} bytes")
    mask = int.from_bytes(_PSEUDO_RANDOM[: len(data)])
    return (int.from_bytes(data) ^ mask).to_bytes(len(data))


def stuff(data: bytes) -> bytes:
    """Escape the reserved bytes."""
    return _RESERVED.sub(lambda found: bytes([ESCAPE, found[0][0] ^ _MASK]), data)


def unstuff(data: bytes) -> bytes:
    """Undo `stuff`; AshError when the last byte is an escape."""
    first, *others = data.split(bytes([ESCAPE]))
    if not all(others):
        raise AshError("escape without a byte after it")
    return first + b"".join(bytes([part[0] ^ _MASK]) + part[1:] for part in others)


def encode(frame: Frame) -> bytes:
    """Return a frame as sent: with CRC, stuffed, ended by a flag."""
    body = _body(frame)
    return stuff(body + crc(body)) + bytes([FLAG])


def decode(raw: bytes) -> Frame:
    """Read the stuffed bytes between two flags; AshError says what is wrong with them."""
    plain = unstuff(raw)
    if len(plain) < _SHORTEST:
        raise AshError("too short")
    body = plain[:-2]
    if crc(body) != plain[-2:]:
        raise AshError("wrong CRC")
    control, rest = body[0], body[1:]
    if not control & 0x80:
        return Data((control >> 4) & 7, control & 7, randomize(rest), retransmitted=bool(control & 8))
    if control & 0xC0 == 0x80:  # noqa: PLR2004 - the control byte's own bits
        kind = Nak if control & 0x20 else Ack
        return kind(control & 7, not_ready=bool(control & 8))
    return _special(control, rest)


def _body(frame: Frame) -> bytes:
    match frame:
        case Data():
            return bytes([frame.number << 4 | frame.retransmitted << 3 | frame.ack]) + randomize(frame.payload)
        case Ack() | Nak():
            return bytes([(0xA0 if isinstance(frame, Nak) else 0x80) | frame.not_ready << 3 | frame.ack])
        case Reset():
            return b"\xc0"
        case ResetAck() | Failure():
            return bytes([0xC1 if isinstance(frame, ResetAck) else 0xC2, frame.version, frame.code])


def _special(control: int, rest: bytes) -> Frame:
    match control, len(rest):
        case 0xC0, 0:
            return Reset()
        case 0xC1, 2:
            return ResetAck(rest[1], rest[0])
        case 0xC2, 2:
            return Failure(rest[1], rest[0])
        case _:
            raise AshError(f"control byte 0x{control:02x} with {len(rest)} bytes")


class FrameSplitter:
    """Cut a stream of bytes into raw frames; noise is dropped up to the next flag."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._noise = False

    def clear(self) -> None:
        """Forget a frame in progress."""
        self._buffer.clear()
        self._noise = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes, still stuffed, without their flag."""
        *ended, rest = data.split(bytes([FLAG]))
        frames = []
        for part in ended:
            self._append(part)
            if self._buffer and not self._noise:
                frames.append(bytes(self._buffer))
            self.clear()
        self._append(rest)
        return frames

    def _append(self, part: bytes) -> None:
        if CANCEL in part:
            self.clear()
            part = part[part.rindex(CANCEL) + 1 :]
        self._noise = self._noise or SUBSTITUTE in part
        self._buffer += part.translate(None, bytes([XON, XOFF]))
        if len(self._buffer) > MAX_RAW:
            self._buffer.clear()
            self._noise = True
