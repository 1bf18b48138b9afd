"""Text in a terminal's columns: how wide it is, cut with an ellipsis, folded on words."""

import re
import shutil
import unicodedata
from collections.abc import Iterator

_USUAL = 80
_LEAST = 60
_SEAMS = "/-_,;"
_BREAK = re.compile(r"(?<!\d)\s+|\s+(?![^\s,]{1,3}(?:[\s,]|$))")  # not between a number and its unit


def width() -> int:
    """The columns of the terminal; 80 where there is none."""
    return max(shutil.get_terminal_size((_USUAL, 24)).columns, _LEAST)


def extent(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(one) for one in text)


def cut(text: str, columns: int) -> str:
    """The text, its end replaced by an ellipsis if it is longer than `columns`."""
    if extent(text) <= columns:
        return text
    return _start(text, columns - 1).rstrip() + "…"


def words(text: str) -> list[str]:
    """What stays in one piece when a text is folded: words, and numbers with their units."""
    return [word for word in _BREAK.split(text) if word]


def fold(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`, broken between words; a longer word breaks behind a slash, a dash and the like."""
    lines = [""]
    for word in words(text):
        for piece in _pieces(word, columns):
            if not lines[-1]:
                lines[-1] = piece
            elif extent(lines[-1]) + 1 + extent(piece) <= columns:
                lines[-1] += f" {piece}"
            else:
                lines.append(piece)
    return lines


def _pieces(word: str, columns: int) -> Iterator[str]:
    while extent(word) > columns:
        start = _start(word, columns) or word[0]
        end = max(start.rfind(seam) for seam in _SEAMS) + 1 or len(start)
        yield word[:end]
        word = word[end:]
    if word:
        yield word


def _start(text: str, columns: int) -> str:
    taken = 0
    for place, one in enumerate(text):
        taken += _columns(one)
        if taken > columns:
            return text[:place]
    return text


def _columns(one: str) -> int:
    if unicodedata.combining(one):
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1
