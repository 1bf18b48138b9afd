"""Completion of names from the running hub: quick, or silent."""

import re
from collections.abc import Callable
from typing import Annotated, Any

import typer

from hub.cli.errors import CommandError
from hub.cli.session import Session

_PATIENCE_S = 0.7
_BLANKS = re.compile(r"[\W_]+")

type Completer = Callable[[typer.Context, str], list[str]]


def _completer(path: str, key: str, *, slugs: bool = False) -> Completer:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            found: list[dict[str, Any]] = Session.of(ctx).client.get(path, patience=_PATIENCE_S)
        except (CommandError, OSError):
            return []
        names = [slug(one[key]) if slugs and not incomplete[:1].isupper() else one[key] for one in found]
        return [name for name in names if name.startswith(incomplete)]

    return complete


def slug(name: str) -> str:
    """A name that a shell leaves in one piece: "Hall lamp" is hall-lamp."""
    return _BLANKS.sub("-", name.casefold()).strip("-")


DeviceArgument = Annotated[
    str, typer.Argument(help="A device's name or id.", autocompletion=_completer("devices", "name", slugs=True))
]
ServiceArgument = Annotated[
    str, typer.Argument(help="A service's name.", autocompletion=_completer("services", "name"))
]
PluginArgument = Annotated[str, typer.Argument(help="A plugin's id.", autocompletion=_completer("plugins", "id"))]
