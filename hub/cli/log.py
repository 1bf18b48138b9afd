"""`hub log`: how much is logged, of whom."""

from typing import Annotated

import typer

from hub.cli.names import PluginArgument
from hub.cli.output import emit, say, table
from hub.cli.session import Session, talks

_AS_CONFIGURED = "default"

app = typer.Typer(help="The log: how much of whom.", no_args_is_help=True)

LevelArgument = Annotated[
    str,
    typer.Argument(
        help="debug, info, warning, error, or default: as configured.",
        autocompletion=lambda: [_AS_CONFIGURED, "debug", "info", "warning", "error"],
    ),
]


@app.command()
@talks
def level(session: Session, plugin: PluginArgument = "", level: LevelArgument = "") -> None:
    """Show from which level on the hub, plugins and libraries are logged, or set it until the next start."""
    if level:
        wanted = None if level == _AS_CONFIGURED else level
        found = session.client.call("hub.log_level", {"plugin": plugin, "level": wanted})
    else:
        found = session.client.call("hub.log_level", {})
    if plugin:
        found = {plugin: found.get(plugin, found["hub"])}
    if session.json:
        emit(found)
    elif plugin:
        say(f"{plugin} is logged from {found[plugin]} on")
    else:
        table(["Of", "Level"], [[name, one] for name, one in found.items()], keep="Of")
