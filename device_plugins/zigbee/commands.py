"""`hub zigbee`: the radio and its network, from the command line."""

from typing import Any

import typer

from hub.cli.kit import Session, emit, fields, talks

app = typer.Typer(help="Zigbee: the radio and its network.", no_args_is_help=True)


@app.callback()
def zigbee() -> None:
    """Keep the commands below their name, however few there are."""


@app.command()
@talks
def info(session: Session) -> None:
    """Show the radio and the network it runs; keys are never shown."""
    found: dict[str, Any] = session.client.call("zigbee.status", {})
    if session.json:
        emit(found)
        return
    network: dict[str, Any] = found["network"] or {}
    fields(
        [
            ("Radio", found["path"]),
            ("Status", " - ".join(filter(None, (found["status"], found["reason"])))),
            ("Firmware", network.get("firmware", "")),
            ("Coordinator", network.get("coordinator", "")),
            ("Channel", str(network.get("channel", ""))),
            ("PAN", network.get("pan_id", "")),
            ("Devices", str(found["devices"])),
            ("Reports", str(found["reports"])),
        ]
    )
