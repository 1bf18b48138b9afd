"""`hub zigbee ota`: new firmware for devices, from the folder `ota_dir`."""

import time
from typing import Annotated, Any

import typer

from hub.cli.kit import CommandError, DeviceArgument, Session, Steps, emit, fields, say, table, talks

_ASK_S = 30.0
_LOOK_EVERY_S = 1.0

ota = typer.Typer(help="New firmware for devices: one at a time, and only when asked.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(ota, name="ota")


@ota.command()
@talks
def check(session: Session, device: DeviceArgument) -> None:
    """Show which firmware a device runs, and which newer images there are for it."""
    found = session.client.call("zigbee.ota_check", {"device": device}, limit=_ASK_S)
    if session.json:
        emit(found)
        return
    say(f"{found['device']} runs {_version(found['current'])}.")
    rows = [[_version(one["version"]), f"{one['size']:,}", one["source"]] for one in found["images"]]
    table(("VERSION", "BYTES", "FILE"), rows, keep="FILE", empty="no newer image in ota_dir")


@ota.command()
@talks
def update(
    session: Session,
    device: DeviceArgument,
    version: Annotated[str, typer.Option(help="Not the newest image but that of this version.")] = "0",
    wait: Annotated[bool, typer.Option(help="Wait until it has ended.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Update a device; it takes minutes to hours, and goes on when this command is ended or the hub is restarted."""
    try:
        number = int(version, 0)
    except ValueError:
        raise CommandError(f"{version!r} is no version; write it as `hub zigbee ota check` does") from None
    found = session.client.call("zigbee.ota_update", {"device": device, "version": number}, limit=_ASK_S)
    if wait:
        with Steps(shown=not session.json) as steps:
            while found["status"] in {"waiting", "running"}:
                steps.tell(found["reason"] or f"updating {found['device']}", _share(found))
                time.sleep(_LOOK_EVERY_S)
                found = session.client.call("zigbee.ota_progress", {})
    if session.json:
        emit(found)
    elif found["status"] == "done":
        say(f"{found['device']} has {_version(found['version'])} now, and starts it.")
    else:
        _tell(found)
    if found["status"] in {"failed", "cancelled"}:
        raise CommandError(f"{found['device']} was not updated: {found['reason'] or found['status']}")


@ota.command()
@talks
def progress(session: Session) -> None:
    """Show how the update goes."""
    found = session.client.call("zigbee.ota_progress", {})
    if session.json:
        emit(found)
    else:
        _tell(found)


@ota.command()
@talks
def cancel(session: Session) -> None:
    """End the update; the device keeps the firmware that it has."""
    session.client.call("zigbee.ota_cancel", {})
    if session.json:
        emit({"cancelled": True})
    else:
        say("The update is over; the device keeps the firmware that it has.")


def _tell(found: dict[str, Any]) -> None:
    if found["status"] == "idle":
        say("No device is being updated.")
        return
    fields(
        [
            ("Device", found["device"]),
            ("Version", _version(found["version"])),
            ("Status", " - ".join(filter(None, (found["status"], found["reason"])))),
            ("Done", f"{_share(found):.0%} of {found['size']:,} bytes"),
        ]
    )


def _share(found: dict[str, Any]) -> float:
    return found["offset"] / found["size"] if found["size"] else 0.0


def _version(version: int) -> str:
    return f"{version:#010x}"
