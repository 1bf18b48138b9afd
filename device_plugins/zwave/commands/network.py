"""`hub zwave exclude`, `ping`, `rebuild`: devices that leave, that are silent, and their ways."""

import time
from typing import Annotated, Any

import typer

from hub.cli.kit import CommandError, DeviceArgument, Session, Steps, emit, say, table, talks

_SPARE_S, _PING_S, _ROUTES_S = 15.0, 40.0, 200.0
_LOOK_EVERY_S = 2.0


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (exclude, ping, rebuild):
        app.command()(command)


@talks
def exclude(
    session: Session,
    seconds: Annotated[float, typer.Option(help="How long to wait for it.", min=1, max=600)] = 60.0,
) -> None:
    """Let one device leave: put it into its pairing mode now. One of another network is reset so, too."""
    if not session.json:
        say(f"Put the device into pairing mode within {seconds:g} s.")
    found = session.client.call("zwave.exclude", {"seconds": seconds}, limit=seconds + _SPARE_S)
    if session.json:
        emit(found)
    elif found["device"]:
        say(f"{found['device']} has left and is forgotten.")
    else:
        say("A device of another network was reset; it can be paired now.")


@talks
def ping(session: Session, device: DeviceArgument) -> None:
    """Ask a device whether it is there."""
    found = session.client.call("zwave.ping", {"device": device}, limit=_PING_S)
    if session.json:
        emit(found)
    elif found["answered"]:
        say(f"{found['device']} answered after {found['seconds'] * 1000:.0f} ms.")
    if not found["answered"]:
        raise CommandError(f"{found['device']} does not answer")


@talks
def rebuild(
    session: Session,
    device: Annotated[str, typer.Argument(metavar="[DEVICE]", help="Only this one's; without, all.")] = "",
    stop: Annotated[bool, typer.Option("--stop", help="End what is under way.")] = False,  # noqa: FBT002 - an option
    wait: Annotated[bool, typer.Option(help="Wait until all are done.")] = True,  # noqa: FBT002 - an option
) -> None:
    """Find the devices' ways through the network anew; the network is slow meanwhile."""
    if stop:
        session.client.call("zwave.stop_routes", {})
    elif not session.client.call("zwave.rebuild_routes", {"device": device}, limit=_ROUTES_S):
        raise CommandError(f"the routes of {device or 'the network'} were not rebuilt; is it awake, and near?")
    if device and not stop:
        _say(session, {"device": device, "rebuilt": True}, f"The routes of {device} are new.")
        return
    found = session.client.call("zwave.routes", {})
    with Steps(shown=not session.json) as steps:
        while wait and found["running"]:
            open_ = sum(how == "pending" for how in found["devices"].values())
            steps.tell(f"{open_} devices to go", 1 - open_ / max(len(found["devices"]), 1))
            time.sleep(_LOOK_EVERY_S)
            found = session.client.call("zwave.routes", {})
    if session.json:
        emit(found)
    else:
        table(("Device", "Routes"), list(found["devices"].items()), keep="Device", empty="nothing is under way")
    if failed := [name for name, how in found["devices"].items() if how == "failed"]:
        raise CommandError(
            f"{len(failed)} of {len(found['devices'])} devices found no new routes; bring them nearer and try again"
        )


def _say(session: Session, found: dict[str, Any], text: str) -> None:
    if session.json:
        emit(found)
    else:
        say(text)
