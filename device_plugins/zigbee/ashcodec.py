"""Frames of the ASH protocol as bytes (UG101, 2 to 4). Pure."""

import binascii
import re

FLAG, ESCAPE, XON, XOFF, SUBSTITUTE, CANCEL = (bytes([one]) for one in (0x7E, 0x7D, 0x11, 0x13, 0x18, 0x1A))
RESERVED = FLAG + ESCAPE + XON + XOFF + SUBSTITUTE + CANCEL
CHECK = 2
"""Bytes of the check at a frame's end."""
MOST = 256
"""Bytes of the longest payload that can be made into noise."""

_FLIP = 0x20
_RESERVED = re.compile(b"[" + re.escape(RESERVED) + b"]")
_ESCAPED = re.compile(re.escape(ESCAPE) + b"(.?)", re.DOTALL)
_UNESCAPE = {bytes([one ^ _FLIP]): bytes([one]) for one in RESERVED}
_ESCAPES = {bytes([one]): ESCAPE + bytes([one ^ _FLIP]) for one in RESERVED}


def _noise() -> bytes:
    state, made = 0x42, bytearray()
    for _ in range(MOST):
        made.append(state)
        state = state >> 1 ^ (0xB8 if state & 1 else 0)
    return bytes(made)


NOISE = _noise()
_NOISE = int.from_bytes(NOISE, "little")


def randomized(payload: bytes) -> bytes:
    """Turn a payload into noise, or back."""
    size = len(payload)
    return ((int.from_bytes(payload, "little") ^ _NOISE) & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def stuffed(frame: bytes) -> bytes:
    """Escape the bytes that mean something on the line."""
    return _RESERVED.sub(lambda found: _ESCAPES[found[0]], frame)


def unstuffed(raw: bytes) -> bytes | None:
    """Undo `stuffed`; None if something is escaped that need not be."""
    if ESCAPE not in raw:
        return raw
    try:
        return _ESCAPED.sub(lambda found: _UNESCAPE[found[1]], raw)
    except KeyError:
        return None


def checked(frame: bytes) -> bytes:
    """Append the check."""
    return frame + binascii.crc_hqx(frame, 0xFFFF).to_bytes(CHECK, "big")


def is_sound(frame: bytes) -> bool:
    """Whether its last two bytes are its check."""
    return binascii.crc_hqx(frame, 0xFFFF) == 0
