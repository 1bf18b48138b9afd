"""`hub config`: check the configuration, show the one in force, and have the hub read it again."""

import json
import re
import time
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

_RELOAD_S = 60.0
_POLL_S = 0.2
_BARE = re.compile(r"[A-Za-z0-9_-]+")

app = typer.Typer(help="The configuration: check, show and reload.", no_args_is_help=True)

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

        settings = config.show(config.load(file, data=chosen_folder(session.data)))
    if session.json:
        emit(settings)
    else:
        for line in _lines(settings):
            say(line)


@app.command()
@talks
def reload(session: Session) -> None:
    """Have the hub read its configuration again; plugins with new settings are restarted."""
    session.client.get("health")
    try:
        done = session.client.call("hub.reload_config", {}, limit=_RELOAD_S)
    except UnreachableHubError:
        _wait_for(session)
        done = None
    if session.json:
        emit(done)
    elif done is None:
        say("The configuration was read again, and the API was restarted with it; `hub plugins list` shows the rest.")
    else:
        say(f"The configuration was read again; changed plugins: {', '.join(done['plugins']) or 'none'}.")
        if done["needs_restart"]:
            say(f"What changed waits for the next start of the hub: {', '.join(done['needs_restart'])}.")


def _wait_for(session: Session) -> None:
    """Until the API, which was itself restarted, answers again."""
    deadline = time.monotonic() + _RELOAD_S / 4
    while True:
        try:
            session.client.get("health")
        except UnreachableHubError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return


def _mistakes(file: Path | None, data: str | None) -> Iterator[str]:
    # Loaded here: the hub and its plugins cost time that no other command need pay.
    from hub import config  # noqa: PLC0415
    from hub.hosts.discovery import check_names, find_plugins  # noqa: PLC0415
    from hub.hosts.loading import load_class  # noqa: PLC0415
    from hub.hosts.order import choose, start_order  # noqa: PLC0415

    try:
        settings = config.load(file, data=chosen_folder(data))
    except HubError as error:
        yield str(error)
        return
    for warning in settings.sources.warnings:
        tell(warning)
    known, wrong = find_plugins(settings)
    yield from map(str, wrong)
    try:
        check_names(settings, (known, wrong))
    except HubError as error:
        yield str(error)
    chosen = choose(known, settings.wanted, settings.plugins.disable)
    yield from start_order({one.id: one for one in chosen}, known)[1].values()
    for one in chosen:
        try:
            config.section(settings, one.id, load_class(one).Config, one.config)
        except HubError as error:
            yield str(error)


def _lines(settings: dict[str, Any]) -> Iterator[str]:
    """The settings as TOML; where they come from is a comment."""
    yield from (f"# file: {one}" for one in settings.get("files", ()))
    if not settings.get("files"):
        yield "# no configuration file; defaults"
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
        yield f"{_key(key)} = {_toml(value)}"


def _toml(value: Any) -> str:  # noqa: ANN401 - TOML values
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_toml(one)}' for key, one in value.items())} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool | int | float) else str(value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)
