"""The quick way's place in bellows, if bellows is as it was when this was written; else all goes bellows' way."""

import logging
from collections.abc import Iterable
from typing import Any

import bellows.types
from bellows.ash import AshProtocol

from device_plugins.zigbee.fastash import TOUCHED, quicken
from device_plugins.zigbee.fastezsp import Incoming, Parser, parser
from device_plugins.zigbee.fastpath import FastPath

t: Any = bellows.types  # its types are partial
LOG = logging.getLogger("hub.zigbee")

_MISSING = "This version of zigpy or bellows has no %s: reports cost more time"
_SAMPLE = bytes(range(1, 12))


def can_be_fast(app: object, touched: Iterable[str]) -> bool:
    """Whether the application has what a quick way uses of it beside its public methods."""
    missing = [name for name in touched if not _has(app, name)]
    return not missing


def hasten(ezsp: Any, fast: FastPath) -> None:  # noqa: ANN401 - bellows is untyped
    """Let the frames of this connection take the quick way if they are for it."""
    link = getattr(getattr(getattr(ezsp, "_gw", None), "_obj", None), "_transport", None)
    if type(link) is not AshProtocol:
        LOG.warning(_MISSING, "AshProtocol in its place")
        return
    if not all(_has(link, name) for name in TOUCHED) or not _has(ezsp, "_protocol"):
        return
    versions: dict[int, Parser | None] = {}

    def take(frame: bytes) -> bool:
        try:
            version = ezsp.ezsp_version
            if version not in versions:
                versions[version] = None
                versions[version] = _checked_parser(ezsp._protocol, version)  # noqa: SLF001 - checked above
            read = versions[version]
            return read is not None and (incoming := read(frame)) is not None and fast.take(incoming)
        except Exception:  # whatever it is, bellows may know what to do with the frame
            LOG.exception("A frame went bellows' way because the quick way failed")
            return False

    quicken(link, take)


def _checked_parser(protocol: Any, version: int) -> Parser | None:  # noqa: ANN401 - bellows is untyped
    """The parser of a version, if it reads a frame as bellows does."""
    read = parser(version)
    if read is None:
        return None
    identifier, _, schema = protocol.COMMANDS["incomingMessageHandler"]
    body = b"".join(_sample(kind) for kind in schema.values())
    frame = bytes([0, 0x90, 1]) + identifier.to_bytes(2, "little") + body
    values, _ = t.deserialize_dict(body, schema)
    if read(frame) != incoming_of(values):
        LOG.warning(_MISSING, "incomingMessageHandler of the known shape")
        return None
    return read


def incoming_of(values: dict[str, Any]) -> Incoming:
    """What bellows has read of the callback, whichever version it is of."""
    by_new = "aps_frame" in values
    aps = values["aps_frame" if by_new else "apsFrame"]
    return Incoming(
        int(values["message_type" if by_new else "type"]),
        int(aps.profileId),
        int(aps.clusterId),
        int(aps.sourceEndpoint),
        int(aps.options),
        int(aps.sequence),
        int(values["nwk" if by_new else "sender"]),
        int(values["lqi" if by_new else "lastHopLqi"]),
        int(values["rssi" if by_new else "lastHopRssi"]),
        bytes(values["message" if by_new else "messageContents"]),
    )


def _sample(kind: Any) -> bytes:  # noqa: ANN401 - one of bellows' types
    if issubclass(kind, t.LVBytes):
        return bytes([len(_SAMPLE)]) + _SAMPLE
    size = next(n for n in range(1, len(_SAMPLE) + 1) if _fits(kind, _SAMPLE[:n]))
    return _SAMPLE[:size] if kind is not t.EmberIncomingMessageType else b"\0"


def _fits(kind: Any, data: bytes) -> bool:  # noqa: ANN401 - one of bellows' types
    try:
        kind.deserialize(data)
    except ValueError:
        return False
    return True


def _has(owner: object, name: str) -> bool:
    if hasattr(owner, name):
        return True
    LOG.warning(_MISSING, name)
    return False
