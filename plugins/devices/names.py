"""Names of devices: what may be one, how a typed one is matched, and what a new device is called."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

from device_plugins.sdk import Device, InvalidValueError, slug

NAME_LIMIT = 64
LABEL_LIMIT = 32
_ROOM_FOR_NUMBER = 56


def check_name(name: str, what: str = "a device's name") -> str:
    """The name without outer spaces.

    Raises InvalidValueError unless it has 1 to 64 printable characters.
    """
    name = name.strip()
    if not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
        raise InvalidValueError(f"{what} must be 1 to {NAME_LIMIT} printable characters, not {name!r:.80}")
    return name


def check_area(area: str) -> str:
    """The area's name, or nothing for no area.

    Raises InvalidValueError.
    """
    return check_name(area, "an area") if area.strip() else ""


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels in their order, each once whatever its case.

    Raises InvalidValueError.
    """
    if len(labels) > LABEL_LIMIT:
        raise InvalidValueError(f"a device can have {LABEL_LIMIT} labels at most, not {len(labels)}")
    found: dict[str, str] = {}
    for label in labels:
        checked = check_name(label, "a label")
        found.setdefault(checked.casefold(), checked)
    return tuple(found.values())


def default_name(device: Device, is_taken: Callable[[str], bool]) -> str:
    """A name for a new device: what it suggests or its model, with a number if that is taken ("V-Lamp White 2")."""
    wished = device.suggested_name or device.model or f"{device.protocol} device"
    printable = "".join(letter if letter.isprintable() else " " for letter in wished)
    base = " ".join(printable.split())[:_ROOM_FOR_NUMBER].strip() or "Device"
    name, number = base, 1
    while is_taken(name):
        number += 1
        name = f"{base} {number}"
    return name


def closest(given: str, names: Iterable[str]) -> str:
    """`, did you mean 'x' or 'y'?` for the names nearest to `given`, or nothing."""
    by_slug = {slug(name): name for name in names}
    close = [by_slug[one] for one in get_close_matches(slug(given[:NAME_LIMIT]), by_slug, n=3, cutoff=0.6)]
    return f", did you mean {' or '.join(map(repr, close))}?" if close else ""
