"""ZCL frames, and the commands every cluster understands: read, write, report, discover (ZCL chapter 2.5).

`answer` is what a real device's library does before the cluster itself is asked.
"""

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from device_plugins.virtual_radio import zcltypes
from device_plugins.virtual_radio.cluster import Attribute, Cluster, Reporting
from device_plugins.virtual_radio.zcltypes import ZclError

_LEAST_HEADER = 3
_MANUFACTURER_HEADER = 5
NO_REPORTS = 0xFFFF
# What fits one unfragmented frame beside its headers, in bytes.
MAX_PAYLOAD = 72


class Status(enum.IntEnum):
    """What a device says of a command (ZCL 2.6.3)."""

    SUCCESS = 0x00
    FAILURE = 0x01
    MALFORMED_COMMAND = 0x80
    UNSUP_CLUSTER_COMMAND = 0x81
    UNSUP_GENERAL_COMMAND = 0x82
    UNSUP_MANUF_CLUSTER_COMMAND = 0x83
    UNSUP_MANUF_GENERAL_COMMAND = 0x84
    UNSUPPORTED_ATTRIBUTE = 0x86
    INVALID_VALUE = 0x87
    READ_ONLY = 0x88
    INSUFFICIENT_SPACE = 0x89
    DUPLICATE_EXISTS = 0x8A
    NOT_FOUND = 0x8B
    UNREPORTABLE_ATTRIBUTE = 0x8C
    INVALID_DATA_TYPE = 0x8D
    UNSUPPORTED_CLUSTER = 0xC3


class General(enum.IntEnum):
    """Commands that every cluster understands."""

    READ = 0x00
    READ_RESPONSE = 0x01
    WRITE = 0x02
    WRITE_UNDIVIDED = 0x03
    WRITE_RESPONSE = 0x04
    WRITE_NO_RESPONSE = 0x05
    CONFIGURE_REPORTING = 0x06
    CONFIGURE_REPORTING_RESPONSE = 0x07
    READ_REPORTING = 0x08
    READ_REPORTING_RESPONSE = 0x09
    REPORT = 0x0A
    DEFAULT_RESPONSE = 0x0B
    DISCOVER = 0x0C
    DISCOVER_RESPONSE = 0x0D
    DISCOVER_COMMANDS_RECEIVED = 0x11
    DISCOVER_COMMANDS_RECEIVED_RESPONSE = 0x12
    DISCOVER_COMMANDS_GENERATED = 0x13
    DISCOVER_COMMANDS_GENERATED_RESPONSE = 0x14
    DISCOVER_EXTENDED = 0x15
    DISCOVER_EXTENDED_RESPONSE = 0x16


_NEVER_ANSWERED = frozenset({
    General.READ_RESPONSE, General.WRITE_RESPONSE, General.CONFIGURE_REPORTING_RESPONSE, General.REPORT,
    General.READ_REPORTING_RESPONSE, General.DEFAULT_RESPONSE, General.DISCOVER_RESPONSE,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """One ZCL frame; `to_client` is its direction, `specific` tells a cluster's own command from a general one."""

    sequence: int
    command: int
    payload: bytes = b""
    specific: bool = False
    to_client: bool = False
    no_default_response: bool = False
    manufacturer: int | None = None

    def encode(self) -> bytes:
        """Return the frame as sent."""
        own = self.manufacturer is not None
        control = self.specific | own << 2 | self.to_client << 3 | self.no_default_response << 4
        code = b"" if self.manufacturer is None else self.manufacturer.to_bytes(2, "little")
        return bytes([control]) + code + bytes([self.sequence, self.command]) + self.payload

    def reply(self, command: int, payload: bytes, *, specific: bool = False) -> "Frame":
        """Return the frame that answers this one."""
        return replace(
            self,
            command=command,
            payload=payload,
            specific=specific,
            to_client=not self.to_client,
            no_default_response=True,
        )

    def default(self, status: Status) -> "Frame | None":
        """Return the default response, or None when none is wanted."""
        if status is Status.SUCCESS and self.no_default_response:
            return None
        return self.reply(General.DEFAULT_RESPONSE, bytes([self.command, status]))


def decode(data: bytes) -> Frame:
    """Read a ZCL frame; ZclError when it is too short."""
    own = bool(data) and bool(data[0] & 4)
    header = _MANUFACTURER_HEADER if own else _LEAST_HEADER
    if len(data) < header:
        raise ZclError("too short for a ZCL frame")
    control = data[0]
    return Frame(
        data[header - 2],
        data[header - 1],
        data[header:],
        specific=control & 3 == 1,
        to_client=bool(control & 8),
        no_default_response=bool(control & 16),
        manufacturer=int.from_bytes(data[1:3], "little") if own else None,
    )


class Server(Protocol):
    """What the general commands do to the device behind a cluster."""

    def write(self, cluster: Cluster, attribute: Attribute, value: object) -> None:
        """Set an attribute that has been found writable and the value valid."""

    def configure(self, cluster: Cluster, attribute: Attribute, reporting: Reporting | None) -> None:
        """Report an attribute from now on, or no longer."""


def answer(server: Server, cluster: Cluster, frame: Frame) -> Frame | None:
    """Carry out a general command and return its answer, if it has one; ZclError when it is malformed."""
    command = frame.command
    if command in _NEVER_ANSWERED:
        return None
    cluster = cluster.of(frame.manufacturer)
    handler = _HANDLERS.get(command)
    if handler is None:
        return frame.default(
            Status.UNSUP_GENERAL_COMMAND if frame.manufacturer is None else Status.UNSUP_MANUF_GENERAL_COMMAND
        )
    payload = handler(server, cluster, frame.payload)
    if command == General.WRITE_NO_RESPONSE:
        return None
    response = General.WRITE_RESPONSE if command in {General.WRITE, General.WRITE_UNDIVIDED} else command + 1
    return frame.reply(response, payload)


def report(attributes: Iterable[Attribute]) -> bytes:
    """Return the payload of a report of these attributes."""
    return b"".join(_number(item.number) + bytes([item.kind]) + item.encode() for item in attributes)


def _number(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _words(payload: bytes) -> Iterator[int]:
    if len(payload) % 2:
        raise ZclError("half an attribute number")
    return (int.from_bytes(payload[i : i + 2], "little") for i in range(0, len(payload), 2))


def _take(payload: bytes, *sizes: int) -> tuple[list[int], bytes]:
    if len(payload) < sum(sizes):
        raise ZclError("record cut short")
    values = []
    for size in sizes:
        values.append(int.from_bytes(payload[:size], "little"))
        payload = payload[size:]
    return values, payload


def _read(server: Server, cluster: Cluster, payload: bytes) -> bytes:
    del server
    out = b""
    for number in _words(payload):
        attribute = cluster.attributes.get(number)
        if attribute is None:
            record = bytes([Status.UNSUPPORTED_ATTRIBUTE])
        else:
            record = bytes([Status.SUCCESS, attribute.kind]) + attribute.encode()
        if out and len(out) + len(record) > MAX_PAYLOAD:  # one value alone is sent in fragments
            record = bytes([Status.INSUFFICIENT_SPACE])
        out += _number(number) + record
    return out


def _write_records(cluster: Cluster, payload: bytes) -> list[tuple[Attribute | None, Any, int, Status]]:
    records: list[tuple[Attribute | None, Any, int, Status]] = []
    while payload:
        (number, kind), payload = _take(payload, 2, 1)
        value, payload = zcltypes.decode(kind, payload)
        attribute = cluster.attributes.get(number)
        records.append((attribute, value, number, _write_status(attribute, kind, value)))
    return records


def _write_status(attribute: Attribute | None, kind: int, value: object) -> Status:
    if attribute is None:
        return Status.UNSUPPORTED_ATTRIBUTE
    if not attribute.writable:
        return Status.READ_ONLY
    if attribute.kind != kind:
        return Status.INVALID_DATA_TYPE
    return Status.SUCCESS if attribute.allows(value) else Status.INVALID_VALUE


def _write(server: Server, cluster: Cluster, payload: bytes, *, undivided: bool = False) -> bytes:
    records = _write_records(cluster, payload)
    bad = [(status, number) for _, _, number, status in records if status is not Status.SUCCESS]
    if not (undivided and bad):
        for attribute, value, _, status in records:
            if attribute is not None and status is Status.SUCCESS:
                server.write(cluster, attribute, value)
    return b"".join(bytes([status]) + _number(number) for status, number in bad) or bytes([Status.SUCCESS])


def _write_undivided(server: Server, cluster: Cluster, payload: bytes) -> bytes:
    return _write(server, cluster, payload, undivided=True)


def _configure(server: Server, cluster: Cluster, payload: bytes) -> bytes:
    bad = b""
    while payload:
        (direction, number), payload = _take(payload, 1, 2)
        if direction:  # how long to wait for reports: nothing to do
            _, payload = _take(payload, 2)
            continue
        (kind, least, most), payload = _take(payload, 1, 2, 2)
        change = None
        if zcltypes.is_analog(kind):
            change, payload = zcltypes.decode(kind, payload)
        attribute = cluster.attributes.get(number)
        status = _configure_status(attribute, kind, least, most)
        if attribute is None or status is not Status.SUCCESS:
            bad += bytes([status, direction]) + _number(number)
        else:
            ends = most == NO_REPORTS or (least == NO_REPORTS and not most)  # none, or the factory's: none either
            server.configure(cluster, attribute, None if ends else Reporting(least, most, change))
    return bad or bytes([Status.SUCCESS])


def _configure_status(attribute: Attribute | None, kind: int, least: int, most: int) -> Status:
    if attribute is None:
        return Status.UNSUPPORTED_ATTRIBUTE
    if not attribute.reportable:
        return Status.UNREPORTABLE_ATTRIBUTE
    if attribute.kind != kind:
        return Status.INVALID_DATA_TYPE
    return Status.INVALID_VALUE if most and least > most else Status.SUCCESS


def _read_reporting(server: Server, cluster: Cluster, payload: bytes) -> bytes:
    del server
    out = b""
    while payload:
        (direction, number), payload = _take(payload, 1, 2)
        attribute = cluster.attributes.get(number)
        head = bytes([direction]) + _number(number)
        if attribute is None:
            out += bytes([Status.UNSUPPORTED_ATTRIBUTE]) + head
        elif attribute.reporting is None or direction:
            out += bytes([Status.NOT_FOUND]) + head
        else:
            times = _number(attribute.reporting.least) + _number(attribute.reporting.most)
            change = attribute.reporting.change
            least_change = b"" if change is None else zcltypes.encode(attribute.kind, change)
            out += bytes([Status.SUCCESS]) + head + bytes([attribute.kind]) + times + least_change
    return out


def _discover(server: Server, cluster: Cluster, payload: bytes) -> bytes:
    del server
    found, complete = _range(cluster.attributes, payload, 2)
    return bytes([complete]) + b"".join(_number(n) + bytes([cluster.attributes[n].kind]) for n in found)


def _discover_extended(server: Server, cluster: Cluster, payload: bytes) -> bytes:
    del server
    found, complete = _range(cluster.attributes, payload, 2)
    items = (cluster.attributes[number] for number in found)
    return bytes([complete]) + b"".join(
        _number(item.number) + bytes([item.kind, 1 | item.writable << 1 | item.reportable << 2]) for item in items
    )


def _commands(which: Callable[[Cluster], Iterable[int]]) -> Callable[[Server, Cluster, bytes], bytes]:
    def discover(server: Server, cluster: Cluster, payload: bytes) -> bytes:
        del server
        found, complete = _range(which(cluster), payload, 1)
        return bytes([complete, *found])

    return discover


def _range(numbers: Iterable[int], payload: bytes, size: int) -> tuple[list[int], bool]:
    (start, most), _ = _take(payload, size, 1)
    wanted = [number for number in sorted(numbers) if number >= start]
    return wanted[:most], len(wanted) <= most


_HANDLERS: dict[int, Callable[[Server, Cluster, bytes], bytes]] = {
    General.READ: _read,
    General.WRITE: _write,
    General.WRITE_UNDIVIDED: _write_undivided,
    General.WRITE_NO_RESPONSE: _write,
    General.CONFIGURE_REPORTING: _configure,
    General.READ_REPORTING: _read_reporting,
    General.DISCOVER: _discover,
    General.DISCOVER_EXTENDED: _discover_extended,
    General.DISCOVER_COMMANDS_RECEIVED: _commands(lambda cluster: cluster.received),
    General.DISCOVER_COMMANDS_GENERATED: _commands(lambda cluster: cluster.generated),
}
