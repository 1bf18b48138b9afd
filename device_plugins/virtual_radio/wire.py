"""How EZSP values lie in bytes: packers made from bellows' types, so that the radio itself handles plain values only.

Integers, flags and enumerations are `int`; addresses, keys and strings of bytes are `bytes`; structures are `dict`
by field name, but the APS frame is an `ApsFrame`; a status is a `Status`, whatever the protocol version calls it.
"""

import enum
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import bellows.types as t
import zigpy.types as zt


class WireError(ValueError):
    """Bytes that are too short for their type, or a value that does not fit its type."""


class Status(enum.Enum):
    """What a command came to, as (EmberStatus, EzspStatus, sl_Status)."""

    OK = (0x00, 0x00, 0x0000)
    FAIL = (0x01, 0x01, 0x0001)
    NETWORK_UP = (0x90, 0x90, 0x0015)
    NETWORK_DOWN = (0x91, 0x91, 0x0016)
    NOT_JOINED = (0x93, 0x93, 0x0017)
    NOT_FOUND = (0xB1, 0xB1, 0x002D)
    INVALID = (0x02, 0x40, 0x0021)
    INVALID_INDEX = (0xB1, 0xB1, 0x0027)
    INVALID_STATE = (0x70, 0x70, 0x0002)
    UNSUPPORTED = (0x7D, 0x36, 0x000F)
    UNKNOWN_FRAME = (0x7D, 0x31, 0x000F)
    DELIVERY_FAILED = (0x66, 0x66, 0x0C02)
    CHANNEL_CHANGED = (0x9B, 0x9B, 0x0C17)
    SOURCE_ROUTE_FAILURE = (0xA9, 0xA9, 0x0C13)
    MESSAGE_TOO_LONG = (0x74, 0x74, 0x0038)


class ApsFrame(NamedTuple):
    """The application support layer's header, in the order it lies in bytes."""

    profile: int
    cluster: int
    source_endpoint: int
    destination_endpoint: int
    options: int
    group: int
    sequence: int


_APS = struct.Struct("<HHBBHHB")

type Unpacked = tuple[Any, bytes]


@dataclass(frozen=True, slots=True)
class Packer:
    """Both ways for one type; `zero` is the value a host means when it leaves the field out."""

    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Unpacked]
    zero: Any


type Schema = Mapping[str, Packer]


def integer(size: int, *, signed: bool = False, column: int | None = None) -> Packer:
    """Return the packer of a little-endian integer; `column` tells which of a Status' codes it takes."""

    def pack(value: int | Status) -> bytes:
        number = value.value[column or 0] if isinstance(value, Status) else value
        try:
            return number.to_bytes(size, "little", signed=signed)
        except OverflowError as error:
            raise WireError(f"{number} does not fit {size} bytes") from error

    def unpack(data: bytes) -> Unpacked:
        _need(data, size)
        return int.from_bytes(data[:size], "little", signed=signed), data[size:]

    return Packer(pack, unpack, 0)


def fixed(size: int) -> Packer:
    """Return the packer of `size` bytes, such as a key or an address."""

    def pack(value: bytes) -> bytes:
        if len(value) != size:
            raise WireError(f"{len(value)} bytes where {size} are due")
        return bytes(value)

    def unpack(data: bytes) -> Unpacked:
        _need(data, size)
        return data[:size], data[size:]

    return Packer(pack, unpack, bytes(size))


def prefixed(prefix: int) -> Packer:
    """Return the packer of bytes with their length before them."""

    def pack(value: bytes) -> bytes:
        return len(value).to_bytes(prefix, "little") + value

    def unpack(data: bytes) -> Unpacked:
        _need(data, prefix)
        end = prefix + int.from_bytes(data[:prefix], "little")
        _need(data, end)
        return data[prefix:end], data[end:]

    return Packer(pack, unpack, b"")


def sequence(item: Packer, *, counted: bool) -> Packer:
    """Return the packer of a list, with its length before it or to the end of the frame."""

    def pack(values: list[Any]) -> bytes:
        head = bytes([len(values)]) if counted else b""
        return head + b"".join(item.pack(value) for value in values)

    def unpack(data: bytes) -> Unpacked:
        values = []
        if counted:
            _need(data, 1)
            count, data = data[0], data[1:]
            for _ in range(count):
                value, data = item.unpack(data)
                values.append(value)
            return values, data
        while data:
            value, data = item.unpack(data)
            values.append(value)
        return values, data

    return Packer(pack, unpack, [])


def structure(schema: Schema) -> Packer:
    """Return the packer of a structure; fields left out of the dict are zero."""
    zero = {name: packer.zero for name, packer in schema.items()}

    def pack(value: Mapping[str, Any]) -> bytes:
        return b"".join(packer.pack(value.get(name, packer.zero)) for name, packer in schema.items())

    def unpack(data: bytes) -> Unpacked:
        values = {}
        for name, packer in schema.items():
            values[name], data = packer.unpack(data)
        return values, data

    return Packer(pack, unpack, zero)


def _aps_unpack(data: bytes) -> Unpacked:
    _need(data, _APS.size)
    return ApsFrame(*_APS.unpack_from(data)), data[_APS.size :]


_APS_FRAME = Packer(lambda frame: _APS.pack(*frame), _aps_unpack, ApsFrame(0, 0, 0, 0, 0, 0, 0))
_STATUS_COLUMNS = {t.EmberStatus: 0, t.EzspStatus: 1, t.sl_Status: 2}


@cache
def packer(of: type) -> Packer:
    """Return the packer of one of bellows' types."""
    if of is t.EmberApsFrame:
        return _APS_FRAME
    if issubclass(of, int):
        return _integer_like(of)
    if issubclass(of, zt.LVBytes):
        return prefixed(getattr(of, "_prefix_length", 1))
    if hasattr(of, "fields"):
        return structure({field.name: packer(field.type) for field in of.fields})
    return _list_like(of)


def _integer_like(of: Any) -> Packer:  # noqa: ANN401 - bellows has no types
    bits = of._bits  # noqa: SLF001 - the only place where the width is told
    return integer(
        bits // 8, signed=int(of.min_value) < 0 if hasattr(of, "min_value") else False, column=_STATUS_COLUMNS.get(of)
    )


def _list_like(of: Any) -> Packer:  # noqa: ANN401 - bellows has no types
    item = packer(of._item_type)  # noqa: SLF001 - the only place where it is told
    length = getattr(of, "_length", None)
    if length is not None:
        return fixed(length * len(item.pack(item.zero)))
    return sequence(item, counted=issubclass(of, zt.LVList))


def _need(data: bytes, size: int) -> None:
    if len(data) < size:
        raise WireError(f"{len(data)} bytes where {size} are due")
