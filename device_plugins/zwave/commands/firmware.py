"""`hub zwave firmware`: new firmware for devices."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from device_plugins.zwave.servicing import FIRMWARE, LARGEST_FIRMWARE
from hub.cli.kit import CommandError, DeviceArgument, Session, Steps, emit, files, say, talks

_ASK_S = 30.0
_LOOK_EVERY_S = 2.0

firmware = typer.Typer(help="New firmware for devices: one at a time, and only when asked.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(firmware, name="firmware", no_args_is_help=True)


@firmware.command()
@talks
def update(
    session: Session,
    device: DeviceArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The maker's file.", autocompletion=files)],
    wait: Annotated[bool, typer.Option(help="Wait until it has ended.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Send FILE to a device as its firmware; it takes minutes to hours, and goes on when this command is ended."""
    folder = Path(session.client.call("zwave.status", {})["folder"]) / FIRMWARE
    _put(file, folder)
    found = session.client.call("zwave.firmware_update", {"device": device, "file": file.name}, limit=_ASK_S)
    with Steps(shown=not session.json) as steps:
        while wait and found["status"] == "running":
            steps.tell(found["reason"], found["share"])
            time.sleep(_LOOK_EVERY_S)
            found = session.client.call("zwave.firmware_progress", {})
    _tell(session, found)
    if found["status"] == "failed":
        raise CommandError(f"{found['device']} was not updated: {found['reason']}")


@firmware.command()
@talks
def progress(session: Session) -> None:
    """Show how the update goes."""
    _tell(session, session.client.call("zwave.firmware_progress", {}))


@firmware.command()
@talks
def cancel(session: Session) -> None:
    """End the update; the device keeps the firmware that it has."""
    session.client.call("zwave.firmware_cancel", {}, limit=_ASK_S * 3)
    _tell(session, session.client.call("zwave.firmware_progress", {}))


def _put(file: Path, folder: Path) -> None:
    try:
        content = file.read_bytes() if file.stat().st_size <= LARGEST_FIRMWARE else b""
        folder.mkdir(exist_ok=True)
        (folder / file.name).write_bytes(content)
    except OSError as error:
        raise CommandError(f"cannot copy {file}: {os.strerror(error.errno or 0)}") from error
    if not content:
        raise CommandError(f"{file} is empty or larger than {LARGEST_FIRMWARE >> 20} MiB; it is no firmware")


def _tell(session: Session, found: dict[str, Any]) -> None:
    if session.json:
        emit(found)
    elif found["status"] == "idle":
        say("No device is being updated.")
    else:
        say(f"{found['device']}: {found['status']}, {found['share']:.0%}; {found['reason']}.")
