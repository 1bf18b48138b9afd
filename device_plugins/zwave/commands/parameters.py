"""`hub zwave parameters`: what a device's configuration parameters are, and those nobody knows."""

from typing import Annotated, Any

import typer

from hub.cli.kit import DeviceArgument, Session, emit, say, table, talks

LIMIT_S = 90.0

parameters = typer.Typer(help="Configuration parameters of devices.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(parameters, name="parameters", no_args_is_help=True)


@parameters.command(name="list")
@talks
def show(session: Session, device: DeviceArgument) -> None:
    """List the parameters that are known of a device."""
    found: list[dict[str, Any]] = session.client.call("zwave.parameters", {"device": device})
    if session.json:
        emit(found)
        return
    rows = [[_number(one), one["label"], _value(one), _span(one)] for one in found]
    table(("Number", "Parameter", "Value", "Takes"), rows, keep="Parameter", empty="no parameter is known")


@parameters.command(name="set")
@talks
def change(
    session: Session,
    device: DeviceArgument,
    parameter: Annotated[int, typer.Argument(metavar="NUMBER", min=1, max=65535)],
    value: Annotated[int, typer.Argument(metavar="VALUE")],
    mask: Annotated[int, typer.Option(help="Only this part of it, as `list` shows behind the slash.", min=0)] = 0,
    size: Annotated[int, typer.Option(help="Bytes (1, 2 or 4), of one that is not known.", min=0, max=4)] = 0,
) -> None:
    """Set a parameter to a number; returns when the device has confirmed."""
    arguments = {"device": device, "parameter": parameter, "value": value, "mask": mask, "size": size}
    session.client.call("zwave.set_parameter", arguments, limit=LIMIT_S)
    if session.json:
        emit(arguments)
    else:
        say(f"Parameter {parameter} is {value} now.")


def _number(one: dict[str, Any]) -> str:
    return f"{one['parameter']}/{one['mask']}" if one["mask"] else str(one["parameter"])


def _value(one: dict[str, Any]) -> str:
    if one["value"] is None:
        return ""
    word = one["words"].get(str(one["value"]))
    return f"{one['value']} ({word})" if word else f"{one['value']} {one['unit']}".strip()


def _span(one: dict[str, Any]) -> str:
    if not one["writable"]:
        return "can only be read"
    if one["words"]:
        return ", ".join(f"{number}: {word}" for number, word in one["words"].items())
    return f"{one['minimum']:g} to {one['maximum']:g}" if None not in {one["minimum"], one["maximum"]} else ""
