"""`hub zwave smart-start`: devices that join by themselves when they are switched on."""

from typing import Annotated

import typer

from hub.cli.kit import Session, emit, say, table, talks

smart_start = typer.Typer(help="SmartStart: devices that join by themselves when they are switched on.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(smart_start, name="smart-start", no_args_is_help=True)


@smart_start.command(name="list")
@talks
def show(session: Session) -> None:
    """List them; `hub devices pair --protocol zwave --input qr_code=...` adds one."""
    found = session.client.call("zwave.smart_start", {})
    if session.json:
        emit(found)
        return
    rows = [[one["dsk"], one["device"] or ("expected" if one["active"] else "kept out")] for one in found]
    table(("Key", "Device"), rows, keep="Key", empty="no device is expected")


@smart_start.command()
@talks
def forget(session: Session, dsk: Annotated[str, typer.Argument(metavar="KEY", help="As `list` shows it.")]) -> None:
    """Let a device no longer join by itself; one that has joined stays."""
    session.client.call("zwave.smart_start_forget", {"dsk": dsk})
    if session.json:
        emit({"dsk": dsk, "forgotten": True})
    else:
        say("It no longer joins by itself.")
