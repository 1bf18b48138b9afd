"""What `action` says: buttons, dials, and the operations of locks."""

from collections.abc import Iterable
from typing import Any

from device_plugins.mqtt.description import NOTHING
from device_plugins.sdk import ButtonPressed, LockOperated, RotaryTurned

_LONGEST = 64
_KINDS = {
    "press_release": "release",
    "hold_release": "hold_release",
    "long_release": "hold_release",
    "long_press": "hold",
    "short_release": "release",
    "single": "single",
    "double": "double",
    "triple": "triple",
    "quadruple": "quadruple",
    "hold": "hold",
    "long": "hold",
    "many": "many",
    "release": "release",
    "press": "press",
    "click": "single",
}
_TURNS = {"rotate_right": 1, "rotate_left": -1}
_OPERATIONS = {
    "lock_failure_invalid_pin_or_id": "lock_failed_wrong_pin",
    "unlock_failure_invalid_pin_or_id": "unlock_failed_wrong_pin",
    "lock_failure_invalid_schedule": "lock_failed_schedule",
    "unlock_failure_invalid_schedule": "unlock_failed_schedule",
    "non_access_user_operational_event": "non_access_user",
    "pin_code_added": "pin_added",
    "pin_code_deleted": "pin_deleted",
    "pin_code_changed": "pin_changed",
    "rfid_code_added": "rfid_added",
    "rfid_code_deleted": "rfid_deleted",
}
_SOURCES = {"keypad": "keypad", "rf": "radio", "manual": "manual", "rfid": "rfid"}


def turns(action: str) -> int:
    """+1 or -1 for an action that is a step of a dial, 0 for any other."""
    return next((way for name, way in _TURNS.items() if name in action), 0)


def pressed(data: Any) -> Any:  # noqa: ANN401 - JSON
    """The press of a button; NOTHING when the payload tells none, or the turn of a dial."""
    action = _action(data)
    if not action or turns(action):
        return NOTHING
    for name, kind in _KINDS.items():
        if action == name:
            return ButtonPressed(kind)
        if action.endswith("_" + name):
            return ButtonPressed(kind, action.removesuffix("_" + name).removeprefix("button_"))
        if action.startswith(name + "_") and "_" not in action.removeprefix(name + "_"):
            return ButtonPressed(kind, action.removeprefix(name + "_"))
    return ButtonPressed(action)


def turned(data: Any) -> Any:  # noqa: ANN401 - JSON
    """The turn of a dial by one step; NOTHING when the payload tells none."""
    steps = turns(_action(data))
    return RotaryTurned(steps) if steps else NOTHING


def operated(data: Any) -> Any:  # noqa: ANN401 - JSON
    """The operation of a lock; NOTHING when the payload tells none."""
    action = _action(data)
    if not action:
        return NOTHING
    user = data.get("action_user")
    known = isinstance(user, int) and not isinstance(user, bool) and 0 <= user < 65535  # noqa: PLR2004 - 0xFFFF: none
    source = data.get("action_source_name")
    return LockOperated(
        _OPERATIONS.get(action, action),
        _SOURCES.get(source, "unknown") if isinstance(source, str) else "unknown",
        user if known else -1,
    )


def has_dial(actions: Iterable[str]) -> bool:
    """Whether one of the actions turns a dial."""
    return any(turns(action) for action in actions)


def _action(data: Any) -> str:  # noqa: ANN401 - JSON
    action = data.get("action") if isinstance(data, dict) else None
    if action is None:
        return ""
    if not isinstance(action, str) or len(action) > _LONGEST:
        raise TypeError(f"{action!r:.40} is no action")
    return action
