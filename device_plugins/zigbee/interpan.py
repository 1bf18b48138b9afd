"""Touchlink on the air: commands of cluster 0x1000 in inter-PAN frames, which need no common network. Pure.

A MAC data frame (IEEE 802.15.4, 5.2.2.2) holds a stub of a network header and of an APS header (Zigbee, annex D), and
these a ZCL frame (ZCL, 13.3: touchlink commissioning). Such frames are neither encrypted nor signed.
"""

import re
import struct
from struct import Struct
from typing import NamedTuple

MOST = 125
"""Bytes of the longest MAC frame, without its check sum."""

_PROFILE, _CLUSTER = 0xC05E, 0x1000
_EVERY_PAN, _EVERYBODY = b"\xff\xff", b"\xff\xff"
# Data, from a long address; to a short or to a long one. The other bits that count: secured, one PAN id for both.
_TO_SHORT, _TO_LONG, _ACKNOWLEDGED = 0xC801, 0xCC01, 0x0020
_COUNTS = 0xCC4F
_NWK_STUB, _APS_UNICAST, _APS_BROADCAST = 0x000B, 0x03, 0x0B
# Frame control, number, PAN of the target. PAN and address of the source; stubs of NWK and APS; cluster, profile.
_START, _REST = Struct("<HB2s"), Struct("<H8sHBHH")
_SHORT, _LONG = 2, 8

# ZCL frame control: a cluster's command without a default response; from the server, whatever the response.
_REQUEST = 0x11
_RESPONSE, _RESPONSE_COUNTS = 0x09, 0x0F
_SCAN, _SCAN_RESPONSE, _IDENTIFY, _RESET = 0x00, 0x01, 0x06, 0x07
_ZCL_START = 3
# A coordinator that always listens; begins a touchlink, and can give addresses.
_COORDINATOR, _INITIATOR = 0x04, 0x12
# Transaction, RSSI correction, Zigbee and touchlink information, keys, response id; extended PAN id, update id,
# channel, PAN id, short address, number of sub-devices and of groups.
_ANSWER = Struct("<IBBBHI8sBBHHBB")
_FACTORY_NEW = 0x01
_IEEE = re.compile(r"[0-9a-f]{16}")


class InterPan(NamedTuple):
    """An inter-PAN frame: IEEE addresses in 16 hex digits, no `target` for everybody near; `zcl` is what it holds."""

    source: str
    source_pan: int
    target: str
    zcl: bytes


class ScanResponse(NamedTuple):
    """What a device says of itself and its network; `channel` is that network's."""

    transaction: int
    is_factory_new: bool
    extended_pan_id: str
    channel: int
    pan_id: int
    short: int


def encode(frame: InterPan) -> bytes:
    """Write a frame; one to a single target asks for its acknowledgement. The stick counts them.

    Raises ValueError for what does not fit.
    """
    if frame.target:
        control, target, aps = _TO_LONG | _ACKNOWLEDGED, _bytes(frame.target), _APS_UNICAST
    else:
        control, target, aps = _TO_SHORT, _EVERYBODY, _APS_BROADCAST
    try:
        rest = _REST.pack(frame.source_pan, _bytes(frame.source), _NWK_STUB, aps, _CLUSTER, _PROFILE)
    except struct.error as error:
        raise ValueError(f"{frame.source_pan} is no PAN id") from error
    written = _START.pack(control, 0, _EVERY_PAN) + target + rest + frame.zcl
    if len(written) > MOST:
        raise ValueError(f"{len(written)} bytes do not fit a frame of {MOST}")
    return written


def decode(data: bytes) -> InterPan | None:
    """Read a frame; None for everything else that is on the air."""
    if len(data) < _START.size or len(data) > MOST:
        return None
    control, _, _ = _START.unpack_from(data)
    width = {_TO_SHORT: _SHORT, _TO_LONG: _LONG}.get(control & _COUNTS)
    if width is None or len(data) < _START.size + width + _REST.size:
        return None
    target = data[_START.size : _START.size + width]
    pan, source, nwk, aps, cluster, profile = _REST.unpack_from(data, _START.size + width)
    if nwk != _NWK_STUB or aps not in {_APS_UNICAST, _APS_BROADCAST} or (cluster, profile) != (_CLUSTER, _PROFILE):
        return None
    zcl = data[_START.size + width + _REST.size :]
    return InterPan(_text(source), pan, _text(target) if width == _LONG else "", zcl)


def scan_request(transaction: int) -> bytes:
    """Ask who is near; what follows within 8 s bears the same transaction, 1 to 0xFFFFFFFF."""
    return _request(_SCAN, Struct("<IBB").pack(transaction, _COORDINATOR, _INITIATOR))


def identify_request(transaction: int, seconds: int) -> bytes:
    """Ask a device to show itself for so long, 0 no longer."""
    return _request(_IDENTIFY, Struct("<IH").pack(transaction, seconds))


def reset_request(transaction: int) -> bytes:
    """Ask a device to forget its network."""
    return _request(_RESET, Struct("<I").pack(transaction))


def read_scan_response(zcl: bytes) -> ScanResponse | None:
    """Read a device's answer to a scan; None for any other command, and for a broken one."""
    if len(zcl) < _ZCL_START + _ANSWER.size or zcl[0] & _RESPONSE_COUNTS != _RESPONSE or zcl[2] != _SCAN_RESPONSE:
        return None
    transaction, _, _, information, _, _, extended, _, channel, pan, short, _, _ = _ANSWER.unpack_from(zcl, _ZCL_START)
    return ScanResponse(transaction, bool(information & _FACTORY_NEW), _text(extended), channel, pan, short)


def _request(command: int, payload: bytes) -> bytes:
    return bytes([_REQUEST, 0, command]) + payload


def _bytes(ieee: str) -> bytes:
    if not _IEEE.fullmatch(ieee):
        raise ValueError(f"{ieee!r} is no IEEE address")
    return bytes.fromhex(ieee)[::-1]


def _text(eui64: bytes) -> str:
    return eui64[::-1].hex()
