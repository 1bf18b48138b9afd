"""A network onto another stick: looked at first, refused before anything is damaged, and with its counter far ahead.

It comes with the radio libraries; the radio must be closed meanwhile.
"""

from pathlib import Path
from typing import Any, NamedTuple

import zigpy.exceptions
from zigpy.backups import NetworkBackup

from device_plugins.zigbee.backups import Findings, StickFacts, read
from device_plugins.zigbee.network import RadioError, Settings
from device_plugins.zigbee.node import FAULTS, hex_of
from device_plugins.zigbee.opening import COUNTER_MARGIN, attached

_COUNTERS = 1 << 32
# Before version 5 a stick cannot be told from which frame counter to go on, and its devices would take it for a replay.
_FIRST_EZSP = 5


class _Case(NamedTuple):
    """A backup and the stick it is to be written to; `base` is the highest frame counter known to be in use."""

    backup: NetworkBackup
    base: int
    findings: Findings


async def examine(settings: Settings, folder: Path, content: bytes) -> Findings:
    """Say whether a backup can be written to the stick, and what one must know before. Nothing is changed.

    Raises RadioError when the stick cannot be asked, or this is no backup.
    """
    async with attached(settings, folder) as app:
        return (await _case(app, content)).findings


async def restore(settings: Settings, folder: Path, content: bytes, *, overwrite: bool) -> Findings:
    """Write a backup to the stick, with a frame counter far ahead of all that are known; `folder` has zigbee.db.

    Raises RadioError, before anything is changed, for what `examine` refuses.
    """
    async with attached(settings, folder) as app:
        case = await _case(app, content)
        if reasons := case.findings.reasons(overwrite=overwrite):
            raise RadioError(f"nothing was restored: {'; '.join(reasons)}")
        key = case.backup.network_info.network_key
        try:
            await app.backups.restore_backup(case.backup, counter_increment=case.base + COUNTER_MARGIN - key.tx_counter)
        except FAULTS as error:
            raise RadioError(f"the stick took the backup in part only: {error}; restore it again") from error
        return case.findings


async def _case(app: Any, content: bytes) -> _Case:  # noqa: ANN401 - a zigpy application
    tree, facts = read(content)
    backup = _parsed(tree)
    stick, own = await _stick(app)
    refusals = await _incapacities(app, backup)
    warnings = []
    known = [one for one in (own, *app.backups.backups) if one is not None and _same_network(one, backup)]
    base = max([facts.frame_counter, *(one.network_info.network_key.tx_counter for one in known)])
    if base + COUNTER_MARGIN >= _COUNTERS:
        refusals.append("the network's frame counter is used up; form a new network")
    holds_other = own is not None and not _same_network(own, backup)
    if stick.coordinator != facts.coordinator:
        warnings.append("never switch the former stick on again: two sticks with one network disturb each other")
    if own is not None and not holds_other:
        warnings.append("the stick has this network already; restoring only sets its frame counter ahead")
    remembered = app.backups.most_recent_backup()
    if remembered is not None and not _same_network(remembered, backup):
        warnings.append("the hub remembers another network: the devices of that one must be paired anew")
    elif remembered is not None and base > facts.frame_counter:
        warnings.append("the backup is older than what the hub knows of this network; the newer frame counter is used")
    return _Case(backup, base, Findings(facts, stick, refusals, warnings, holds_other))


async def _stick(app: Any) -> tuple[StickFacts, NetworkBackup | None]:  # noqa: ANN401 - a zigpy application
    """What the stick is, and the network that it has."""
    version = _ezsp_version(app)
    try:
        await app.load_network_info(load_devices=False)
    except zigpy.exceptions.NetworkNotFormed:
        address = ""
        if version:  # zigpy itself asks for it only together with the network
            (eui64,) = await app._ezsp.getEui64()  # noqa: SLF001 - see above
            address = hex_of(eui64)
        return StickFacts(address, version, network=False), None
    own = app.backups.from_network_state()
    return StickFacts(hex_of(own.node_info.ieee), version, network=True), own


async def _incapacities(app: Any, backup: NetworkBackup) -> list[str]:  # noqa: ANN401 - a zigpy application
    """Why the stick's firmware cannot take the backup."""
    version = _ezsp_version(app)
    if 0 < version < _FIRST_EZSP:
        return [f"the stick's firmware (EZSP {version}) is too old to be told a frame counter; update it"]
    try:
        await app.can_write_network_settings(network_info=backup.network_info, node_info=backup.node_info)
    except zigpy.exceptions.DestructiveWriteNetworkSettings:
        return ["the stick's firmware can take the former stick's address once and never again; update it first"]
    except zigpy.exceptions.CannotWriteNetworkSettings:
        return ["the stick's firmware cannot take the former stick's address; update it first"]
    return []


def _same_network(one: NetworkBackup, other: NetworkBackup) -> bool:
    """Whether the same devices are on both; the channel may have changed since."""
    mine, others = one.network_info, other.network_info
    return bool(mine.extended_pan_id == others.extended_pan_id and mine.network_key.key == others.network_key.key)


def _parsed(tree: dict[str, Any]) -> NetworkBackup:
    try:
        return NetworkBackup.from_open_coordinator_json(tree)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = type(error).__name__
        raise RadioError(f"this coordinator backup is damaged: {what} in what its program added") from error


def _ezsp_version(app: Any) -> int:  # noqa: ANN401 - a zigpy application
    """The protocol's version; 0 for a stick that speaks another."""
    return int(getattr(getattr(app, "_ezsp", None), "ezsp_version", 0))
