"""`hub mqtt`: the broker, and what came over it, from the command line."""

from typing import Any

import typer

from hub.cli.kit import Session, emit, fields, say, table, talks

app = typer.Typer(help="MQTT: the broker, and what came over it.", no_args_is_help=True)


@app.callback()
def mqtt() -> None:
    """Keep the commands below their name, however few there are."""


@app.command()
@talks
def info(session: Session) -> None:
    """Show the connection to the broker, and the messages that made no sense."""
    found: dict[str, Any] = session.client.call("mqtt.status", {})
    if session.json:
        emit(found)
        return
    fields(
        [
            ("Broker", found["broker"]),
            ("Status", " - ".join(filter(None, (found["status"], found["reason"])))),
            ("MQTT", found["version"]),
            ("Client id", found["client_id"]),
            ("Conventions", ", ".join(found["conventions"])),
            ("Devices", f"{found['devices']}, and {found['waiting']} that may be let in"),
            ("Messages", f"{found['messages']}, {found['malformed']} of them malformed"),
        ]
    )
    if found["faults"]:
        rows = [[one["topic"], str(one["count"]), one["reason"]] for one in found["faults"]]
        table(["Topic", "Malformed", "The latest reason"], rows)
    for topic in found["refused"]:
        say(f"The broker does not let the hub hear {topic}; see its access list.")
