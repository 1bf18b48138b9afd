"""Reading reports of attributes by a table made beforehand. Pure; ZCL 8, 2.4.1 and 2.5.11.

What the table does not hold, or what is not whole, gives None: the general parser is to look at it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from struct import Struct
from typing import NamedTuple

from device_plugins.zigbee.mapping.signature import Raw

type Sink = Callable[[Raw], None]

_REPORT = 0x0A
# Frame control: manufacturer specific, from the server; the rest that is allowed is "no default response".
_MANUFACTURER, _FROM_SERVER, _NO_RESPONSE = 0x04, 0x08, 0x10
_OTHER_BITS = 0xFF & ~(_MANUFACTURER | _FROM_SERVER | _NO_RESPONSE)
_SHORT, _LONG = 3, 5
_RECORD = 3

_BOOLEAN, _SINGLE, _DOUBLE = 0x10, 0x39, 0x3A
_FLOATS = {_SINGLE: Struct("<f"), _DOUBLE: Struct("<d")}
_UNSIGNED = {
    _BOOLEAN: 1,
    **{0x18 + n: n + 1 for n in range(8)},  # bitmaps
    **{0x20 + n: n + 1 for n in range(8)},
    0x30: 1,
    0x31: 2,
}
_SIGNED = {0x28 + n: n + 1 for n in range(8)}


class Header(NamedTuple):
    """A report's header; `start` is where its records begin."""

    manufacturer: int | None
    sequence: int
    wants_response: bool
    start: int


class Place(NamedTuple):
    """An attribute as it is reported: its type, its bytes, how they are read and who hears the value."""

    type: int
    size: int
    read: Callable[[bytes], Raw | None]
    sink: Sink


def place(zcl_type: int, sink: Sink) -> Place | None:
    """The place of an attribute of this type; None for the types that are left to the general parser."""
    if zcl_type in _FLOATS:
        return Place(zcl_type, _FLOATS[zcl_type].size, _float(_FLOATS[zcl_type]), sink)
    if zcl_type == _BOOLEAN:
        return Place(zcl_type, 1, lambda data: data[0] if data[0] <= 1 else None, sink)
    if size := _UNSIGNED.get(zcl_type):
        return Place(zcl_type, size, lambda data: int.from_bytes(data, "little"), sink)
    if size := _SIGNED.get(zcl_type):
        return Place(zcl_type, size, lambda data: int.from_bytes(data, "little", signed=True), sink)
    return None


def header(frame: bytes) -> Header | None:
    """The header of a server's report of attributes; None for any other frame."""
    if len(frame) < _SHORT:
        return None
    control = frame[0]
    if control & _OTHER_BITS or not control & _FROM_SERVER:
        return None
    wants = not control & _NO_RESPONSE
    if not control & _MANUFACTURER:
        return Header(None, frame[1], wants, _SHORT) if frame[2] == _REPORT else None
    if len(frame) < _LONG or frame[4] != _REPORT:
        return None
    return Header(frame[1] | frame[2] << 8, frame[3], wants, _LONG)


def reports(frame: bytes, start: int, places: Mapping[int, Place]) -> Sequence[tuple[Sink, Raw]] | None:
    """What a report tells whom, in its order; None unless all of it is whole and in the table."""
    found: list[tuple[Sink, Raw]] = []
    end = len(frame)
    while start < end:
        if end - start <= _RECORD:
            return None
        known = places.get(frame[start] | frame[start + 1] << 8)
        if known is None or known.type != frame[start + 2]:
            return None
        start += _RECORD
        after = start + known.size
        if after > end or (value := known.read(frame[start:after])) is None:
            return None
        found.append((known.sink, value))
        start = after
    return found or None


def _float(of: Struct) -> Callable[[bytes], Raw | None]:
    def read(data: bytes) -> Raw | None:
        (value,) = of.unpack(data)
        return None if math.isnan(value) else float(value)

    return read
