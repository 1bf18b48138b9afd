"""`hub config`: check the configuration, and show the one in force."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.completion import files
from hub.cli.errors import CommandError, UnreachableHubError
from hub.cli.output import emit, say, tell
from hub.cli.session import Session, chosen_folder, talks
from hub.errors import HubError

app = typer.Typer(help="The configuration: check and show.", no_args_is_help=True)

FileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", help="The configuration; default: hub.toml in the data folder.", autocompletion=files
    ),
]


@app.command()
@talks
def check(session: Session, file: FileArgument = None) -> None:
    """Check a configuration and the settings of its plugins; one sentence for each mistake."""
    mistakes = [*_mistakes(file, session.data)]
    if session.json:
        emit(mistakes)
    elif not mistakes:
        say("The configuration is fine.")
    for mistake in mistakes:
        tell(mistake)
    if mistakes:
        raise typer.Exit(CommandError.exit_code)


@app.command()
@talks
def show(session: Session, file: FileArgument = None) -> None:
    """Show the configuration in force, secrets hidden: that of the running hub, or else of the file."""
    settings: dict[str, Any] | None = None
    if file is None:
        with suppress(UnreachableHubError):  # then the file tells what would be in force
            settings = session.client.call("hub.config", {})
    if settings is None:
        from hub import config  # noqa: PLC0415 - needed by nothing else here

        settings = config.show(config.load(file, _folder(session.data)))
    if session.json:
        emit(settings)
    else:
        for line in _lines(settings):
            say(line)


def _mistakes(file: Path | None, data: str | None) -> Iterator[str]:
    # Loaded here: the hub and its plugins cost time that no other command need pay.
    from hub import config  # noqa: PLC0415
    from hub.app import find_plugins  # noqa: PLC0415
    from hub.hosts.inside import load_class  # noqa: PLC0415
    from hub.plugin_manager import choose  # noqa: PLC0415
    from hub.plugin_order import start_order  # noqa: PLC0415

    try:
        settings = config.load(file, _folder(data))
    except HubError as error:
        yield str(error)
        return
    known, wrong = find_plugins(settings)
    yield from map(str, wrong)
    try:
        config.check_plugins(settings, known)
    except HubError as error:
        yield str(error)
    chosen = choose(known, known.keys() & {*settings.plugins.enable, *settings.plugin}, settings.plugins.disable)
    yield from start_order({one.id: one for one in chosen})[1].values()
    for one in chosen:
        try:
            if (struct := load_class(one).Config) is not None:
                config.section(settings, one.id, struct, one.config)
        except HubError as error:
            yield str(error)


def _folder(data: str | None) -> dict[str, Any]:
    folder = chosen_folder(data)
    return {"hub": {"data_dir": str(folder)}} if folder else {}


def _lines(settings: dict[str, Any]) -> Iterator[str]:
    """The settings as TOML; where they come from is a comment."""
    file = settings.get("file", "")
    yield f"# file: {file}" if Path(file).is_file() else "# no configuration file; defaults"
    for name, value in settings.items():
        if name == "plugin":
            for plugin, section in value.items():
                yield from _section(f"plugin.{plugin}", section)
        elif isinstance(value, dict):
            own = {"data_dir": settings["data_dir"]} if name == "hub" else {}
            yield from _section(name, value | own)


def _section(name: str, section: dict[str, Any]) -> Iterator[str]:
    yield from ("", f"[{name}]")
    for key, value in section.items():
        yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
