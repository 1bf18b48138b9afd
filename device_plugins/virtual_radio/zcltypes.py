"""The ZCL's data types as bytes, by type number (Zigbee Cluster Library, chapter 2.6). Pure.

Booleans are `bool`, numbers `int` or `float`, strings `str` or `bytes`, an absent string None; arrays, sets and bags
are `(element type, [values])`, structures `[(type, value), …]`, keys `bytes`.
"""

import struct
from typing import Any

BOOL = 0x10
B8, B16, B24, B32 = 0x18, 0x19, 0x1A, 0x1B
U8, U16, U24, U32, U48 = 0x20, 0x21, 0x22, 0x23, 0x25
S8, S16, S24, S32 = 0x28, 0x29, 0x2A, 0x2B
ENUM8, ENUM16 = 0x30, 0x31
SINGLE = 0x39
OCTETS, TEXT = 0x41, 0x42
EUI64 = 0xF0

_FLOATS = {0x38: "<e", 0x39: "<f", 0x3A: "<d"}
_ARRAYS = (0x48, 0x50, 0x51)
_STRUCTURE = 0x4C
_KEY = 0xF1
_KEY_SIZE = 16
# Strings: type → (size of the length, is it text).
_STRINGS = {0x41: (1, False), 0x42: (1, True), 0x43: (2, False), 0x44: (2, True)}
# Integers: type → size; data, bitmaps, unsigned, signed, enumerations, then the single ones.
_SIZES = {
    **{0x08 + i: i + 1 for i in range(8)},
    **{0x18 + i: i + 1 for i in range(8)},
    **{0x20 + i: i + 1 for i in range(8)},
    **{0x28 + i: i + 1 for i in range(8)},
    0x30: 1, 0x31: 2, 0xE0: 4, 0xE1: 4, 0xE2: 4, 0xE8: 2, 0xE9: 2, 0xEA: 4, 0xF0: 8,
}  # fmt: skip
_SIGNED = range(0x28, 0x30)
_ANALOG = (*range(0x20, 0x30), *_FLOATS, 0xE0, 0xE1, 0xE2)
# Arrays and structures in each other, no deeper.
_MAX_DEPTH = 4


class ZclError(ValueError):
    """Bytes that are no value of their type, or a value that does not fit it."""


def is_analog(kind: int) -> bool:
    """Whether values of this type are measured, so that reporting takes a least change."""
    return kind in _ANALOG


def bounds(kind: int) -> tuple[int, int] | None:
    """Return the least and greatest integer of a type, None when it is no integer type."""
    size = _SIZES.get(kind)
    if size is None:
        return None
    bits = 8 * size
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind in _SIGNED else (0, (1 << bits) - 1)


def encode(kind: int, value: Any) -> bytes:  # noqa: ANN401 - as many types as the ZCL has
    """Return the bytes of a value of type `kind`; ZclError when it does not fit."""
    try:
        return _encode(kind, value)
    except (OverflowError, TypeError, ValueError, AttributeError, struct.error) as error:
        raise ZclError(f"{value!r} does not fit type 0x{kind:02x}") from error


def decode(kind: int, data: bytes, depth: int = 0) -> tuple[Any, bytes]:
    """Return the value of type `kind` that `data` starts with, and the rest; ZclError when it ends too early."""
    if kind == BOOL:
        return bool(_take(data, 1)[0]), data[1:]
    if kind in _SIZES:
        size = _SIZES[kind]
        return int.from_bytes(_take(data, size), "little", signed=kind in _SIGNED), data[size:]
    if kind in _FLOATS:
        size = struct.calcsize(_FLOATS[kind])
        return struct.unpack(_FLOATS[kind], _take(data, size))[0], data[size:]
    if kind in _STRINGS:
        return _decode_string(kind, data)
    if kind == _KEY:
        return _take(data, _KEY_SIZE), data[_KEY_SIZE:]
    return _decode_collection(kind, data, depth)


def _encode(kind: int, value: Any) -> bytes:  # noqa: ANN401 - as many types as the ZCL has
    if kind == BOOL:
        return bytes([bool(value)])
    if kind in _SIZES:
        return int(value).to_bytes(_SIZES[kind], "little", signed=kind in _SIGNED)
    if kind in _FLOATS:
        return struct.pack(_FLOATS[kind], value)
    if kind in _STRINGS:
        return _encode_string(kind, value)
    if kind == _KEY and len(value) == _KEY_SIZE:
        return bytes(value)
    return _encode_collection(kind, value)


def _encode_string(kind: int, value: str | bytes | None) -> bytes:
    size, is_text = _STRINGS[kind]
    if value is None:
        return b"\xff" * size
    data = value.encode() if is_text and isinstance(value, str) else bytes(value)  # type: ignore[arg-type]
    if len(data) == (1 << 8 * size) - 1:
        raise ZclError("too long")
    return len(data).to_bytes(size, "little") + data


def _decode_string(kind: int, data: bytes) -> tuple[str | bytes | None, bytes]:
    size, is_text = _STRINGS[kind]
    prefix = _take(data, size)
    if prefix == b"\xff" * size:
        return None, data[size:]
    end = size + int.from_bytes(prefix, "little")
    content = _take(data, end)[size:]
    return content.decode(errors="replace") if is_text else content, data[end:]


def _encode_collection(kind: int, value: Any) -> bytes:  # noqa: ANN401 - as many types as the ZCL has
    if kind in _ARRAYS:
        element, items = value
        return bytes([element]) + len(items).to_bytes(2, "little") + b"".join(_encode(element, item) for item in items)
    if kind == _STRUCTURE:
        fields = b"".join(bytes([item_kind]) + _encode(item_kind, item) for item_kind, item in value)
        return len(value).to_bytes(2, "little") + fields
    raise ZclError(f"no type 0x{kind:02x}")


def _decode_collection(kind: int, data: bytes, depth: int) -> tuple[Any, bytes]:
    if depth >= _MAX_DEPTH or kind not in {*_ARRAYS, _STRUCTURE}:
        raise ZclError(f"no type 0x{kind:02x} here")
    element = None
    if kind in _ARRAYS:
        element, data = _take(data, 1)[0], data[1:]
    count, data = int.from_bytes(_take(data, 2), "little"), data[2:]
    items = []
    for _ in range(count):
        item_kind = element
        if item_kind is None:
            item_kind, data = _take(data, 1)[0], data[1:]
        item, data = decode(item_kind, data, depth + 1)
        items.append(item if element is not None else (item_kind, item))
    return (items if element is None else (element, items)), data


def _take(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise ZclError(f"{len(data)} bytes where {size} are due")
    return data[:size]
