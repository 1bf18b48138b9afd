"""What the demo home shows on the terminal: one readable line for each thing that happens, 80 columns wide."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from device_plugins.sdk import VOCABULARY
from hub.api import Undo

_COLOURS = {"time": "90", "told": "1;36", "heard": "33", "rule": "35", "done": "32", "wrong": "1;31", "said": "37"}
_SIGNS = {"told": "»", "heard": "→", "rule": "*", "done": "←", "wrong": "!", "said": " "}
_QUIET = frozenset({"availability", "availability_reason", "battery_voltage", "color_mode", "current", "firmware"})
_QUIET |= {"identify", "last_seen", "link_quality", "signal_strength", "voltage"}
_WORDS = {
    "occupancy": ("somebody is there", "nobody is there"),
    "contact": ("closed", "open"),
    "water_leak": ("wet", "dry"),
    "on_off": ("on", "off"),
}
# What travels is told when it sets out, and where it comes to rest.
_TRAVELS = frozenset({"cover_position"})
_REST = 1.2
_NAMES = 16
_LINE = 80 - len("07:30:00 « ")


class Narrator:
    """Writes lines; colours only on a terminal. `later` is a clock's `call_later`."""

    def __init__(
        self,
        write: Callable[[str], object] | None = None,
        *,
        later: Callable[[float, Callable[[], object]], Undo],
        colour: bool | None = None,
    ) -> None:
        self._write = write or _to_terminal
        self._later = later
        self._colour = sys.stdout.isatty() if colour is None else colour
        self._travelling: dict[tuple[str, str], Undo] = {}

    def tell(self, kind: str, text: str) -> None:
        """Write one line: `told`, `heard`, `rule`, `done`, `wrong` or `said`."""
        stamp = self._paint("time", time.strftime("%H:%M:%S"))
        self._write(f"{stamp} {self._paint(kind, f'{_SIGNS[kind]} {text}')}\n")

    def about(self, kind: str, name: str, text: str) -> None:
        """Write one line about a device or a rule, as long as a terminal is wide."""
        self.tell(kind, _cut(f"{_cut(name, _NAMES):<{_NAMES}} {text}", _LINE))

    def value(self, name: str, key: str, value: Any) -> None:  # noqa: ANN401 - the vocabulary's
        """Tell that a device's value changed, in words."""
        word = key.partition(".")[0]
        if word in _QUIET or value is None:
            return
        kind = "done" if word in VOCABULARY and VOCABULARY[word].commands else "heard"
        if word in _TRAVELS:
            self._travels(kind, name, key, value)
        else:
            self.about(kind, name, readable(key, value))

    def pressed(self, name: str, action: str) -> None:
        """Tell that a button was pressed."""
        self.about("heard", name, f"pressed: {action}")

    def paired(self, name: str, place: str, keys: Sequence[str], *, how: str = "paired") -> None:
        """Tell that a device was paired, or came by other ways, and what it can do."""
        able = ", ".join(key.replace("_", " ") for key in keys if key not in _QUIET)
        self.about("done", name, f"{how} ({place}): {able}")

    def _travels(self, kind: str, name: str, key: str, value: Any) -> None:  # noqa: ANN401 - the vocabulary's
        known = self._travelling.pop((name, key), None)
        if known is None:
            self.about(kind, name, readable(key, value))
        else:
            known()

        def rests() -> None:
            del self._travelling[name, key]
            if known is not None:
                self.about(kind, name, readable(key, value))

        self._travelling[name, key] = self._later(_REST, rests)

    def _paint(self, kind: str, text: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self._colour else text


def readable(key: str, value: Any) -> str:  # noqa: ANN401 - the vocabulary's
    """A value as a person says it: `on`, `temperature 21.5 °C`."""
    word = key.partition(".")[0]
    if word in _WORDS:
        yes, no = _WORDS[word]
        return yes if value else no
    if word == "lock":
        return str(value).replace("_", " ")
    return f"{key.replace('_', ' ')} {_plain(value, VOCABULARY[word].unit if word in VOCABULARY else '')}"


def _plain(value: Any, unit: str) -> str:  # noqa: ANN401 - the vocabulary's
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{round(value, 2):g} {unit}".rstrip()
    if isinstance(value, list | tuple):
        return ", ".join(_plain(one, "") for one in value)
    return str(value)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _to_terminal(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:  # whoever watched is gone; the home lives on
        return
