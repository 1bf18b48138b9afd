"""Touchlink as a device speaks it: commands of cluster 0x1000 in inter-PAN frames (ZCL 13.3; Zigbee, annex D). Pure."""

import struct
from typing import NamedTuple

from device_plugins.virtual_radio.zcl import Frame, decode
from device_plugins.virtual_radio.zcltypes import ZclError

SCAN, SCAN_RESPONSE, IDENTIFY, RESET = 0x00, 0x01, 0x06, 0x07
# A device remembers the transaction of a scan this long, in seconds.
TRANSACTION_S = 8.0
# It shows itself this long when it is left to it, in seconds.
USUAL_IDENTIFY_S = 3
MAX_FRAME = 125

_PROFILE, _CLUSTER = 0xC05E, 0x1000
_EVERYONE = 0xFFFF
_TO_EVERYONE, _TO_ONE, _ACK_WANTED = 0xC801, 0xCC01, 0x0020
_STUB, _APS_ONE, _APS_ALL = 0x000B, 0x03, 0x0B
_MAC = struct.Struct("<HBH")
_STUBS = struct.Struct("<H8sHBHH")
_KEYS = 0x0012
_FACTORY_NEW, _ROUTER_THAT_LISTENS, _GIVES_ADDRESSES = 0x01, 0x05, 0x02


class Call(NamedTuple):
    """A command on the air: who sends it (8 bytes, as there), to whom (nothing: to all), and its fields."""

    source: bytes
    pan: int
    target: bytes
    command: int
    transaction: int
    rest: bytes


class Standing(NamedTuple):
    """What a device is: whether it has no network, or which, and its short address there."""

    factory_new: bool
    extended_pan_id: bytes
    channel: int
    pan_id: int
    short: int
    device_type: int


def read(frame: bytes) -> Call | None:
    """Read what a host sends raw; None when a device would not take it for touchlink."""
    try:
        control, _, pan = _MAC.unpack_from(frame)
        wide = control & ~_ACK_WANTED == _TO_ONE
        if (not wide and control != _TO_EVERYONE) or pan != _EVERYONE or len(frame) > MAX_FRAME:
            return None
        end = _MAC.size + (8 if wide else 2)
        target = frame[_MAC.size : end] if wide else b""
        source_pan, source, nwk, aps, cluster, profile = _STUBS.unpack_from(frame, end)
        zcl = decode(frame[end + _STUBS.size :])
        (transaction,) = struct.unpack_from("<I", zcl.payload)
    except (struct.error, ZclError):
        return None
    expected = (_STUB, _APS_ONE if wide else _APS_ALL, _CLUSTER, _PROFILE)
    if (nwk, aps, cluster, profile) != expected or not zcl.specific or zcl.to_client or not transaction:
        return None
    return Call(source, source_pan, target, zcl.command, transaction, zcl.payload[4:])


def scan_response(call: Call, source: bytes, standing: Standing, sequence: int) -> bytes:
    """Write a device's answer to a scan."""
    flags = _GIVES_ADDRESSES | (_FACTORY_NEW if standing.factory_new else 0)
    payload = struct.pack("<IBBBHI", call.transaction, 0, _ROUTER_THAT_LISTENS, flags, _KEYS, call.transaction ^ 0xFFFF)
    payload += standing.extended_pan_id
    payload += struct.pack("<BBHHBB", 0, standing.channel, standing.pan_id, standing.short, 1, 0)
    payload += struct.pack("<BHHBB", 1, 0x0104, standing.device_type, 1, 0)
    zcl = Frame(sequence, SCAN_RESPONSE, payload, specific=True, to_client=True, no_default_response=True)
    head = _MAC.pack(_TO_ONE | _ACK_WANTED, sequence, _EVERYONE) + call.source
    return head + _STUBS.pack(standing.pan_id, source, _STUB, _APS_ONE, _CLUSTER, _PROFILE) + zcl.encode()
