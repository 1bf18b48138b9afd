"""`hub zigbee info`: the radio and the network it runs."""

from typing import Any

import typer

from hub.cli.kit import Session, emit, fields, say, talks


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(info)


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
            ("Speaks", network.get("radio", "")),
            ("Firmware", network.get("firmware", "")),
            ("Coordinator", network.get("coordinator", "")),
            ("Channel", str(network.get("channel", ""))),
            ("PAN", network.get("pan_id", "")),
            ("Devices", str(found["devices"])),
            ("Reports", str(found["reports"])),
        ]
    )
    for one in network.get("problems", []):
        say(f"Known problem: {one}.")
