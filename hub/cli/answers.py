"""The answer of any service, for a person: a table, fields, lines, or a word."""

import time
from collections.abc import Sequence
from typing import Any

from hub.cli.folding import extent, width
from hub.cli.output import emit, fields, moment, number, say, short, table

_TIMES = ("last_run", "first_seen", "last_seen", "time", "created")
_FIRST = ("id", "name", "status", "reason", "last_error")
_COLUMN = 16
_GAP = 2

type Record = dict[str, Any]


def tell_answer(answer: Any) -> None:  # noqa: ANN401 - JSON
    """Print what a service returned."""
    match answer:
        case None:
            say("done")
        case dict():
            fields([(key, _cell(key, value) or "-") for key, value in answer.items()])
        case [dict(), *_] if all(isinstance(one, dict) for one in answer):
            _tabulate(answer)
        case list():
            for one in answer or ["nothing"]:
                say(_cell("", one))
        case _:
            say(_cell("", answer))


def tell_item(item: Any) -> None:  # noqa: ANN401 - JSON
    """Print one item of a stream, as one line."""
    say(_cell("", item))


def _tabulate(records: Sequence[Record]) -> None:
    """The columns that fit; nested values, and what says nothing in any record, are left out."""
    cells = {
        key: [_cell(key, one.get(key)) for one in records]
        for key in dict.fromkeys(key for one in records for key in one)
        if not any(_is_nested(one.get(key)) for one in records) and any(one.get(key) for one in records)
    }
    wide = {key: max(map(extent, (key, *column))) for key, column in cells.items()}
    chosen: list[str] = []
    room = width() + _GAP
    for key in sorted(cells, key=lambda one: (_FIRST.index(one) if one in _FIRST else len(_FIRST), wide[one])):
        if (needed := max(min(wide[key], _COLUMN), extent(key)) + _GAP) <= room:
            room -= needed
            chosen.append(key)
    if not chosen:
        emit(records)
        return
    columns = [key for key in cells if key in chosen]
    table(columns, zip(*(cells[key] for key in columns), strict=True), keep=columns[0])


def _is_nested(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value))


def _when(then: int) -> str:
    """A wall time (ns since 1970): of today the hour, else with its date."""
    told = moment(then) or "never"
    return told.removeprefix(time.strftime("%Y-%m-%d ")) if then else told


def _cell(key: str, value: Any) -> str:  # noqa: ANN401 - JSON
    if key in _TIMES and isinstance(value, int) and not isinstance(value, bool):
        return _when(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list) and not _is_nested(value):
        return ", ".join(_cell("", one) for one in value)
    if isinstance(value, dict) and not any(map(_is_nested, value.values())):
        return ", ".join(f"{name}={_cell(name, one)}" for name, one in value.items())
    return "" if value is None else short(value)
