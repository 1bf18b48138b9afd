"""What the demo home shows on the terminal: one readable line for each thing that happens."""

import sys
import time
from collections.abc import Callable
from typing import Any

_COLOURS = {"time": "90", "told": "1;36", "heard": "33", "rule": "35", "done": "32", "wrong": "1;31", "said": "37"}
_SIGNS = {"told": "»", "heard": "→", "rule": "*", "done": "←", "wrong": "!", "said": " "}
_QUIET = frozenset({"last_seen", "availability_reason", "link_quality", "signal_strength", "firmware"})
_UNITS = {
    "temperature": "°C",
    "humidity": "%",
    "pressure": "Pa",
    "illuminance": "lx",
    "battery": "%",
    "level": "%",
    "cover_position": "%",
    "power": "W",
    "energy": "Wh",
    "voltage": "V",
    "current": "A",
    "color_temperature": "K",
}
_WORDS = {
    "occupancy": ("somebody is there", "nobody is there"),
    "contact": ("closed", "open"),
    "water_leak": ("wet", "dry"),
    "on_off": ("on", "off"),
}


class Narrator:
    """Writes lines; colours only on a terminal."""

    def __init__(self, write: Callable[[str], object] | None = None, *, colour: bool | None = None) -> None:
        self._write = write or _to_terminal
        self._colour = sys.stdout.isatty() if colour is None else colour

    def tell(self, kind: str, text: str) -> None:
        """Write one line: `told`, `heard`, `rule`, `done`, `wrong` or `said`."""
        stamp = self._paint("time", time.strftime("%H:%M:%S"))
        self._write(f"{stamp} {self._paint(kind, f'{_SIGNS[kind]} {text}')}\n")

    def value(self, name: str, key: str, value: Any, *, commanded: bool) -> None:  # noqa: ANN401 - the vocabulary's
        """Tell that a device's value changed, in words."""
        if key not in _QUIET and value is not None:
            self.tell("done" if commanded else "heard", f"{name:<16} {key.replace('_', ' ')}: {readable(key, value)}")

    def _paint(self, kind: str, text: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self._colour else text


def readable(key: str, value: Any) -> str:  # noqa: ANN401 - the vocabulary's
    """A value as a person says it."""
    word = key.partition(".")[0]
    if isinstance(value, bool):
        yes, no = _WORDS.get(word, ("yes", "no"))
        return yes if value else no
    if isinstance(value, int | float):
        return f"{round(value, 2):g} {_UNITS.get(word, '')}".rstrip()
    if isinstance(value, list | tuple):
        return ", ".join(readable("", one) for one in value)
    return str(value)


def _to_terminal(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
