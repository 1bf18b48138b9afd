"""Basic, identify, groups and thermostat: what a device does with their commands (ZCL chapters 3.2, 3.5, 3.6, 6.3)."""

import struct

from device_plugins.virtual_radio import scenes
from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, Reply, Written, fields
from device_plugins.virtual_radio.cluster import Attribute, Endpoint
from device_plugins.virtual_radio.zcl import Status

BASIC = 0x0000
IDENTIFY = 0x0003
GROUPS = 0x0004
THERMOSTAT = 0x0201

GROUP_CAPACITY = 16
SYSTEM_OFF, SYSTEM_HEAT = 0, 4
_HEATING = 0x0001
_IDENTIFYING = "identifying"
_HEAT_OR_BOTH = (0, 2)


def regulate(actor: Actor, here: Endpoint) -> None:
    """Heat when it is on and colder than the setpoint."""
    its = here.clusters[THERMOSTAT]
    wanted = its.named("occupied_heating_setpoint").value
    heats = its.named("system_mode").value == SYSTEM_HEAT and its.named("local_temperature").value < wanted
    actor.update(here, THERMOSTAT, running_state=_HEATING if heats else 0, pi_heating_demand=100 if heats else 0)


def _reset(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del actor, here, payload
    return Status.SUCCESS


def _identify(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (seconds,) = fields(payload, "H")
    identify(actor, here, seconds)
    return Status.SUCCESS


def identify(actor: Actor, here: Endpoint, seconds: int) -> None:
    """Blink for so long; 0: no longer."""
    actor.update(here, IDENTIFY, identify_time=seconds)
    _count_down(actor, here)


def _count_down(actor: Actor, here: Endpoint) -> None:
    actor.cancel(_IDENTIFYING)
    seconds = here.clusters[IDENTIFY].named("identify_time").value
    if seconds:
        actor.later(_IDENTIFYING, seconds, lambda: actor.update(here, IDENTIFY, identify_time=0))


def _identify_query(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del actor, payload
    seconds = here.clusters[IDENTIFY].named("identify_time").value
    return Reply(0x00, struct.pack("<H", seconds)) if seconds else Status.SUCCESS


def _identify_written(actor: Actor, here: Endpoint, attribute: Attribute, source_endpoint: int) -> None:
    del attribute, source_endpoint
    _count_down(actor, here)


def _thermostat_written(actor: Actor, here: Endpoint, attribute: Attribute, source_endpoint: int) -> None:
    del attribute, source_endpoint
    regulate(actor, here)


def _trigger_effect(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del actor, here
    fields(payload, "BB")
    return Status.SUCCESS


def _join(actor: Actor, here: Endpoint, group: int) -> Status:
    if not group:
        return Status.INVALID_VALUE
    mine = {number for endpoint, number in actor.groups if endpoint == here.number}
    if len(mine) >= GROUP_CAPACITY and group not in mine:
        return Status.INSUFFICIENT_SPACE
    actor.groups.add((here.number, group))
    return Status.SUCCESS


def _add_group(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (group,) = fields(payload, "H")
    return Reply(0x00, struct.pack("<BH", _join(actor, here, group), group))


def _view_group(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (group,) = fields(payload, "H")
    status = Status.SUCCESS if (here.number, group) in actor.groups else Status.NOT_FOUND
    return Reply(0x01, struct.pack("<BHB", status, group, 0))


def _group_membership(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (count,) = fields(payload, "B")
    asked = set(fields(payload[1:], f"{count}H"))
    mine = sorted(number for endpoint, number in actor.groups if endpoint == here.number)
    told = [number for number in mine if number in asked or not asked]
    return Reply(0x02, bytes([GROUP_CAPACITY - len(mine), len(told)]) + struct.pack(f"<{len(told)}H", *told))


def _remove_group(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (group,) = fields(payload, "H")
    known = (here.number, group) in actor.groups
    actor.groups.discard((here.number, group))
    scenes.forget_group(actor, here, group)
    return Reply(0x03, struct.pack("<BH", Status.SUCCESS if known else Status.NOT_FOUND, group))


def _remove_all_groups(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    del payload
    for entry in sorted(actor.groups):
        if entry[0] == here.number:
            actor.groups.discard(entry)
            scenes.forget_group(actor, here, entry[1])
    return Status.SUCCESS


def _add_group_if_identifying(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (group,) = fields(payload, "H")
    return _join(actor, here, group) if here.clusters[IDENTIFY].named("identify_time").value else Status.SUCCESS


def _raise_or_lower(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    mode, tenths = fields(payload, "Bb")
    if mode not in _HEAT_OR_BOTH:
        return Status.INVALID_VALUE
    setpoint = here.clusters[THERMOSTAT].named("occupied_heating_setpoint")
    wanted = setpoint.value + tenths * 10
    low, high = setpoint.low or 0, setpoint.high or wanted
    actor.update(here, THERMOSTAT, occupied_heating_setpoint=min(max(wanted, low), high))
    regulate(actor, here)
    return Status.SUCCESS


HANDLERS: dict[tuple[int, int], Handler] = {
    (BASIC, 0x00): _reset,
    (IDENTIFY, 0x00): _identify,
    (IDENTIFY, 0x01): _identify_query,
    (IDENTIFY, 0x40): _trigger_effect,
    (GROUPS, 0x00): _add_group,
    (GROUPS, 0x01): _view_group,
    (GROUPS, 0x02): _group_membership,
    (GROUPS, 0x03): _remove_group,
    (GROUPS, 0x04): _remove_all_groups,
    (GROUPS, 0x05): _add_group_if_identifying,
    (THERMOSTAT, 0x00): _raise_or_lower,
}
WRITTEN: dict[tuple[int, int], Written] = {
    (IDENTIFY, 0x0000): _identify_written,
    (THERMOSTAT, 0x0012): _thermostat_written,
    (THERMOSTAT, 0x001C): _thermostat_written,
}
