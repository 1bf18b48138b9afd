"""The Open Coordinator Backup: the format in which coordinators hand their network on. Pure.

See https://github.com/zigpy/open-coordinator-backup; zigpy, ZHA and Zigbee2MQTT read and write it. The file holds the
network's key: whoever has it can listen to the network and join it.
"""

from typing import Annotated, Any

import msgspec

from device_plugins.zigbee.network import RadioError

FORMAT, VERSION = "zigpy/open-coordinator-backup", 1
LARGEST = 4 << 20
"""Bytes; a network of 1,000 devices has 200 KiB."""
_MOST_DEVICES = 4096
_UNUSABLE_PANS = {"0000", "ffff"}
_COUNTER_BITS = 32

type _Hex2 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{1,4}$")]
type _Hex8 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{16}$")]
type _Hex16 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{32}$")]
type _Byte = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
type _Counter = Annotated[int, msgspec.Meta(ge=0, lt=1 << _COUNTER_BITS)]
type _Channel = Annotated[int, msgspec.Meta(ge=11, le=26)]


class _NetworkKey(msgspec.Struct):
    key: _Hex16
    sequence_number: _Byte
    frame_counter: _Counter


class _LinkKey(msgspec.Struct):
    key: _Hex16
    tx_counter: _Counter
    rx_counter: _Counter


class _Device(msgspec.Struct):
    ieee_address: _Hex8
    nwk_address: _Hex2 | None
    is_child: bool = True
    link_key: _LinkKey | None = None


class _Metadata(msgspec.Struct):
    format: str
    version: int
    source: str
    internal: dict[str, Any] = {}


class _Backup(msgspec.Struct):
    metadata: _Metadata
    coordinator_ieee: _Hex8
    pan_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{4}$")]
    extended_pan_id: _Hex8
    nwk_update_id: _Byte
    security_level: Annotated[int, msgspec.Meta(ge=0, le=7)]
    channel: _Channel
    channel_mask: list[_Channel]
    network_key: _NetworkKey
    devices: Annotated[list[_Device], msgspec.Meta(max_length=_MOST_DEVICES)]
    stack_specific: dict[str, Any] | None = None


class BackupFacts(msgspec.Struct, frozen=True):
    """What is in a backup, without its keys; `made` is as it stands there, `source` the program that wrote it.

    `devices` are counted without the coordinator, which zigpy lists among them.
    """

    coordinator: str
    channel: int
    pan_id: str
    extended_pan_id: str
    frame_counter: int
    devices: int
    source: str
    made: str


class StickFacts(msgspec.Struct, frozen=True):
    """A stick: its address (empty if it does not tell), its EZSP version (0 for another protocol), has it a network."""

    coordinator: str
    ezsp: int
    network: bool


class Findings(msgspec.Struct, frozen=True):
    """What stands against writing a backup to a stick, and what is to be known before."""

    backup: BackupFacts
    stick: StickFacts
    refusals: list[str]
    warnings: list[str]
    other_network: bool

    def reasons(self, *, overwrite: bool) -> list[str]:
        """Why it is not written; a network of its own is a reason unless it may be overwritten."""
        if self.other_network and not overwrite:
            return [*self.refusals, "the stick has another network, which would be lost; say overwrite if it may be"]
        return self.refusals


def read(content: bytes) -> tuple[dict[str, Any], BackupFacts]:
    """The backup as JSON, checked, and what is in it.

    Raises RadioError, with a sentence that repeats no key.
    """
    if len(content) > LARGEST:
        raise RadioError(f"this is no coordinator backup: it is larger than {LARGEST >> 20} MiB")
    try:
        tree: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RadioError("this is no coordinator backup: it is not JSON") from error
    metadata: Any = tree.get("metadata") if isinstance(tree, dict) else None
    if not isinstance(metadata, dict):
        metadata = {}
    if metadata.get("format") != FORMAT:
        said = str(metadata.get("format"))[:60]
        raise RadioError(f"this is no coordinator backup: its format is {said!r} and not {FORMAT!r}")
    if metadata.get("version") != VERSION:
        said = str(metadata.get("version"))[:20]
        raise RadioError(f"this coordinator backup is of version {said}; this hub reads version {VERSION}")
    try:
        found = msgspec.convert(tree, _Backup)
    except msgspec.ValidationError as error:
        raise RadioError(f"this coordinator backup is damaged: {error}") from error
    if found.pan_id in _UNUSABLE_PANS or not int(found.network_key.key, 16) or not found.channel_mask:
        raise RadioError("this coordinator backup is not complete: it lacks the PAN id, the key or the channels")
    metadata.setdefault("internal", {})
    return tree, _facts(found)


def _facts(found: _Backup) -> BackupFacts:
    internal = found.metadata.internal
    coordinator = found.coordinator_ieee.lower()
    return BackupFacts(
        coordinator=coordinator,
        channel=found.channel,
        pan_id=found.pan_id.lower(),
        extended_pan_id=found.extended_pan_id.lower(),
        frame_counter=found.network_key.frame_counter,
        devices=sum(one.ieee_address.lower() != coordinator for one in found.devices),
        source=found.metadata.source[:80],
        made=str(internal.get("creation_time") or internal.get("date") or "")[:40],
    )
