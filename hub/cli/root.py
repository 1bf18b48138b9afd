"""The root of the command line: all commands below it, and one sentence for whatever goes wrong."""

import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from hub import __version__
from hub.cli import (
    backup,
    completion,
    configuration,
    devices,
    health,
    journal,
    live,
    log,
    pairing,
    plugins,
    running,
    services,
    storage,
    tokens,
)
from hub.cli.errors import INTERRUPTED, CommandError
from hub.cli.extensions import Commands
from hub.cli.output import say, tell
from hub.cli.session import DataOption, JsonOption, SocketOption
from hub.errors import HubError

app = typer.Typer(
    name="hub",
    cls=Commands,
    help="Domovoi: a home-automation hub.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        say(f"hub {__version__}")
        raise typer.Exit


@app.callback()
def root(  # noqa: D103 - the help of the command is above
    data: DataOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - an option
    version: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del data, socket, as_json, version  # read from the context by whichever command needs them


running.add_to(app)
plugins.add_to(app)
health.add_to(app)
app.add_typer(devices.app, name="devices")
pairing.add_to(devices.app)
app.add_typer(services.app, name="services")
app.add_typer(live.state, name="state")
app.add_typer(live.events, name="events")
app.add_typer(backup.app, name="backup")
app.add_typer(configuration.app, name="config")
app.add_typer(log.app, name="log")
app.add_typer(journal.app, name="journal")
app.add_typer(storage.app, name="storage")
app.add_typer(tokens.app, name="token")


def main(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code; a mistake is told in one sentence, never by a traceback."""
    _prepare_streams()
    try:
        command = typer.main.get_command(app)
        completion.take_over()
        code = command(arguments, prog_name="hub", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit as end:  # typer's own: completion, and a pipe that broke
        return told(end.__context__) if isinstance(end.__context__, OSError) else int(end.code or 0)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - no traceback reaches a terminal
        return told(error)
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    """Where nobody listens, or a name cannot be shown, the command still does its work."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def told(error: BaseException) -> int:
    """Say in one line what went wrong; returns the exit code."""
    match error:
        case HubError():
            tell(str(error))
            code = error.exit_code if isinstance(error, CommandError) else 1
        case typer.TyperException():
            code = _misused(error)
        case BrokenPipeError():
            code = 0  # whoever reads our output had enough
        case KeyboardInterrupt() | typer.Abort():
            code = INTERRUPTED
        case OSError():
            tell(f"{error.filename or 'the system'}: {error.strerror or error}")
            code = 1
        case _:
            place = traceback.extract_tb(error.__traceback__)[-1]
            tell(f"failed ({type(error).__name__}: {error}; {place.filename}:{place.lineno}); report it with this line")
            code = 1
    return code


def _misused(error: typer.TyperException) -> int:
    message = error.format_message().strip()
    if type(error).__name__ == "NoArgsIsHelpError":  # its text is the help, or has been printed
        sys.stdout.write(f"{message}\n" if message else "")
    else:
        at = getattr(error, "ctx", None)
        path = at.command_path if at is not None else "hub"
        tell(f"{message.rstrip('.')}; `{path} --help` shows what there is")
    return error.exit_code
