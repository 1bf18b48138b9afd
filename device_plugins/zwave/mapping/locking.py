"""Locks, and the codes that open them."""

from collections.abc import Iterable, Sequence
from typing import Any

from device_plugins.zwave.mapping import classes as c
from device_plugins.zwave.mapping import decode as d
from device_plugins.zwave.mapping.found import Encode, Endpoint, Found, amount, choice, fixed, flag, toggle
from device_plugins.zwave.mapping.model import Invoke

_SECURED, _UNSECURED, _UNKNOWN = 255, 0, 254
_MODES = {_SECURED: "locked", _UNKNOWN: None, 0: "unlocked", 1: "unlocked", 16: "unlocked", 17: "unlocked"}
_MODES |= {32: "unlocked", 33: "unlocked"}
_ENABLED = 1
_SETTINGS = {
    "lockTimeoutConfiguration": ("lock_timeout", "s"),
    "autoRelockTime": ("auto_relock_time", "s"),
    "holdAndReleaseTime": ("hold_and_release_time", "s"),
}
_SWITCHES = {"twistAssist": "twist_assist", "blockToBlock": "block_to_block"}


def found(point: Endpoint) -> Iterable[Found]:
    """The lock of an endpoint, with its settings."""
    current, target = point.get(c.DOOR_LOCK, "currentMode"), point.get(c.DOOR_LOCK, "targetMode")
    if current and target:
        commands: dict[str, Encode] = {
            "lock": fixed(target, _SECURED, current.id),
            "unlock": fixed(target, _UNSECURED, current.id),
        }
        reads = ((current.id, d.known(d.among(_MODES))),)
        yield Found("lock", "lock", point.number, reads, commands | _codes(point))
        yield from _parts(point)
    if locked := point.get(c.LOCK, "locked"):
        commands = {"lock": fixed(locked, value=True), "unlock": fixed(locked, value=False)}
        reads = ((locked.id, d.known(lambda raw: "locked" if d.flag(raw) else "unlocked")),)
        yield Found("lock", "lock", point.number, reads, commands | _codes(point))


def _codes(point: Endpoint) -> dict[str, Encode]:
    """Codes go out and are never read: they stand in no state."""
    if not point.has(c.USER_CODE):
        return {}

    def give(given: dict[str, Any], _: dict[str, Any]) -> Sequence[Invoke]:
        return [Invoke(c.USER_CODE, point.number, "set", (given["user"], _ENABLED, given["pin"]))]

    def take(given: dict[str, Any], _: dict[str, Any]) -> Sequence[Invoke]:
        return [Invoke(c.USER_CODE, point.number, "clear", (given["user"],))]

    return {"set_pin": give, "clear_pin": take}


def _parts(point: Endpoint) -> Iterable[Found]:
    if door := point.get(c.DOOR_LOCK, "doorStatus"):
        yield flag(door, "contact", "contact", _is("closed", "open"))
    if bolt := point.get(c.DOOR_LOCK, "boltStatus"):
        yield flag(bolt, "bolt", "alarm", _is("unlocked", "locked"), "The bolt is drawn back")
    for name, (key, unit) in _SETTINGS.items():
        if (value := point.get(c.DOOR_LOCK, name)) and value.writeable:
            yield amount(value, key, unit=unit)
    for name, key in _SWITCHES.items():
        if (value := point.get(c.DOOR_LOCK, name)) and value.writeable:
            yield toggle(value, key)
    if kind := point.get(c.DOOR_LOCK, "operationType"):
        yield choice(kind, "lock_operation")


def _is(yes: str, no: str) -> d.Take:
    def take(raw: Any) -> bool:  # noqa: ANN401 - JSON
        if raw not in (yes, no):  # what is told need not be hashable
            raise ValueError(f"it is neither {yes} nor {no}")
        return bool(raw == yes)

    return take
