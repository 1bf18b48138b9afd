"""Intruder alarm systems: zones that enrol and notify, and the siren (ZCL chapters 8.2 and 8.4)."""

import struct

from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, Written, fields
from device_plugins.virtual_radio.cluster import Attribute, Endpoint
from device_plugins.virtual_radio.zcl import Status

ZONE = 0x0500
WARNING = 0x0502

ALARM_1 = 0x0001
TAMPER = 0x0004
BATTERY_LOW = 0x0008
ENROLLED = 1
NO_ADDRESS = 0

_STATUS_CHANGED = 0x00
_ENROLL_REQUEST = 0x01
_MANUFACTURER = 0x1234
_CIE_ENDPOINT = "cie_endpoint"
_SIREN_ENDS = "siren_ends"
# Beside the attributes, what a siren does now can be read here: mode (0 silent), level, strobe.
SIREN = "siren"


def set_alarm(actor: Actor, here: Endpoint, bit: int, *, on: bool) -> None:
    """Set a bit of the zone status and tell the CIE, if the zone is enrolled and the status changed."""
    status = here.clusters[ZONE].named("zone_status")
    before = status.value
    actor.update(here, ZONE, zone_status=before | bit if on else before & ~bit)
    if status.value != before:
        _notify(actor, here)
        if on and bit == ALARM_1 and here.clusters[ZONE].named("zone_state").value != ENROLLED:
            _ask_to_enrol(actor, here)  # a trip pairs


def _notify(actor: Actor, here: Endpoint) -> None:
    zone = here.clusters[ZONE]
    if zone.named("zone_state").value == ENROLLED and zone.named("cie_address").value != NO_ADDRESS:
        payload = struct.pack("<HBBH", zone.named("zone_status").value, 0, zone.named("zone_id").value, 0)
        _tell_cie(actor, here, _STATUS_CHANGED, payload)


def _tell_cie(actor: Actor, here: Endpoint, command: int, payload: bytes) -> None:
    actor.say(here, ZONE, command, payload, target_endpoint=int(actor.memory.get(_CIE_ENDPOINT, 1)))


def _cie_written(actor: Actor, here: Endpoint, attribute: Attribute, source_endpoint: int) -> None:
    actor.memory[_CIE_ENDPOINT] = source_endpoint
    zone = here.clusters[ZONE]
    if attribute.value == NO_ADDRESS:
        actor.update(here, ZONE, zone_state=0)
    elif zone.named("zone_state").value != ENROLLED:
        _ask_to_enrol(actor, here)


def _ask_to_enrol(actor: Actor, here: Endpoint) -> None:
    zone = here.clusters[ZONE]
    if zone.named("cie_address").value != NO_ADDRESS:
        kind = zone.named("zone_type").value
        _tell_cie(actor, here, _ENROLL_REQUEST, struct.pack("<HH", kind, _MANUFACTURER))


def _enroll_response(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    code, zone_id = fields(payload, "BB")
    if code == 0 and here.clusters[ZONE].named("cie_address").value != NO_ADDRESS:
        actor.update(here, ZONE, zone_state=ENROLLED, zone_id=zone_id)
    return Status.SUCCESS


def _start_warning(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    info, seconds = fields(payload, "BH")
    mode = info >> 4
    most = here.clusters[WARNING].named("max_duration").value
    actor.cancel(_SIREN_ENDS)
    actor.memory[SIREN] = {"mode": mode, "strobe": bool(info >> 2 & 3), "level": info & 3}
    if mode:
        silence = {"mode": 0, "strobe": False, "level": 0}
        actor.later(_SIREN_ENDS, min(seconds, most), lambda: actor.memory.update({SIREN: silence}))
    return Status.SUCCESS


def _squawk(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del actor, here
    fields(payload, "B")
    return Status.SUCCESS


HANDLERS: dict[tuple[int, int], Handler] = {
    (ZONE, 0x00): _enroll_response,
    (WARNING, 0x00): _start_warning,
    (WARNING, 0x01): _squawk,
}
WRITTEN: dict[tuple[int, int], Written] = {(ZONE, 0x0010): _cie_written}
