"""Devices of Tuya's with a microcontroller behind the radio: all they are lies in datapoints of cluster 0xEF00.

A datapoint is number, type, length (two bytes, highest first) and value (highest first), as Tuya's "Zigbee generic
serial communication protocol" has it.
"""

import struct
from typing import Any

from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, Reply, fields
from device_plugins.virtual_radio.cluster import Endpoint
from device_plugins.virtual_radio.zcl import Status
from device_plugins.virtual_radio.zcltypes import ZclError

MCU = 0xEF00
RAW, BOOL, VALUE, TEXT, ENUM, BITMAP = range(6)
_REQUEST, _RESPONSE, _ACTIVE, _QUERY = 0x00, 0x01, 0x06, 0x03
_VERSION_REQUEST, _VERSION_RESPONSE, _TIME = 0x10, 0x11, 0x24
_MCU_VERSION = 0x40
_VALUE_BYTES = 4
# Where a device remembers them: number as text → [type, value as hex].
DATAPOINTS = "datapoints"
_TRANSACTION = "transaction"
TIME_TOLD = "time"


def points(actor: Actor) -> dict[str, list[Any]]:
    """Return a device's datapoints."""
    found: dict[str, list[Any]] = actor.memory.setdefault(DATAPOINTS, {})
    return found


def put(actor: Actor, here: Endpoint, number: int, kind: int, value: int) -> None:
    """Change a datapoint as the device itself would, and report it."""
    size = _VALUE_BYTES if kind == VALUE else 1
    points(actor)[str(number)] = [kind, value.to_bytes(size, "big", signed=kind == VALUE).hex()]
    _tell(actor, here, _ACTIVE, [number])


def value(actor: Actor, number: int) -> int:
    """Return a datapoint as a number; 0 before it was ever set."""
    kind, data = points(actor).get(str(number), [VALUE, "00"])
    return int.from_bytes(bytes.fromhex(data), "big", signed=kind == VALUE)


def ask_time(actor: Actor, here: Endpoint) -> None:
    """Ask the coordinator for the time of day."""
    actor.say(here, MCU, _TIME, _next(actor), target_endpoint=1)


def _next(actor: Actor) -> bytes:
    number = (int(actor.memory.get(_TRANSACTION, 0)) + 1) % 0x10000
    actor.memory[_TRANSACTION] = number
    return number.to_bytes(2, "big")


def _encode(actor: Actor, number: int) -> bytes:
    kind, data = points(actor)[str(number)]
    content = bytes.fromhex(data)
    return struct.pack(">BBH", number, kind, len(content)) + content


def _tell(actor: Actor, here: Endpoint, command: int, numbers: list[int]) -> None:
    for number in numbers:
        actor.say(here, MCU, command, _next(actor) + _encode(actor, number), target_endpoint=1)


def _decode(data: bytes) -> list[tuple[int, int, bytes]]:
    found = []
    while data:
        if len(data) < 4:  # noqa: PLR2004 - number, type, length
            raise ZclError("datapoint cut short")
        number, kind, size = struct.unpack_from(">BBH", data)
        content = data[4 : 4 + size]
        if len(content) < size or kind > BITMAP or (kind == VALUE and size != _VALUE_BYTES):
            raise ZclError("no such datapoint")
        found.append((number, kind, content))
        data = data[4 + size :]
    return found


def _set(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    if len(payload) < 2:  # noqa: PLR2004 - the transaction
        raise ZclError("no transaction")
    known = points(actor)
    changed = []
    for number, kind, content in _decode(payload[2:]):
        if str(number) in known and known[str(number)][0] == kind:
            known[str(number)] = [kind, content.hex()]
            changed.append(number)
    _tell(actor, here, _RESPONSE, changed)
    return Status.SUCCESS


def _query(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del payload
    _tell(actor, here, _RESPONSE, [int(number) for number in points(actor)])
    return Status.SUCCESS


def _version(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del actor, here
    return Reply(_VERSION_RESPONSE, payload[:2].ljust(2, b"\0") + bytes([_MCU_VERSION]))


def _time(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del here
    fields(payload, "HII")
    actor.memory[TIME_TOLD] = list(struct.unpack_from(">II", payload, 2))
    return Status.SUCCESS


HANDLERS: dict[tuple[int, int], Handler] = {
    (MCU, _REQUEST): _set,
    (MCU, 0x04): _set,
    (MCU, _QUERY): _query,
    (MCU, _VERSION_REQUEST): _version,
    (MCU, _TIME): _time,
}
