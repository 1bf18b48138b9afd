"""What a file says there should be: one automation, or why it cannot be one."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from hub.api import Hearing
from plugins.automation.model import Rule

type Kind = Literal["rule", "python"]

_UNFIT = re.compile(r"[^\w.-]")
_LONGEST = 100


class Handler(msgspec.Struct, frozen=True):
    """A function of a Python file, what it hears, and whether it takes the home as well as the event."""

    function: Callable[..., Any]
    hearings: tuple[Hearing, ...]
    takes_home: bool


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One automation as its file has it; with `error`, it has neither `rule` nor `handler`.

    Two definitions are equal when nothing of the automation changed between two readings of its file.
    """

    id: str
    name: str
    kind: Kind
    file: str
    enabled: bool = True
    error: str = ""
    rule: Rule | None = None
    handler: Handler | None = None


def fit(text: str) -> str:
    """The text as it may stand in an automation's id, which is a part of a path in the state."""
    return _UNFIT.sub("_", text)[:_LONGEST]


def broken(path: Path, error: str) -> Definition:
    """The one definition of a file that cannot be used."""
    kind: Kind = "python" if path.suffix == ".py" else "rule"
    return Definition(id=fit(path.name), name=path.name, kind=kind, file=str(path), error=error)
