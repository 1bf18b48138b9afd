"""`hub zigbee`: the radio, its network and its devices, from the command line."""

import typer

from device_plugins.zigbee.commands import bindings, groups, info, reporting, scenes

app = typer.Typer(help="Zigbee: the radio, its network and its devices.", no_args_is_help=True)
info.add_to(app)
groups.add_to(app)
scenes.add_to(app)
bindings.add_to(app)
reporting.add_to(app)


@app.callback()
def zigbee() -> None:
    """Keep the commands below their name, however few there are."""
