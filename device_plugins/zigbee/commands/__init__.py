"""`hub zigbee`: the radio, its network and its devices, from the command line."""

import typer

from device_plugins.zigbee.commands import (
    bindings,
    coordinator,
    diagnose,
    groups,
    info,
    mesh,
    network,
    ota,
    reporting,
    scenes,
    simulate,
    touchlink,
)

app = typer.Typer(help="Zigbee: the radio, its network and its devices.", no_args_is_help=True)
info.add_to(app)
network.add_to(app)
mesh.add_to(app)
coordinator.add_to(app)
touchlink.add_to(app)
ota.add_to(app)
groups.add_to(app)
scenes.add_to(app)
bindings.add_to(app)
reporting.add_to(app)
diagnose.add_to(app)
simulate.add_to(app)


@app.callback()
def zigbee() -> None:
    """Keep the commands below their name, however few there are."""
