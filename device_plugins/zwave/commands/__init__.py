"""`hub zwave`: the stick, its network and its devices, from the command line."""

import typer

from device_plugins.zwave.commands import associations, firmware, info, network, parameters, smart_start, stick

app = typer.Typer(help="Z-Wave: the stick, its network and its devices.", no_args_is_help=True)
info.add_to(app)
network.add_to(app)
stick.add_to(app)
smart_start.add_to(app)
associations.add_to(app)
parameters.add_to(app)
firmware.add_to(app)


@app.callback()
def zwave() -> None:
    """Keep the commands below their name, however few there are."""
