"""`hub devices`: list, show, rename, assign, remove, set."""

from typing import Annotated, Any

import typer

from hub.cli.actions import Action, actions
from hub.cli.errors import CommandError, RefusedError
from hub.cli.names import DeviceArgument, areas, labels_given, protocols, wishes
from hub.cli.output import clean, emit, fields, moment, say, table
from hub.cli.readings import Record, readings, summary, unit_of
from hub.cli.session import Session, talks
from hub.cli.words import finite

app = typer.Typer(help="Devices: list, show, name, pair, command.", no_args_is_help=True)

_COMMAND_S = 30.0


@app.command("list")
@talks
def list_devices(
    session: Session,
    area: Annotated[str, typer.Option(help="Only those in this area.", autocompletion=areas)] = "",
    protocol: Annotated[str, typer.Option(help="Only those of this protocol.", autocompletion=protocols)] = "",
    label: Annotated[str, typer.Option(help="Only those with this label.", autocompletion=labels_given)] = "",
) -> None:
    """List the devices and what is true of them."""
    found: list[Record] = session.client.get("devices", area=area, protocol=protocol, label=label)
    if session.json:
        emit(found)
        return
    rows = [[one["name"], one["area"], one["model"], one["availability"], summary(one)] for one in found]
    columns = ["Name", "Area", "Model", "Status", "State"]
    table(columns, rows, keep="Name", empty="No devices. `hub devices pair` adds some.")


@app.command()
@talks
def show(session: Session, device: DeviceArgument) -> None:
    """Show one device."""
    _show(session, session.client.call("devices.get", {"device": device}))


@app.command()
@talks
def rename(
    session: Session, device: DeviceArgument, name: Annotated[str, typer.Argument(help="Its new name.")]
) -> None:
    """Give a device another name."""
    record = session.client.call("devices.rename", {"device": device, "name": name})
    _done(session, record, f"{record['id']} is now called {record['name']}")


@app.command()
@talks
def assign(
    session: Session,
    device: DeviceArgument,
    area: Annotated[str | None, typer.Option(help='The area it is in; "" for none.', autocompletion=areas)] = None,
    label: Annotated[list[str] | None, typer.Option(help="A label, instead of those it has; may be repeated.")] = None,
    no_labels: Annotated[bool, typer.Option("--no-labels", help="Take all labels away.")] = False,  # noqa: FBT002
) -> None:
    """Put a device in an area, or label it."""
    labels = [] if no_labels else label or None
    if area is None and labels is None:
        raise typer.BadParameter("say --area, --label or --no-labels")
    record = session.client.call("devices.assign", {"device": device, "area": area, "labels": labels})
    words = ", ".join(record["labels"]) or "no labels"
    _done(session, record, f"{record['name']}: {record['area'] or 'no area'}, {words}")


@app.command()
@talks
def remove(
    session: Session,
    device: DeviceArgument,
    force: Annotated[bool, typer.Option("--force", help="Also if it cannot be reached.")] = False,  # noqa: FBT002
) -> None:
    """Make a device leave its network, and forget it."""
    record = session.client.call("devices.get", {"device": device})
    session.client.call("devices.remove", {"device": record["id"], "force": force}, limit=_COMMAND_S)
    _done(session, record, f"{record['name']} ({record['id']}) is removed")


@app.command("set")
@talks
def set_values(
    session: Session,
    device: DeviceArgument,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=VALUE|COMMAND...", help="Such as on_off=on, level=40, toggle.", autocompletion=wishes
        ),
    ],
    transition: Annotated[
        float | None, typer.Option(help="Seconds to fade brightness and colour.", min=0.0, callback=finite)
    ] = None,
) -> None:
    """Make a device do something, and wait until it has confirmed.

    KEY=VALUE sets a capability. A bare word is a command of whichever capability has it (KEY:COMMAND if several do);
    KEY=VALUE behind it is its argument: hub devices set lamp step by=10
    """
    record = session.client.call("devices.get", {"device": device})
    wished = actions(record["name"], record["features"], words, transition)
    results = [_carry_out(session, record, one) for one in wished]
    if session.json:
        emit(results)
        return
    for one in results:
        told = readings({**record, "values": {one["key"]: one["value"]}})[one["key"]]
        say(f"{record['name']}: {one['key']} is {told}" if one["value"] is not None else f"{record['name']}: done")


def _carry_out(session: Session, record: Record, action: Action) -> dict[str, Any]:
    """A word like `off` may be a flag or a name: the hub knows the type and is asked with one, then the other."""
    first: CommandError | None = None
    for arguments in action.readings:
        wish = {"device": record["id"], "capability": action.key, "command": action.command, "arguments": arguments}
        try:
            result: dict[str, Any] = session.client.call("devices.command", wish, limit=_COMMAND_S)
        except RefusedError as error:
            first = first or error
            if error.reason != "invalid_value":
                break
        else:
            return result
    raise first or CommandError(f"{action.key} cannot be told {action.command}")


def _show(session: Session, record: Record) -> None:
    if session.json:
        emit(record)
        return
    fields(
        [
            ("Name", record["name"]),
            ("Id", record["id"]),
            ("Area", record["area"]),
            ("Labels", ", ".join(record["labels"])),
            ("Model", " ".join(filter(None, (record["manufacturer"], record["model"])))),
            ("Firmware", record["firmware"]),
            ("Protocol", f"{record['protocol']} (plugin {record['plugin']})"),
            ("Parent", record["parent"]),
            ("Status", " - ".join(filter(None, (record["availability"], record["availability_reason"])))),
            ("First seen", moment(record["first_seen"])),
            ("Last seen", moment(record["last_seen"])),
        ]
    )
    say()
    values = readings(record)
    rows = [
        [one["key"], values.get(one["key"], ""), " ".join(one.get("commands", ())), _span(one)]
        for one in record["features"]
    ]
    table(["Capability", "Value", "Commands", "Range"], rows, keep="Capability", empty="It has no capabilities.")


def _span(feature: Record) -> str:
    if names := feature.get("values"):
        return " ".join(names)
    low, high = feature.get("minimum"), feature.get("maximum")
    ends = f"{'' if low is None else f'{low:g}'}..{'' if high is None else f'{high:g}'}"
    return "" if ends == ".." else f"{ends} {unit_of(feature)}".strip()


def _done(session: Session, record: Record, sentence: str) -> None:
    if session.json:
        emit(record)
    else:
        say(clean(sentence))
