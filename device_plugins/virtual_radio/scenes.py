"""The scenes cluster: what an endpoint is to look like, remembered by group and number (ZCL chapter 3.7)."""

import struct
from collections.abc import Iterator
from typing import Any

from device_plugins.virtual_radio import lighting, zcltypes
from device_plugins.virtual_radio.behaviour import Actor, Handler, Outcome, Reply, fields
from device_plugins.virtual_radio.closures import COVERING
from device_plugins.virtual_radio.cluster import Attribute, Endpoint
from device_plugins.virtual_radio.zcl import Status
from device_plugins.virtual_radio.zcltypes import ZclError

SCENES_CLUSTER = 0x0005
# Where a device remembers them: "endpoint/group/scene" → {"transition": s, "name": text, "sets": {cluster: hex}}.
SCENES = "scenes"
CAPACITY = 16
# What belongs to a scene, in the order of the extension field sets (ZCL table 3-43 and the clusters' own chapters).
_PARTS: dict[int, tuple[str, ...]] = {
    lighting.ON_OFF: ("on_off",),
    lighting.LEVEL: ("current_level",),
    lighting.COLOR: ("current_x", "current_y", "enhanced_current_hue", "current_saturation"),
    COVERING: ("lift",),
}


def _table(actor: Actor) -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = actor.memory.setdefault(SCENES, {})
    return table


def _of_group(actor: Actor, here: Endpoint, group: int) -> list[str]:
    return [key for key in _table(actor) if key.startswith(f"{here.number}/{group}/")]


def _count(actor: Actor, here: Endpoint) -> None:
    mine = [key for key in _table(actor) if key.startswith(f"{here.number}/")]
    actor.update(here, SCENES_CLUSTER, scene_count=len(mine))


def _is_member(actor: Actor, here: Endpoint, group: int) -> bool:
    return not group or (here.number, group) in actor.groups


def _put(actor: Actor, here: Endpoint, group: int, scene: int, content: dict[str, Any]) -> Status:
    if not _is_member(actor, here, group):
        return Status.INVALID_VALUE
    table, key = _table(actor), f"{here.number}/{group}/{scene}"
    if len(table) >= CAPACITY and key not in table:
        return Status.INSUFFICIENT_SPACE
    table[key] = content
    _count(actor, here)
    return Status.SUCCESS


def _add(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    group, scene, transition, size = fields(payload, "HBHB")
    name, rest = payload[6 : 6 + size], payload[6 + size :]
    sets = {f"{cluster:04x}": data.hex() for cluster, data in _field_sets(rest)}
    content = {"transition": transition, "name": name.decode(errors="replace"), "sets": sets}
    return Reply(0x00, struct.pack("<BHB", _put(actor, here, group, scene, content), group, scene))


def _field_sets(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        cluster, size = fields(data, "HB")
        if len(data) < 3 + size:
            raise ZclError("extension field set cut short")
        yield cluster, data[3 : 3 + size]
        data = data[3 + size :]


def _view(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    group, scene = fields(payload, "HB")
    found = _table(actor).get(f"{here.number}/{group}/{scene}")
    if found is None:
        status = Status.NOT_FOUND if _is_member(actor, here, group) else Status.INVALID_VALUE
        return Reply(0x01, struct.pack("<BHB", status, group, scene))
    sets = b"".join(
        int(cluster, 16).to_bytes(2, "little") + bytes([len(data) // 2]) + bytes.fromhex(data)
        for cluster, data in found["sets"].items()
    )
    head = struct.pack("<BHBHB", Status.SUCCESS, group, scene, found["transition"], 0)
    return Reply(0x01, head + sets)


def _remove(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    group, scene = fields(payload, "HB")
    gone = _table(actor).pop(f"{here.number}/{group}/{scene}", None)
    _count(actor, here)
    return Reply(0x02, struct.pack("<BHB", Status.NOT_FOUND if gone is None else Status.SUCCESS, group, scene))


def _remove_all(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (group,) = fields(payload, "H")
    forget_group(actor, here, group)
    return Reply(0x03, struct.pack("<BH", Status.SUCCESS, group))


def forget_group(actor: Actor, here: Endpoint, group: int) -> None:
    """Forget the scenes of a group."""
    gone = _of_group(actor, here, group)
    for key in gone:
        del _table(actor)[key]
    if gone and SCENES_CLUSTER in here.clusters:
        _count(actor, here)


def _store(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    group, scene = fields(payload, "HB")
    sets = {
        f"{number:04x}": b"".join(item.encode() for item in _parts(here, number)).hex()
        for number in _PARTS
        if number in here.clusters
    }
    status = _put(actor, here, group, scene, {"transition": 0, "name": "", "sets": sets})
    if status is Status.SUCCESS:
        _current(actor, here, group, scene)
    return Reply(0x04, struct.pack("<BHB", status, group, scene))


def _recall(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    group, scene = fields(payload, "HB")
    found = _table(actor).get(f"{here.number}/{group}/{scene}")
    if found is None:
        return Status.NOT_FOUND
    for cluster, data in found["sets"].items():
        _show(actor, here, int(cluster, 16), bytes.fromhex(data))
    _current(actor, here, group, scene)
    return Status.SUCCESS


def _show(actor: Actor, here: Endpoint, cluster: int, data: bytes) -> None:
    """Set what a field set holds; it may end early, and hold more than the device knows."""
    values = {}
    for item in _parts(here, cluster):
        if not data:
            break
        values[item.name], data = zcltypes.decode(item.kind, data)
    if cluster == lighting.ON_OFF and values:
        lighting.switch(actor, here, on=bool(values["on_off"]))
    elif values:
        actor.update(here, cluster, **values)


def _parts(here: Endpoint, cluster: int) -> list[Attribute]:
    its = here.clusters.get(cluster)
    return [] if its is None else [its.named(name) for name in _PARTS.get(cluster, ())]


def _current(actor: Actor, here: Endpoint, group: int, scene: int) -> None:
    actor.update(here, SCENES_CLUSTER, current_scene=scene, current_group=group, scene_valid=True)


def _membership(actor: Actor, here: Endpoint, payload: bytes) -> Outcome:
    (group,) = fields(payload, "H")
    room = CAPACITY - len(_table(actor))
    if not _is_member(actor, here, group):
        return Reply(0x06, struct.pack("<BBH", Status.INVALID_VALUE, room, group))
    numbers = sorted(int(key.rpartition("/")[2]) for key in _of_group(actor, here, group))
    return Reply(0x06, struct.pack("<BBHB", Status.SUCCESS, room, group, len(numbers)) + bytes(numbers))


HANDLERS: dict[tuple[int, int], Handler] = {
    (SCENES_CLUSTER, 0x00): _add,
    (SCENES_CLUSTER, 0x01): _view,
    (SCENES_CLUSTER, 0x02): _remove,
    (SCENES_CLUSTER, 0x03): _remove_all,
    (SCENES_CLUSTER, 0x04): _store,
    (SCENES_CLUSTER, 0x05): _recall,
    (SCENES_CLUSTER, 0x06): _membership,
}
