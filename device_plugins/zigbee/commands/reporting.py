"""`hub zigbee reporting`: how often devices tell their values."""

from typing import Annotated, Any

import typer

from device_plugins.zigbee.commands.shared import LIMIT_S
from hub.cli.kit import DeviceArgument, Session, emit, lasting, number, table, talks

reporting = typer.Typer(help="Reporting: how often devices tell their values.")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Which value, such as power.")]
LeastOption = Annotated[int | None, typer.Option("--min", help="No sooner than so many seconds.", min=0, max=65534)]
MostOption = Annotated[int | None, typer.Option("--max", help="No later than so many seconds.", min=0, max=65534)]
ChangeOption = Annotated[
    float | None, typer.Option("--change", help="On such a change, in the attribute's own steps.", min=0)
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(reporting, name="reporting", no_args_is_help=True)


@reporting.command(name="list")
@talks
def show(session: Session, device: DeviceArgument) -> None:
    """List how a device reports its values, as it tells it."""
    _show(session, session.client.call("zigbee.reporting", {"device": device}, limit=LIMIT_S))


@reporting.command(name="set")
@talks
def change(
    session: Session,
    device: DeviceArgument,
    key: KeyArgument,
    least: LeastOption = None,
    most: MostOption = None,
    step: ChangeOption = None,
) -> None:
    """Change how a device reports a value; without options it is as usual again."""
    arguments = {"device": device, "key": key, "minimum": least, "maximum": most, "change": step}
    _show(session, session.client.call("zigbee.set_reporting", arguments, limit=LIMIT_S))


def _show(session: Session, found: list[dict[str, Any]]) -> None:
    if session.json:
        emit(found)
        return
    rows = [
        [
            one["key"],
            "no" if one["minimum"] is None else lasting(one["minimum"]),
            "" if one["maximum"] is None else lasting(one["maximum"]),
            "" if one["change"] is None else number(one["change"]),
            "yours" if one["own"] else "",
        ]
        for one in found
    ]
    table(("Value", "No sooner", "No later", "Change", ""), rows, keep="Value", empty="nothing is reported")
