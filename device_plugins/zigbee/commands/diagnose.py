"""`hub zigbee diagnose`: what a maintainer needs to know of one device, as a file."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.kit import CommandError, DeviceArgument, Session, emit, files, talks, tell


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(diagnose)


@talks
def diagnose(
    session: Session,
    device: DeviceArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there.", autocompletion=files)
    ] = None,
) -> None:
    """Write what a maintainer needs to know of a device, as JSON; `hub zigbee simulate` takes it.

    It holds no keys, no names of yours and of addresses only the manufacturer's part.
    """
    record = session.client.call("devices.get", {"device": device})
    found = session.client.call("zigbee.diagnose", {"device": record["id"]})
    if output is None:
        emit(found)
        return
    try:
        output.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--output {output} cannot be written: {error.strerror}") from error
    tell(f"written to {output}")
