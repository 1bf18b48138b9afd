"""All that a plugin's own commands import: a session with the hub, ways to answer, and the errors that end them.

    app = typer.Typer(help="Kettles.", no_args_is_help=True)


    @app.command()
    @talks
    def boil(session: Session, kettle: DeviceArgument) -> None:
        "Boil a kettle."
        emit(session.client.call("kettles.boil", {"kettle": kettle}))

The app stands in the manifest as `commands = "module:app"` and is then `hub <plugin> boil`. It runs in a process of
its own, not in the hub: what it wants to know it asks the hub's services.
"""

from hub.cli.asking import agree, may_ask
from hub.cli.completion import files
from hub.cli.errors import CommandError, RefusedError, UnreachableHubError, WrongUsageError
from hub.cli.names import DeviceArgument
from hub.cli.output import ago, emit, fields, lasting, moment, number, say, short, table, tell
from hub.cli.private_files import read_file, write_new
from hub.cli.progress import Steps
from hub.cli.session import Session, talks

__all__ = [
    "CommandError",
    "DeviceArgument",
    "RefusedError",
    "Session",
    "Steps",
    "UnreachableHubError",
    "WrongUsageError",
    "ago",
    "agree",
    "emit",
    "fields",
    "files",
    "lasting",
    "may_ask",
    "moment",
    "number",
    "read_file",
    "say",
    "short",
    "table",
    "talks",
    "tell",
    "write_new",
]
