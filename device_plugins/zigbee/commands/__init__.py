"""`hub zigbee`: the radio, its network and its devices, from the command line."""

import typer

from device_plugins.zigbee.commands import diagnose, info, simulate

app = typer.Typer(help="Zigbee: the radio, its network and its devices.", no_args_is_help=True)
info.add_to(app)
diagnose.add_to(app)
simulate.add_to(app)


@app.callback()
def zigbee() -> None:
    """Keep the commands below their name, however few there are."""
