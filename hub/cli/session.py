"""What the commands that talk to a hub have in common: where it is, and how to answer."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Concatenate

import typer

from hub.cli.client import Client
from hub.cli.completion import files
from hub.cli.errors import WrongUsageError

ENVIRONMENT = "HUB_DATA_DIR"
SOCKET_NAME = "hub.sock"
_HERE = Path("domovoi-data")

DataOption = Annotated[
    str | None,
    typer.Option("--data", metavar="DIR", help=f"The hub's data folder (or {ENVIRONMENT}).", autocompletion=files),
]
SocketOption = Annotated[
    str | None,
    typer.Option(
        "--socket", metavar="PATH", help="The hub's socket, if it is not in the data folder.", autocompletion=files
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def chosen_folder(given: str | None) -> Path | None:
    """The data folder that was chosen: on the command line, by the environment, or by `domovoi-data` being here."""
    if chosen := named_folder(given) or os.environ.get(ENVIRONMENT):
        try:
            return Path(chosen).expanduser()
        except RuntimeError as error:
            raise WrongUsageError(f"{chosen} names a home folder that is not there; write the whole path") from error
    return _HERE if _HERE.is_dir() else None


def named_folder(given: str | None) -> str | None:
    """The folder of --data.

    Raises WrongUsageError when it is empty, as from a shell's unset variable: the default is not what was meant.
    """
    if given == "":
        raise WrongUsageError("--data is empty; name a folder, or leave it out")
    return given


def data_folder(given: str | None) -> Path:
    """The chosen data folder, or else the user's own."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return chosen_folder(given) or Path(home) / "domovoi"


class Session:
    """One command's hub and the form of its answer."""

    def __init__(self, socket: Path, *, data: str | None, json: bool) -> None:
        self.json = json
        self.data = data
        self.client = Client(socket)

    @classmethod
    def of(cls, ctx: typer.Context) -> "Session":
        """From the options of a command and, behind them, those before its name."""
        socket, data = _option(ctx, "socket"), _option(ctx, "data")
        path = Path(socket) if socket else data_folder(data) / SOCKET_NAME
        return cls(path, data=data, json=bool(_option(ctx, "as_json")))


def talks[**P](function: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """Make a command of a function that takes a Session first: adds `--data`, `--socket` and `--json`."""

    def command(*, ctx: typer.Context, **arguments: Any) -> None:  # noqa: ANN401 - as the function declares them
        for name in _COMMON:
            del arguments[name]
        function(Session.of(ctx), **arguments)  # type: ignore[call-arg]  # typer gives what the signature says

    own = [*inspect.signature(function).parameters.values()][1:]
    taken = {"ctx": typer.Context, **{one.name: one.annotation for one in own}, **_COMMON}
    defaults = {one.name: one.default for one in own} | dict.fromkeys(_COMMON) | {"as_json": False}
    keyword, empty = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(name, keyword, annotation=kind, default=defaults.get(name, empty))
            for name, kind in taken.items()
        ]
    )
    command.__annotations__ = taken
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


_COMMON: dict[str, Any] = {"data": DataOption, "socket": SocketOption, "as_json": JsonOption}


def _option(ctx: typer.Context, name: str) -> Any:  # noqa: ANN401 - a text, a flag or nothing
    at: Any = ctx
    while at is not None:
        found = at.params.get(name)
        if found is not None and found is not False:
            return found
        at = at.parent
    return None
