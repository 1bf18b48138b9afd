"""How answers look: tables of 80 columns, fields, JSON. rich is loaded when the first table is drawn."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

_WIDTH = 80
_KEEP = 34
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def emit(value: Any, *, stream: bool = False) -> None:  # noqa: ANN401 - JSON
    """Print JSON: a document, or one line of a stream, which is flushed."""
    print(json.dumps(value, ensure_ascii=False, indent=None if stream else 2), flush=stream)  # noqa: T201


def say(text: str = "") -> None:
    """Print a line for a person."""
    print(clean(text), flush=True)  # noqa: T201


def tell(text: str) -> None:
    """Print a line that does not belong to the answer, on stderr."""
    print(f"hub: {clean(text)}", file=sys.stderr, flush=True)  # noqa: T201


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, keep: str = "", empty: str = "") -> None:
    """Draw a table that fits the terminal; cells wrap, and the column `keep` gives way last. No rows: say `empty`."""
    # Loaded here: it costs 100 ms that --json and most commands need not pay.
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    lines = [[clean(cell) for cell in row] for row in rows]
    if not lines:
        say(empty)
        return
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, name in enumerate(columns):
        whole = name == keep and max(len(line[number]) for line in lines) <= _KEEP
        drawn.add_column(name, overflow="fold", no_wrap=whole)
    for line in lines:
        drawn.add_row(*(Text(cell) for cell in line))
    Console(highlight=False, soft_wrap=False).print(drawn)


def fields(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values below one another; empty ones are left out."""
    shown = [(name, clean(value)) for name, value in pairs if value]
    indent = max((len(name) for name, _ in shown), default=0) + 3
    for name, value in shown:
        first, *rest = wrap(value, max(_WIDTH - indent, 20), break_on_hyphens=False) or [""]
        say(f"{name + ':':<{indent}}{first}")
        for line in rest:
            say(" " * indent + line)


def clean(text: str) -> str:
    """The text without control characters: names come from devices, and a terminal obeys what it is sent."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def short(value: Any) -> str:  # noqa: ANN401 - JSON
    """A value as one would type it: on, 21.5, text, or JSON."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e6 else str(value)  # noqa: PLR2004 - where g turns to exponents
    return json.dumps(value, ensure_ascii=False)


def ago(then: int | None) -> str:
    """How long ago a wall time (ns since 1970) was."""
    if not then:
        return ""
    seconds = max(0, int(time.time() - then / 1e9))
    for length, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def moment(then: int | None) -> str:
    """A wall time (ns since 1970) in the terminal's zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(then / 1e9)) if then else ""


def lasting(seconds: float) -> str:
    """A duration in its two largest units: `3 d 4 h`, `12 min 5 s`."""
    whole = int(seconds)
    parts = []
    for length, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s")):
        if whole >= length:
            parts.append(f"{whole // length} {unit}")
            whole %= length
    return " ".join(parts[:2]) or "0 s"
