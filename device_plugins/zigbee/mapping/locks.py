"""What a lock says of itself beside its state: who operated it, and how (ZCL 7.3.2.17)."""

from collections.abc import Sequence

_OPERATION, _PROGRAMMING = 0x20, 0x21
_SOURCES = {0: "keypad", 1: "radio", 2: "manual", 3: "rfid"}
_OPERATIONS = {
    0: "unknown", 1: "lock", 2: "unlock", 3: "lock_failed_wrong_pin", 4: "lock_failed_schedule",
    5: "unlock_failed_wrong_pin", 6: "unlock_failed_schedule", 7: "one_touch_lock", 8: "key_lock", 9: "key_unlock",
    10: "auto_lock", 11: "schedule_lock", 12: "schedule_unlock", 13: "manual_lock", 14: "manual_unlock",
    15: "non_access_user",
}  # fmt: skip
_PROGRAMMINGS = {
    0: "unknown", 1: "master_code_changed", 2: "pin_added", 3: "pin_deleted", 4: "pin_changed", 5: "rfid_added",
    6: "rfid_deleted",
}  # fmt: skip
_FIELDS = 3  # source, code, user
_NO_USER = 0xFFFF


def operation(command: int, payload: Sequence[object]) -> tuple[str, str, int] | None:
    """Operation, source and user (-1: none) of a notification; None for any other command. PINs are never told."""
    words = {_OPERATION: _OPERATIONS, _PROGRAMMING: _PROGRAMMINGS}.get(command)
    if words is None or len(payload) < _FIELDS:
        return None
    source, code, user = payload[:_FIELDS]
    if not isinstance(source, int) or not isinstance(code, int) or not isinstance(user, int):
        return None
    who = -1 if user == _NO_USER else int(user)
    return words.get(int(code), "unknown"), _SOURCES.get(int(source), "unknown"), who
