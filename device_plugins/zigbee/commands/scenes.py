"""`hub zigbee scenes`: how the members of a group are to look, remembered by themselves."""

from typing import Annotated, Any

import typer

from device_plugins.zigbee.commands.shared import LIMIT_S, GroupArgument, names
from hub.cli.kit import Session, emit, say, table, talks

scenes = typer.Typer(help="Scenes: how a group is to look, remembered by its members.")

SceneArgument = Annotated[str, typer.Argument(metavar="Scene", help="Its name or number.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(scenes, name="scenes", no_args_is_help=True)


@scenes.command(name="list")
@talks
def show(session: Session) -> None:
    """List the scenes of all groups."""
    found: list[dict[str, Any]] = session.client.call("zigbee.groups", {})
    rows = [{"group": one["device"], **scene} for one in found for scene in one["scenes"]]
    if session.json:
        emit(rows)
        return
    known = names(session)
    shown = [[known.get(one["group"], one["group"]), one["name"], str(one["number"])] for one in rows]
    table(("Group", "Scene", "Number"), shown, keep="Scene", empty="no scenes")


@scenes.command()
@talks
def store(session: Session, group: GroupArgument, scene: SceneArgument) -> None:
    """Store how the members of a group are now."""
    found = session.client.call("zigbee.scene_store", {"group": group, "scene": scene}, limit=LIMIT_S)
    if session.json:
        emit(found)
    else:
        say(f"{found['name']} (number {found['number']}) is stored.")


@scenes.command()
@talks
def recall(
    session: Session,
    group: GroupArgument,
    scene: SceneArgument,
    transition: Annotated[float | None, typer.Option(help="Seconds to take.", min=0, max=6553)] = None,
) -> None:
    """Have the members of a group look as they did then."""
    session.client.call("zigbee.scene_recall", {"group": group, "scene": scene, "transition": transition})
    if session.json:
        emit({"group": group, "scene": scene})
    else:
        say(f"{scene} is recalled.")


@scenes.command()
@talks
def remove(session: Session, group: GroupArgument, scene: SceneArgument) -> None:
    """Have the members of a group forget a scene."""
    session.client.call("zigbee.scene_remove", {"group": group, "scene": scene}, limit=LIMIT_S)
    if session.json:
        emit({"group": group, "scene": scene})
    else:
        say(f"{scene} is removed.")
