"""The firmware update client: asks for an image, fetches it block by block, resumes, and runs it (ZCL chapter 11)."""

import struct

from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, fields
from device_plugins.virtual_radio.cluster import Cluster, Endpoint
from device_plugins.virtual_radio.zcl import Status

OTA = 0x0019
MANUFACTURER, IMAGE_TYPE = 0x1234, 0x0001
BLOCK = 48
_NOTIFY, _QUERY, _QUERY_RESPONSE, _BLOCK, _BLOCK_RESPONSE, _END, _END_RESPONSE = 0, 1, 2, 3, 5, 6, 7
_SUCCESS, _WAIT = 0x00, 0x97
_NORMAL, _DOWNLOADING, _COMPLETE, _WAITING = 0, 1, 2, 3
_NOWHERE = 0xFFFFFFFF
# A block that is not answered is asked for again after this many seconds, this often.
RETRY_S = 5.0
RETRIES = 10
_TIMER, _UPGRADE_TIMER, _PENDING = "firmware block", "firmware upgrade", "firmware"


def check(actor: Actor, here: Endpoint) -> None:
    """Ask the coordinator whether there is a newer image."""
    version = _its(here).named("current_file_version").value
    actor.request(here, OTA, _QUERY, struct.pack("<BHHI", 0, MANUFACTURER, IMAGE_TYPE, version))


def resume(actor: Actor, here: Endpoint) -> None:
    """Go on with an image that was being fetched."""
    if _PENDING in actor.memory:
        _ask(actor, here, RETRIES)


def _its(here: Endpoint) -> Cluster:
    return here.clients[OTA]


def _ask(actor: Actor, here: Endpoint, left: int) -> None:
    """Ask for the block at the offset; again when it does not come."""
    version, size = actor.memory[_PENDING]
    offset = _its(here).named("file_offset").value
    most = min(BLOCK, size - offset)
    actor.request(here, OTA, _BLOCK, struct.pack("<BHHIIB", 0, MANUFACTURER, IMAGE_TYPE, version, offset, most))
    if left:
        actor.later(_TIMER, RETRY_S, lambda: _ask(actor, here, left - 1))
    else:  # the coordinator is gone: `resume` or the next notice goes on
        actor.later(_TIMER, RETRY_S, lambda: None)


def _notified(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    fields(payload, "BB")
    check(actor, here)
    return Status.SUCCESS


def _told_of_image(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (status,) = fields(payload, "B")
    if status != _SUCCESS:
        return Status.SUCCESS
    _, manufacturer, image_type, version, size = fields(payload, "BHHII")
    its = _its(here)
    if (manufacturer, image_type) != (MANUFACTURER, IMAGE_TYPE) or version == its.named("current_file_version").value:
        return Status.INVALID_VALUE
    if actor.memory.get(_PENDING) != [version, size]:
        actor.memory[_PENDING] = [version, size]
        its.named("file_offset").value = 0
    its.named("image_upgrade_status").value = _DOWNLOADING
    _ask(actor, here, RETRIES)
    return Status.SUCCESS


def _took_block(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (status,) = fields(payload, "B")
    if _PENDING not in actor.memory:
        return Status.FAILURE
    if status == _WAIT:
        _, now, until = fields(payload, "BII")
        actor.later(_TIMER, max(0, until - now), lambda: _ask(actor, here, RETRIES))
        return Status.SUCCESS
    if status != _SUCCESS:
        _give_up(actor, here)
        return Status.SUCCESS
    _, _, _, version, offset, length = fields(payload, "BHHIIB")
    wanted, size = actor.memory[_PENDING]
    its = _its(here)
    here_offset = its.named("file_offset")
    if version != wanted or len(payload) < 14 + length or not length:
        return Status.MALFORMED_COMMAND
    if offset != here_offset.value:
        return Status.SUCCESS  # an answer that came twice
    here_offset.value = offset + length
    if here_offset.value < size:
        pause = its.named("minimum_block_period").value / 1000
        actor.later(_TIMER, 0 if actor.instant else pause, lambda: _ask(actor, here, RETRIES))
    else:
        _complete(actor, here, version)
    return Status.SUCCESS


def _complete(actor: Actor, here: Endpoint, version: int) -> None:
    actor.cancel(_TIMER)
    its = _its(here)
    its.named("image_upgrade_status").value = _COMPLETE
    its.named("downloaded_file_version").value = version
    actor.request(here, OTA, _END, struct.pack("<BHHI", _SUCCESS, MANUFACTURER, IMAGE_TYPE, version))


def _give_up(actor: Actor, here: Endpoint) -> None:
    actor.cancel(_TIMER)
    actor.memory.pop(_PENDING, None)
    its = _its(here)
    its.named("image_upgrade_status").value = _NORMAL
    its.named("file_offset").value = _NOWHERE


def _may_upgrade(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    _, _, version, now, until = fields(payload, "HHIII")
    pending = actor.memory.get(_PENDING)
    if pending is None or _its(here).named("image_upgrade_status").value != _COMPLETE:
        return Status.FAILURE
    if until == _NOWHERE:
        _its(here).named("image_upgrade_status").value = _WAITING
        return Status.SUCCESS
    actor.later(_UPGRADE_TIMER, max(0, until - now), lambda: _run(actor, here, version))
    return Status.SUCCESS


def _run(actor: Actor, here: Endpoint, version: int) -> None:
    """Start the new image: its version is the current one from now on."""
    _give_up(actor, here)
    _its(here).named("current_file_version").value = version
    basic = here.clusters.get(0x0000)
    if basic is not None:
        actor.update(here, 0x0000, sw_build_id=".".join(str(part) for part in version.to_bytes(4)[:3]))


HANDLERS: dict[tuple[int, int], Handler] = {
    (OTA, _NOTIFY): _notified,
    (OTA, _QUERY_RESPONSE): _told_of_image,
    (OTA, _BLOCK_RESPONSE): _took_block,
    (OTA, _END_RESPONSE): _may_upgrade,
}
