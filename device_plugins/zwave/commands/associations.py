"""`hub zwave associations`: devices that speak to each other without the hub."""

from typing import Annotated, Any

import typer

from hub.cli.kit import DeviceArgument, Session, emit, table, talks

LIMIT_S = 90.0

associations = typer.Typer(help="Associations: what a device tells goes directly to another one.")

GroupArgument = Annotated[int, typer.Argument(metavar="GROUP", help="Its number.", min=0, max=255)]
TargetArgument = Annotated[str, typer.Argument(metavar="TARGET", help="Who hears: a device, `Lamp/2`, or `hub`.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(associations, name="associations", no_args_is_help=True)


@associations.command(name="list")
@talks
def show(session: Session, device: DeviceArgument) -> None:
    """List the association groups of a device, and who is in them."""
    _show(session, session.client.call("zwave.associations", {"device": device}, limit=LIMIT_S))


@associations.command()
@talks
def add(session: Session, device: DeviceArgument, group: GroupArgument, target: TargetArgument) -> None:
    """Have what a device tells in a group go to TARGET directly."""
    arguments = {"device": device, "group": group, "target": target}
    _show(session, session.client.call("zwave.associate", arguments, limit=LIMIT_S))


@associations.command()
@talks
def remove(session: Session, device: DeviceArgument, group: GroupArgument, target: TargetArgument) -> None:
    """End that what a device tells in a group goes to TARGET."""
    arguments = {"device": device, "group": group, "target": target}
    _show(session, session.client.call("zwave.dissociate", arguments, limit=LIMIT_S))


def _show(session: Session, found: list[dict[str, Any]]) -> None:
    if session.json:
        emit(found)
        return
    listed: list[dict[str, Any]] = session.client.call("devices.list", {"protocol": "zwave"})
    names = {one["id"]: one["name"] for one in listed}
    rows = [
        [str(one["group"]), one["label"], str(one["most"]), ", ".join(_name(who, names) for who in one["members"])]
        for one in found
    ]
    table(("Group", "Tells", "Most", "Members"), rows, keep="Members", empty="no association groups")


def _name(member: str, names: dict[str, str]) -> str:
    device, slash, endpoint = member.partition("/")
    return names.get(device, device) + slash + endpoint
