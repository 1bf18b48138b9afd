"""The one EZSP callback that comes often, incomingMessageHandler (UG100), read without bellows' general parser. Pure.

The callback has one layout up to protocol version 13 and another since 14; version 4 to 7 have shorter headers, and are
left to bellows.
"""

from collections.abc import Callable
from struct import Struct
from struct import error as struct_error
from typing import NamedTuple

OLDEST, NEW_LAYOUT = 8, 14
"""The versions from which on headers are as here, and from which on frames are in the new layout."""

# Sequence, frame control (2), frame id; type, profile, cluster, endpoints (2), options, group, APS counter.
_OLD = Struct("<BHHBHHBBHHBBbHBBB")
_NEW = Struct("<BHHBHHBBHHBH8sBBBbIB")
_INCOMING = b"\x45\x00"
_ID = slice(3, 5)
UNICAST = 0x00
FRAGMENT = 0x8000


class Incoming(NamedTuple):
    """A message that came over the air."""

    kind: int
    profile: int
    cluster: int
    source_endpoint: int
    options: int
    counter: int
    sender: int
    lqi: int
    rssi: int
    message: bytes


type Parser = Callable[[bytes], Incoming | None]


def parser(version: int) -> Parser | None:
    """What reads an EZSP frame of this version; it gives None for other frames. None if there is no such parser."""
    if version < OLDEST:
        return None
    return _parse_new if version >= NEW_LAYOUT else _parse_old


def _parse_old(frame: bytes) -> Incoming | None:
    if frame[_ID] != _INCOMING:
        return None
    try:
        (_, _, _, kind, profile, cluster, source, _, options, _, counter, lqi, rssi, sender, _, _, length) = (
            _OLD.unpack_from(frame)
        )
    except struct_error:
        return None
    message = frame[_OLD.size : _OLD.size + length]
    if len(message) != length:
        return None
    return Incoming(kind, profile, cluster, source, options, counter, sender, lqi, rssi, message)


def _parse_new(frame: bytes) -> Incoming | None:
    if frame[_ID] != _INCOMING:
        return None
    try:
        (_, _, _, kind, profile, cluster, source, _, options, _, counter, sender, _, _, _, lqi, rssi, _, length) = (
            _NEW.unpack_from(frame)
        )
    except struct_error:
        return None
    message = frame[_NEW.size : _NEW.size + length]
    if len(message) != length:
        return None
    return Incoming(kind, profile, cluster, source, options, counter, sender, lqi, rssi, message)
