"""`hub zwave backup` and `restore`: the stick's memory, and onto another stick."""

from pathlib import Path
from typing import Annotated

import typer

from device_plugins.zwave.controlling import LARGEST, RESTORE
from hub.cli.kit import CommandError, Session, agree, emit, files, read_file, say, talks, write_new

_BACKUP_S, _RESTORE_S = 620.0, 1220.0

FileArgument = Annotated[Path, typer.Argument(help="The backup.", metavar="FILE", autocompletion=files)]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


@talks
def backup(
    session: Session,
    file: FileArgument,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Write the stick's memory to FILE; the network waits for some minutes.

    The keys of the encryption are not in it: they are in the hub's own backup.
    """
    if file.exists() and not force:
        raise CommandError(f"{file} is there already; choose another name, or say --force")
    kept = session.client.call("zwave.backup", {}, limit=_BACKUP_S)
    content = _read(Path(kept["path"]))
    file.unlink(missing_ok=True)
    write_new(file, content)
    if session.json:
        emit({"file": str(file), "bytes": kept["bytes"]})
    else:
        say(f"{file} holds the network, {kept['bytes']:,} bytes: keep it to yourself.")


@talks
def restore(
    session: Session,
    file: FileArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Write a network from a backup to the stick that is plugged in; the network that it has is lost."""
    content = _read(file)
    agree(session, "The network on the stick is lost. Go on?", yes=yes)
    # Only the hub's user can put it there, so nobody else can bring the hub another network.
    place = Path(session.client.call("zwave.status", {})["folder"]) / RESTORE
    place.unlink(missing_ok=True)
    write_new(place, content)
    try:
        found = session.client.call("zwave.restore", {}, limit=_RESTORE_S)
    finally:
        place.unlink(missing_ok=True)
    if session.json:
        emit({"file": str(file), "bytes": found["bytes"]})
    else:
        say("The stick has the network now. Never use the former stick beside it.")


def _read(path: Path) -> bytes:
    content = read_file(path, LARGEST)
    if not 0 < len(content) <= LARGEST:
        raise CommandError(f"{path} is empty or larger than {LARGEST >> 20} MiB; it is no backup of a stick")
    return content
