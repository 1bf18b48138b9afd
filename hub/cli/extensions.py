"""The commands that plugins bring: `hub <plugin> ...`, named in a manifest and imported when they are asked for."""

from collections.abc import Iterator
from importlib import import_module
from typing import override

import typer
from typer._click.core import Command, Context
from typer.core import TyperGroup

from hub.cli.errors import CommandError
from hub.errors import ManifestError
from hub.hosts.discovery import folders
from hub.manifest import Manifest, load


class Commands(TyperGroup):
    """The hub's own commands, and behind them those of the plugins that come with it or are installed."""

    @override
    def list_commands(self, ctx: Context) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *sorted({one.id for one in _bringing()} - {*own})]

    @override
    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        bringing = next((one for one in _bringing() if one.id == cmd_name), None)
        return None if bringing is None else _loaded(bringing)


def _bringing() -> Iterator[Manifest]:
    """The plugins that bring commands; a broken manifest is for `hub plugins list` to tell."""
    for folder in folders():
        try:
            manifest = load(folder)
        except ManifestError:
            continue
        if manifest.commands:
            yield manifest


def _loaded(manifest: Manifest) -> Command:
    module, _, name = manifest.commands.partition(":")
    try:
        app = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise CommandError(f"the commands of {manifest.id} cannot be loaded from {module}: {error}") from error
    if not isinstance(app, typer.Typer):
        raise CommandError(f"the commands of {manifest.id} are not a typer app: {manifest.commands}")
    command = typer.main.get_group(app)
    command.name = manifest.id
    return command
