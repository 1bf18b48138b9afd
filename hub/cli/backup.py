"""`hub backup`: make, list, verify and restore backups, and see when the hub makes its own."""

import os
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from hub.cli.completion import files
from hub.cli.errors import CommandError, RefusedError, UnreachableHubError, WrongUsageError
from hub.cli.output import emit, fields, moment, say, table, tell
from hub.cli.passphrases import PassphraseOption, passphrase
from hub.cli.progress import Steps
from hub.cli.session import Session, chosen_folder, data_folder, talks

_LIMIT_S = 3600.0

app = typer.Typer(help="Backups of the whole hub: make, list, verify, restore, schedule.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="The backup.", metavar="FILE", autocompletion=files)]
TelemetryOption = Annotated[bool, typer.Option("--telemetry", help="Take the journal along: history and states.")]


@app.command()
@talks
def create(
    session: Session,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Default: backups in the data folder.", autocompletion=files),
    ] = None,
    passphrase_file: PassphraseOption = None,
    plain: Annotated[bool, typer.Option("--plain", help="Do not encrypt it.")] = False,  # noqa: FBT002 - a flag
    telemetry: TelemetryOption = False,  # noqa: FBT002 - a flag
) -> None:
    """Back the hub up into one file, whether it runs or not; the backup is restored on trial before it counts.

    It holds the registry, the configuration and all else in the data folder: who reads it can join the home's network.
    """
    if plain and passphrase_file:
        raise WrongUsageError("--plain does not encrypt; leave out --passphrase-file or that")
    secret = "" if plain else passphrase(passphrase_file, new=True)
    folder = str(to.expanduser().absolute()) if to else ""
    wanted = {"folder": folder, "passphrase": secret, "telemetry": telemetry}
    with Steps(shown=not session.json) as steps:
        made: dict[str, Any] | None = None
        try:
            for step in session.client.stream("hub.create_backup", wanted, limit=_LIMIT_S):
                steps.tell(step["text"], step["done"])
                made = step["backup"]
        except UnreachableHubError as error:
            made = _made_here(session, Path(folder) if to else None, secret, steps, error, telemetry=telemetry)
    if made is None:
        raise CommandError("the hub ended before the backup was made; `hub log` may say why")
    if session.json:
        emit(made)
    else:
        say(f"{made['file']} is good: it was restored on trial ({made['bytes']:,} bytes)")
        _tell_missing(made["missing"])
        if plain:
            tell("it is not encrypted: who gets it has the keys of the home")


@app.command("list")
@talks
def list_backups(
    session: Session,
    folder: Annotated[
        Path | None, typer.Argument(help="Default: backups in the data folder.", autocompletion=files)
    ] = None,
) -> None:
    """List the backups in a folder, newest first; no passphrase is needed for it."""
    from hub.backup import shelf  # noqa: PLC0415 - the hub's engines cost time that no other command need pay

    where = folder or data_folder(session.data) / shelf.FOLDER
    if folder and not folder.is_dir():
        raise CommandError(f"there is no folder {folder}; name one, or leave it out for the hub's own")
    found = shelf.list_backups(where)
    if session.json:
        emit([msgspec.to_builtins(one) for one in found])
        return
    rows = [
        [
            Path(one.file).name,
            moment(one.made),
            one.hub,
            f"{one.bytes:,}" if one.bytes else "",
            one.problem or ("encrypted" if one.encrypted else "not encrypted"),
        ]
        for one in found
    ]
    table(["File", "Made", "Hub", "Bytes", ""], rows, keep="File", empty=f"There are no backups in {where}.")


@app.command()
@talks
def verify(session: Session, file: FileArgument, passphrase_file: PassphraseOption = None) -> None:
    """Restore a backup on trial, into a folder that goes again, and say what is in it; exits with 1 if it is bad."""
    from hub.backup import shelf, trial  # noqa: PLC0415 - as above
    from hub.backup.desk import BackupContent  # noqa: PLC0415 - as above

    place = data_folder(session.data) / shelf.FOLDER
    secret = _secret(file, passphrase_file)
    with Steps(shown=not session.json) as steps:
        found = BackupContent.of(file, trial.verify(file, secret, place, steps.tell))
    _show(session, found)
    if not session.json:
        say(f"{file} is good.")


@app.command()
@talks
def show(session: Session, file: FileArgument, passphrase_file: PassphraseOption = None) -> None:
    """Say what is in a backup, without unpacking or checking it."""
    from hub.backup import archive  # noqa: PLC0415 - as above
    from hub.backup.desk import BackupContent  # noqa: PLC0415 - as above

    _show(session, BackupContent.of(file, archive.read_manifest(file, _secret(file, passphrase_file))))


@app.command()
@talks
def restore(
    session: Session,
    file: FileArgument,
    passphrase_file: PassphraseOption = None,
    force: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--force", help="Set what the data folder holds aside, if it holds anything.")
    ] = False,
) -> None:
    """Make the data folder hold what is in a backup, all of it or nothing. The hub must not run.

    Radios are told by their plugins: see docs/backups.md for what to do with another stick.
    """
    from hub.backup import restoring  # noqa: PLC0415 - as above

    data = data_folder(session.data)
    _check_owner(data)
    secret = _secret(file, passphrase_file)
    with Steps(shown=not session.json) as steps:
        done = restoring.restore(file, data, secret, steps.tell, force=force)
    head = done.manifest.head
    if session.json:
        emit(
            {
                "data_dir": str(data),
                "made": head.made,
                "hub": head.hub,
                "aside": done.aside,
                "missing": done.manifest.missing,
            }
        )
    else:
        say(f"{data} holds {head.hub} as it was on {moment(head.made)}; start it with `hub run --data {data}`")
    _tell_missing(done.manifest.missing)
    if done.aside:
        tell(f"what was there is in {done.aside}; delete it when you no longer want it")
    for here, there in done.elsewhere.items():
        tell(f"{there} was not in the data folder: it is {here} now, put it in its place")


@app.command()
@talks
def schedule(
    session: Session,
    now: Annotated[bool, typer.Option("--now", help="Make one now, as scheduled.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Show when the hub makes backups by itself, where they go, and how the last one went.

    [plugin.backup] in the configuration sets it: see docs/backups.md.
    """
    try:
        found: dict[str, Any] = session.client.call(f"backup.{'run' if now else 'schedule'}", {}, limit=_LIMIT_S)
    except RefusedError as error:
        if error.reason != "unknown_service":
            raise
        raise CommandError("the plugin backup does not run; see `hub plugins list --all`") from error
    if session.json:
        emit(found)
        return
    for name, one in found["places"].items():
        last = moment(one["made"]) or "never"
        kept = f"{one['daily']} daily and {one['weekly']} weekly"
        fields(
            [("Where", name), ("Folder", one["folder"]), ("Last", last), ("Kept", kept), ("Problem", one["problem"])]
        )
        say()
    say(f"The next are made on {moment(found['next'])}.")


def _show(session: Session, found: Any) -> None:  # noqa: ANN401 - the type is loaded on use
    if session.json:
        emit(msgspec.to_builtins(found))
        return
    fields([("Hub", f"{found.hub}, version {found.hub_version}"), ("Made", moment(found.made))])
    fields([("Plugins", ", ".join(f"{name} {version}" for name, version in found.plugins.items()))])
    table(["Part", "Bytes"], [[name, f"{size:,}"] for name, size in found.parts.items()], keep="Part")
    if found.left_out:
        say(f"Not in it: {', '.join(found.left_out)}.")
    _tell_missing(found.missing)


def _tell_missing(missing: dict[str, str]) -> None:
    for name, why in missing.items():
        tell(f"{name} is not in it, for it could not be read: {why}")


def _made_here(
    session: Session, folder: Path | None, secret: str, steps: Steps, error: UnreachableHubError, *, telemetry: bool
) -> dict[str, Any]:
    """The backup of a hub that does not run."""
    from hub import config  # noqa: PLC0415 - as above
    from hub.backup import making, restoring, shelf, trial  # noqa: PLC0415
    from hub.backup.gathering import Home  # noqa: PLC0415
    from hub.hosts.discovery import find_plugins  # noqa: PLC0415
    from hub.storage.folder import lock  # noqa: PLC0415

    settings = config.load(None, data=chosen_folder(session.data))
    if not settings.data_dir.is_dir():
        raise error
    _check_owner(settings.data_dir)
    with lock(settings.data_dir):
        if restoring.finish(settings.data_dir):
            settings = config.load(None, data=chosen_folder(session.data))
        own = settings.data_dir / shelf.FOLDER
        making.make_folder(own)
        versions = {one.id: one.version for one in find_plugins(settings)[0].values()}
        with trial.workplace(own) as work:
            order = making.Order(folder or own, work, secret, telemetry, versions)
            made: dict[str, Any] = msgspec.to_builtins(making.make(Home.of(settings), order, steps.tell))
    return made


def _check_owner(data: Path) -> None:
    """Refuse to leave files behind that the hub's own user cannot read."""
    try:
        owner = data.stat().st_uid
    except OSError:
        return
    if os.geteuid() == 0 != owner:
        raise CommandError(f"{data} is not root's; run this as its owner: sudo -u '#{owner}' hub backup ...")


def _secret(file: Path, passphrase_file: Path | None) -> str:
    """The passphrase, if the backup needs one."""
    from hub.backup.trial import check_head  # noqa: PLC0415 - as above

    return passphrase(passphrase_file) if check_head(file).sealed else ""
