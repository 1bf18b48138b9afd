"""EZSP frames as bytes (Silicon Labs UG100): headers, and commands by bellows' tables for each protocol version. Pure.

The names of fields changed over the versions; here they have those of version 14, whatever the version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bellows.ezsp import EZSP

from device_plugins.virtual_radio.errors import RadioError
from device_plugins.virtual_radio.wire import Packer, Status, WireError, packer, structure

VERSIONS = tuple(version for version in sorted(EZSP._BY_VERSION) if version >= 8)  # noqa: PLR2004, SLF001
_STACKS = {13: 0x7440, 14: 0x8020, 16: 0x8110, 17: 0x8200, 18: 0x9000, 19: 0x9100}
_OLDER_STACK = 0x6A30

VERSION_COMMAND = 0x0000
_LEGACY_VERSION_LENGTH = 4
_EXTENDED_HEADER = 5
_RESPONSE = 0x80
_CALLBACK = 0x90
_EXTENDED = 0x01

_NEW_NAMES = {
    "type": "message_type",
    "indexOrDestination": "nwk",
    "apsFrame": "aps_frame",
    "messageTag": "message_tag",
    "messageContents": "message",
    "sender": "nwk",
    "lastHopLqi": "lqi",
    "lastHopRssi": "rssi",
    "bindingIndex": "binding_index",
    "addressIndex": "address_index",
    "childData": "child_data",
}

type Args = dict[str, Any]


class EzspError(ValueError):
    """A frame that is no command of this version; `status` is what to tell the host, who asked with `sequence`."""

    def __init__(self, message: str, sequence: int, status: Status) -> None:
        super().__init__(message)
        self.sequence = sequence
        self.status = status


@dataclass(frozen=True, slots=True)
class Command:
    """What the host asks; `legacy` tells the short header of the first command after a reset."""

    sequence: int
    name: str
    args: Args
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    identifier: int
    request: Mapping[str, Packer]
    response: Mapping[str, Packer]
    optional_value: bool  # the response has its value only when its status is OK


class EzspCodec:
    """Commands and callbacks of one protocol version; RadioError when there is no such version."""

    def __init__(self, version: int) -> None:
        if version not in VERSIONS:
            known = ", ".join(map(str, VERSIONS))
            raise RadioError(f"EZSP version {version} is not known: choose one of {known}.")
        self.version = version
        self.stack_version = _STACKS.get(version, _OLDER_STACK)
        table = EZSP._BY_VERSION[version].COMMANDS  # noqa: SLF001 - bellows tells its tables nowhere else
        self._entries = {name: _entry(*row) for name, row in table.items()}
        self._names = {entry.identifier: name for name, entry in self._entries.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def commands(self) -> dict[str, Args]:
        """Return all commands with the least values of their arguments."""
        return {
            name: {field: one.zero for field, one in entry.request.items()} for name, entry in self._entries.items()
        }

    def decode_command(self, frame: bytes) -> Command:
        """Read one frame of the host; EzspError says what to answer."""
        if len(frame) == _LEGACY_VERSION_LENGTH and frame[2] == VERSION_COMMAND:
            return Command(frame[0], "version", {"desiredProtocolVersion": frame[3]}, legacy=True)
        if len(frame) < _EXTENDED_HEADER:
            raise EzspError("too short", frame[0] if frame else 0, Status.UNKNOWN_FRAME)
        sequence, identifier = frame[0], int.from_bytes(frame[3:5], "little")
        name = self._names.get(identifier)
        if name is None:
            raise EzspError(f"no frame 0x{identifier:04x}", sequence, Status.UNKNOWN_FRAME)
        try:
            args = _unpack(self._entries[name].request, frame[_EXTENDED_HEADER:])
        except WireError as error:
            raise EzspError(f"{name}: {error}", sequence, Status.INVALID) from error
        return Command(sequence, name, args)

    def encode_command(self, command: Command) -> bytes:
        """Write a frame as a host does."""
        entry = self._entries[command.name]
        if command.legacy:
            return bytes([command.sequence, 0x00, VERSION_COMMAND, command.args["desiredProtocolVersion"]])
        header = bytes([command.sequence, 0x00, _EXTENDED]) + entry.identifier.to_bytes(2, "little")
        return header + _pack(entry.request, command.args)

    def encode_response(self, command: Command, values: Mapping[str, object]) -> bytes:
        """Write the answer to a command; what `values` leaves out is zero, and a status OK."""
        return self._encode(command.name, command.sequence, values, legacy=command.legacy, control=_RESPONSE)

    def encode_refusal(self, sequence: int, status: Status) -> bytes:
        """Write the answer to what is no command."""
        return self._encode("invalidCommand", sequence, {"status": status}, legacy=False, control=_RESPONSE)

    def encode_callback(self, name: str, sequence: int, values: Mapping[str, object]) -> bytes:
        """Write what the host did not ask for; `sequence` is that of its last command."""
        return self._encode(name, sequence, values, legacy=False, control=_CALLBACK)

    def decode_response(self, frame: bytes) -> tuple[int, str, Args]:
        """Read an answer or a callback as a host does: sequence, name, values."""
        name = self._names[int.from_bytes(frame[3:5], "little")]
        return frame[0], name, _unpack(self._entries[name].response, frame[_EXTENDED_HEADER:])

    def _encode(self, name: str, sequence: int, values: Mapping[str, object], *, legacy: bool, control: int) -> bytes:
        entry = self._entries[name]
        if legacy:
            header = bytes([sequence, control, entry.identifier])
        else:
            header = bytes([sequence, control, _EXTENDED]) + entry.identifier.to_bytes(2, "little")
        body = _pack(entry.response, values)
        if entry.optional_value and values.get("status", Status.OK) is not Status.OK:
            body = body[: len(entry.response["status"].pack(Status.OK))]
        return header + body


def _entry(identifier: int, request: Any, response: Any) -> _Entry:  # noqa: ANN401 - bellows has no types
    optional = bool(response) and not isinstance(response, dict)
    return _Entry(identifier, _schema(request), _schema(response), optional)


def _schema(given: Any) -> dict[str, Packer]:  # noqa: ANN401 - bellows has no types
    if not given:
        return {}
    fields: dict[str, Any] = (
        given if isinstance(given, dict) else {str(field.name): field.type for field in given.fields}
    )
    return {_NEW_NAMES.get(name, name): packer(of) for name, of in fields.items()}


def _pack(schema: Mapping[str, Packer], values: Mapping[str, object]) -> bytes:
    return structure(schema).pack(values)


def _unpack(schema: Mapping[str, Packer], data: bytes) -> Args:
    args: Args = {}
    for name, field in schema.items():
        count = args.get(f"{name.removesuffix('List')}Count")
        if name.endswith("ClusterList") and count is not None:
            size = 2 * count
            args[name], rest = field.unpack(data[:size])
            data = rest + data[size:]
        elif data:
            args[name], data = field.unpack(data)
        else:  # hosts disagree on trailing fields: absent means zero
            args[name] = field.zero
    return args
