"""`hub zigbee backup`, `restore` and `radios`: the stick, and its network on another one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from device_plugins.zigbee.keeping import RESTORE
from hub.cli.kit import (
    CommandError,
    Session,
    agree,
    emit,
    fields,
    files,
    may_ask,
    read_file,
    say,
    table,
    talks,
    write_new,
)

_BACKUP_S, _RESTORE_S = 60.0, 120.0
_LARGEST = 4 << 20

FileArgument = Annotated[Path, typer.Argument(help="The backup.", metavar="FILE", autocompletion=files)]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)
    app.command()(radios)


@talks
def backup(
    session: Session,
    file: FileArgument,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Write the network as an Open Coordinator Backup, which other programs read too.

    FILE holds the network's key: whoever has it can listen to the network and join it. Only you can read it.
    """
    kept = session.client.call("zigbee.backup", {}, limit=_BACKUP_S)
    content = _read(Path(kept["path"]))
    if force:
        file.unlink(missing_ok=True)
    write_new(file, content)
    if session.json:
        emit({"file": str(file), **kept["backup"]})
    else:
        say(f"{file} holds the network of {kept['backup']['coordinator']}, with its key: keep it to yourself.")


@talks
def restore(
    session: Session,
    file: FileArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,  # noqa: FBT002 - an option
    overwrite: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--overwrite", help="The stick may lose a network that it has.")
    ] = False,
) -> None:
    """Write a network from a backup to the stick that is plugged in, so that its devices notice nothing.

    Nothing is written before it is certain that the stick can take it. Afterwards the former stick must never be
    switched on again.
    """
    may_ask(session, yes=yes)
    content = _read(file)
    # Only the hub's user can put it there, so nobody else can bring the hub another network.
    place = Path(session.client.call("zigbee.status", {})["folder"]) / RESTORE
    place.unlink(missing_ok=True)
    write_new(place, content)
    try:
        _restore(session, yes=yes, overwrite=overwrite)
    finally:
        place.unlink(missing_ok=True)


def _restore(session: Session, *, yes: bool, overwrite: bool) -> None:
    found = session.client.call("zigbee.restore_check", {}, limit=_RESTORE_S)
    if not session.json:
        _show(found)
    if found["refusals"]:
        raise CommandError(f"nothing was restored: {'; '.join(found['refusals'])}")
    if found["other_network"] and not overwrite:
        raise CommandError("the stick has another network, which would be lost; say --overwrite if it may be")
    agree(session, "Write the network to the stick?", yes=yes)
    found = session.client.call("zigbee.restore", {"overwrite": overwrite}, limit=_RESTORE_S)
    if session.json:
        emit(found)
    else:
        say("The stick has the network now.")


def _show(found: Any) -> None:  # noqa: ANN401 - JSON
    facts = found["backup"]
    fields(
        [
            ("Coordinator", facts["coordinator"]),
            ("Channel", str(facts["channel"])),
            ("PAN", facts["pan_id"]),
            ("Devices", str(facts["devices"])),
            ("Made", " by ".join(filter(None, (facts["made"], facts["source"])))),
        ]
    )
    for one in found["warnings"]:
        say(f"Note: {one}.")


@talks
def radios(
    session: Session,
    probe: Annotated[bool, typer.Option("--probe", help="Ask each what it speaks.")] = False,  # noqa: FBT002 - an option
) -> None:
    """List the serial ports, and which of them are Zigbee sticks."""
    found: Sequence[dict[str, Any]] = session.client.call("zigbee.radios", {"probe": probe}, limit=_RESTORE_S)
    if session.json:
        emit(found)
        return
    rows = [
        [one["path"], one["usb"], one["product"], one["radio"], "yes" if one["used"] else "", one["answers"]]
        for one in found
    ]
    table(("PATH", "USB", "PRODUCT", "RADIO", "IN USE", "ANSWERS"), rows, keep="PATH", empty="no serial ports")


def _read(path: Path) -> bytes:
    content = read_file(path, _LARGEST)
    if len(content) > _LARGEST:
        raise CommandError(f"{path} is larger than {_LARGEST >> 20} MiB; it is no coordinator backup")
    return content
