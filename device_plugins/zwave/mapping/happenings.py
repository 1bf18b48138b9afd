"""What a node tells that does not last, as an event at a feature's key."""

from typing import Any

from device_plugins.sdk import ButtonPressed, LockOperated
from device_plugins.zwave.mapping import classes as c

SCENE_KEY, BASIC_KEY, KEYPAD_KEY, LOCK_KEY = "scene", "basic", "keypad", "lock"

_PRESSES = {0: "single", 1: "release", 2: "hold", 3: "double", 4: "triple", 5: "quadruple", 6: "quintuple"}
_ACCESS_CONTROL = 6
# Event → operation and source (Notification command class, type 6).
_OPERATIONS: dict[int, tuple[str, str]] = {
    1: ("lock", "manual"), 2: ("unlock", "manual"), 3: ("lock", "radio"), 4: ("unlock", "radio"),
    5: ("lock", "keypad"), 6: ("unlock", "keypad"), 7: ("lock_failed", "manual"), 8: ("lock_failed", "radio"),
    9: ("auto_lock", "unknown"), 10: ("lock_failed", "unknown"), 11: ("lock_jammed", "unknown"),
    12: ("all_pins_deleted", "unknown"), 13: ("pin_deleted", "unknown"), 14: ("pin_added", "unknown"),
    15: ("pin_not_added_duplicate", "unknown"), 16: ("keypad_disabled", "keypad"),
    18: ("master_code_changed", "keypad"), 19: ("unlock_failed_wrong_pin", "keypad"),
    20: ("unlock_failed_wrong_pin", "radio"), 21: ("lock_failed_wrong_pin", "radio"),
    33: ("lock", "keypad"), 34: ("unlock", "keypad"), 35: ("lock", "keypad"), 36: ("unlock", "keypad"),
    47: ("unlock_failed_user_disabled", "keypad"), 48: ("unlock_failed_schedule", "keypad"),
    49: ("unlock_failed_more_needed", "keypad"), 50: ("unlock_failed_wrong_pin", "keypad"),
    51: ("non_access_user", "keypad"),
}  # fmt: skip
_ENTRIES = {
    2: "enter", 3: "disarm", 4: "arm_all", 5: "arm_away", 6: "arm_home", 7: "exit_delay", 8: "arm_1", 9: "arm_2",
    10: "arm_3", 11: "arm_4", 12: "arm_5", 13: "arm_6", 14: "rfid", 15: "bell", 16: "fire", 17: "police",
    18: "panic", 19: "medical", 20: "gate_open", 21: "gate_close", 22: "lock", 23: "unlock", 24: "test", 25: "cancel",
}  # fmt: skip
_NOBODY = -1
_START, _STOP = 4, 5


def happened(
    command_class: int, endpoint: int, args: dict[str, Any]
) -> tuple[str, ButtonPressed | LockOperated] | None:
    """What a notification tells: the feature's key and the event; None for nothing that the vocabulary knows.

    `args` are those of Z-Wave JS's event; of a value that is told and does not last, they are the value's description
    with `property`, `propertyKey` and `value`. Codes that somebody typed in are never told.
    """
    reader = _READERS.get(command_class)
    return None if reader is None else reader(args, endpoint)


def button_key(scene: str) -> str:
    """The key of the button that a scene is: `button` for the first, `button.<scene>` for others."""
    number = scene.lstrip("0") or "0"
    return "button" if number == "1" else f"button.{number}"


def _central_scene(args: dict[str, Any], _: int) -> tuple[str, ButtonPressed] | None:
    action = _PRESSES.get(args["value"]) if isinstance(args.get("value"), int) else None
    scene = str(args.get("propertyKey", ""))
    if action is None or args.get("property") != "scene" or not scene.isdigit():
        return None
    return button_key(scene), ButtonPressed(action, scene.lstrip("0") or "0")


def _scene(args: dict[str, Any], _: int) -> tuple[str, ButtonPressed] | None:
    scene = args.get("value")
    if args.get("property") != "sceneId" or not isinstance(scene, int):
        return None
    return SCENE_KEY, ButtonPressed(f"recall_{scene}")


def _basic(args: dict[str, Any], _: int) -> tuple[str, ButtonPressed] | None:
    value = args.get("value")
    if args.get("property") != "event" or not isinstance(value, int):
        return None
    return BASIC_KEY, ButtonPressed("on" if value else "off")


def _access(args: dict[str, Any], _: int) -> tuple[str, LockOperated] | None:
    event = args.get("event")
    if args.get("type") != _ACCESS_CONTROL or not isinstance(event, int) or event not in _OPERATIONS:
        return None
    return LOCK_KEY, LockOperated(*_OPERATIONS[event], _user(args.get("parameters")))


def _user(parameters: object) -> int:
    user = parameters.get("userId") if isinstance(parameters, dict) else None
    return user if isinstance(user, int) and user > 0 else _NOBODY


def _entry(args: dict[str, Any], _: int) -> tuple[str, ButtonPressed] | None:
    kind = args.get("eventType")
    action = _ENTRIES.get(kind) if isinstance(kind, int) else None
    return None if action is None else (KEYPAD_KEY, ButtonPressed(action))


def _moved(args: dict[str, Any], endpoint: int) -> tuple[str, ButtonPressed] | None:
    kind, way = args.get("eventType"), args.get("direction")
    if kind == _START and way in {"up", "down"}:
        return BASIC_KEY, ButtonPressed(f"move_{way}", str(endpoint))
    return (BASIC_KEY, ButtonPressed("stop", str(endpoint))) if kind == _STOP else None


_READERS = {
    c.CENTRAL_SCENE: _central_scene,
    c.SCENE_ACTIVATION: _scene,
    c.BASIC: _basic,
    c.NOTIFICATION: _access,
    c.ENTRY_CONTROL: _entry,
    c.MULTILEVEL_SWITCH: _moved,
}
