"""How answers look: tables and fields that fit the terminal, values, times, JSON."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from hub.cli.folding import cut, extent, fold, width, words

_GAP = "  "
_NARROW = 6
_LONG_WORD = 24
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def emit(value: Any, *, stream: bool = False) -> None:  # noqa: ANN401 - JSON
    """Print JSON: a document, or one line of a stream, which is flushed."""
    is_plain = "utf" not in (sys.stdout.encoding or "").lower()
    print(json.dumps(value, ensure_ascii=is_plain, indent=None if stream else 2), flush=stream)  # noqa: T201


def say(text: str = "") -> None:
    """Print a line for a person."""
    print(clean(text), flush=True)  # noqa: T201


def tell(text: str) -> None:
    """Print a line that does not belong to the answer, on stderr."""
    print(f"hub: {clean(text)}", file=sys.stderr, flush=True)  # noqa: T201


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, keep: str = "", cuts: Sequence[str] = (), empty: str = ""
) -> None:
    """Draw a table that fits the terminal: cells fold on words, and the column `keep` gives way last.

    Cells of the columns `cuts` stay one line, cut with an ellipsis. No rows: say `empty`.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    if not cells:
        say(empty)
        return
    room = width() - len(_GAP) * (len(columns) - 1)
    widths = _widths([*zip(columns, *cells, strict=True)], room, keep, cuts)
    for row in ([*columns], *cells):
        lines = [
            [cut(cell, space)] if name in cuts else fold(cell, space)
            for name, cell, space in zip(columns, row, widths, strict=True)
        ]
        for line in zip_longest(*lines, fillvalue=""):
            padded = (cell + " " * (space - extent(cell)) for cell, space in zip(line, widths, strict=True))
            say(_GAP.join(padded).rstrip())


def _widths(columns: Sequence[Sequence[str]], room: int, keep: str, cuts: Sequence[str]) -> list[int]:
    """The widest columns give way, at first only as far as no word need break."""
    widths = [min(max(map(extent, column)), room) for column in columns]
    longest = [max(extent(word) for cell in column for word in words(cell) or ("",)) for column in columns]
    narrow = [
        _NARROW if column[0] in cuts else min(word, _LONG_WORD) for column, word in zip(columns, longest, strict=True)
    ]
    kept = [width if column[0] == keep else least for column, width, least in zip(columns, widths, narrow, strict=True)]
    for least in (kept, narrow, [_NARROW] * len(widths)):
        while sum(widths) > room and (able := [at for at, space in enumerate(widths) if space > least[at]]):
            widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def fields(pairs: Iterable[tuple[str, str]]) -> None:
    """Print names and values below one another; empty ones are left out."""
    shown = [(name, clean(value)) for name, value in pairs if value]
    indent = max((len(name) for name, _ in shown), default=0) + 3
    for name, value in shown:
        hang(f"{name + ':':<{indent}}", value)


def hang(head: str, text: str) -> None:
    """Print a text behind its head, folded on words, its further lines indented likewise."""
    first, *rest = fold(clean(text), max(width() - extent(head), 20))
    say(head + first)
    for line in rest:
        say(" " * extent(head) + line)


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


def number(value: float) -> str:
    """A number as a person reads it: at most two decimals, or three below one."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.{2 if abs(value) >= 1 else 3}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def ago(then: int | None) -> str:
    """How long ago a wall time (ns since 1970) was."""
    if not then:
        return ""
    seconds = max(0, int(time.time() - then / 1e9))  # noqa: TID251 - for people
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
