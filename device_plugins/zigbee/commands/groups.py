"""`hub zigbee groups`: lamps that are told what to do all at once."""

from typing import Annotated, Any

import typer

from device_plugins.zigbee.commands.shared import LIMIT_S, GroupArgument, MembersArgument, names, place
from hub.cli.kit import Session, emit, say, table, talks

groups = typer.Typer(help="Groups: one frame for all; each is a device, for `hub devices command`.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(groups, name="groups", no_args_is_help=True)


@groups.command(name="list")
@talks
def show(session: Session) -> None:
    """List the groups with their members and scenes."""
    found: list[dict[str, Any]] = session.client.call("zigbee.groups", {})
    if session.json:
        emit(found)
        return
    known = names(session)
    rows = [
        [
            str(one["number"]),
            known.get(one["device"], one["name"]),
            ", ".join(place(member["device"], member["endpoint"], known) for member in one["members"]),
            ", ".join(scene["name"] for scene in one["scenes"]),
        ]
        for one in found
    ]
    table(("Number", "Group", "Members", "Scenes"), rows, keep="Group", empty="no groups")


@groups.command()
@talks
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    members: Annotated[
        list[str] | None, typer.Argument(metavar="[DEVICE]...", help="Devices by name or id, or `Lamp/2`.")
    ] = None,
) -> None:
    """Make a group of devices."""
    _tell(session, "zigbee.group_create", {"name": name, "members": members or []})


@groups.command()
@talks
def add(session: Session, group: GroupArgument, members: MembersArgument) -> None:
    """Add devices to a group."""
    _tell(session, "zigbee.group_add", {"group": group, "members": members})


@groups.command()
@talks
def remove(session: Session, group: GroupArgument, members: MembersArgument) -> None:
    """Remove devices from a group."""
    _tell(session, "zigbee.group_remove", {"group": group, "members": members})


@groups.command()
@talks
def delete(session: Session, group: GroupArgument) -> None:
    """Delete a group; its members stay as they are."""
    session.client.call("zigbee.group_delete", {"group": group}, limit=LIMIT_S)
    if session.json:
        emit({"group": group})
    else:
        say(f"{group} is deleted.")


def _tell(session: Session, service: str, arguments: dict[str, Any]) -> None:
    found: dict[str, Any] = session.client.call(service, arguments, limit=LIMIT_S)
    if session.json:
        emit(found)
        return
    known = names(session)
    members = ", ".join(place(one["device"], one["endpoint"], known) for one in found["members"]) or "no members"
    say(f"{known.get(found['device'], found['name'])} (number {found['number']}): {members}")
