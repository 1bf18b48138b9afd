"""`hub zwave info`: the stick, or the server, and the network it runs."""

from typing import Any

import typer

from hub.cli.kit import Session, emit, fields, talks


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(info)


@talks
def info(session: Session) -> None:
    """Show the stick and the network it runs; keys are never shown."""
    found: dict[str, Any] = session.client.call("zwave.status", {})
    if session.json:
        emit(found)
        return
    fields(
        [
            ("Stick", found["path"]),
            ("Status", " - ".join(filter(None, (found["status"], found["reason"])))),
            ("Home id", found["home"]),
            ("Devices", str(found["devices"])),
            ("Reports", str(found["reports"])),
            ("Server", f"process {found['server']}" if found["server"] else ""),
        ]
    )
