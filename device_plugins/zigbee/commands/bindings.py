"""`hub zigbee bindings`: devices that speak to each other without the hub."""

from typing import Annotated, Any

import typer

from device_plugins.zigbee.commands.shared import LIMIT_S, names, place
from hub.cli.kit import DeviceArgument, Session, emit, table, talks

bindings = typer.Typer(help="Bindings: what a device says goes directly to another one or to a group.")

SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Who speaks: a device, or `Button/2`.")]
TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="Who hears: a device, `Lamp/2`, a group, or `coordinator`.")
]
ClustersOption = Annotated[
    list[str] | None,
    typer.Option("--cluster", "-c", metavar="NAME", help="Only this one, such as on_off or 0x0006; may be repeated."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bindings, name="bindings", no_args_is_help=True)


@bindings.command(name="list")
@talks
def show(session: Session, device: DeviceArgument) -> None:
    """List the bindings of a device, as it tells them."""
    _show(session, session.client.call("zigbee.bindings", {"device": device}, limit=LIMIT_S))


@bindings.command()
@talks
def add(session: Session, source: SourceArgument, target: TargetArgument, clusters: ClustersOption = None) -> None:
    """Have what SOURCE says go to TARGET directly: all that the two have in common."""
    _change(session, "zigbee.bind", source, target, clusters)


@bindings.command()
@talks
def remove(session: Session, source: SourceArgument, target: TargetArgument, clusters: ClustersOption = None) -> None:
    """End that what SOURCE says goes to TARGET directly."""
    _change(session, "zigbee.unbind", source, target, clusters)


def _change(session: Session, service: str, source: str, target: str, clusters: list[str] | None) -> None:
    arguments = {"source": source, "target": target, "clusters": clusters or None}
    _show(session, session.client.call(service, arguments, limit=LIMIT_S))


def _show(session: Session, found: list[dict[str, Any]]) -> None:
    if session.json:
        emit(found)
        return
    known = names(session)
    rows = [
        [str(one["endpoint"]), one["cluster"], place(one["target"], one["target_endpoint"], known)] for one in found
    ]
    table(("Endpoint", "Cluster", "Goes to"), rows, keep="Goes to", empty="no bindings")
