"""`hub status` and `hub plugins`: how the hub and its parts fare."""

import time
from typing import Any

import typer

from hub.cli.errors import CommandError, UnreachableHubError
from hub.cli.names import PluginArgument
from hub.cli.output import emit, fields, lasting, say, table
from hub.cli.session import Session, talks

_RESTART_S = 60.0
_POLL_S = 0.2

plugins = typer.Typer(help="Plugins: list and restart.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.add_typer(plugins, name="plugins")


@talks
def status(session: Session) -> None:
    """Show how the hub fares."""
    health: dict[str, Any] = session.client.get("health")
    protocols: dict[str, dict[str, Any]] = session.client.get("state", prefix="protocol/")
    if session.json:
        emit({**health, "protocols": {path.partition("/")[2]: one["value"] for path, one in protocols.items()}})
        return
    counts = ", ".join(f"{count} {name}" for name, count in sorted(health["plugins"].items()))
    pairs = [
        ("Hub", f"{health['name']}, {health['status']}"),
        ("Version", health["version"]),
        ("Up", lasting(health["uptime_s"])),
        ("Process", f"{health['pid']}, {health['rss_mib']:g} MiB"),
        ("Data", health["data_dir"]),
        ("Plugins", counts),
    ]
    for path, entry in protocols.items():
        value = entry["value"]
        name = path.partition("/")[2].capitalize()
        pairs.append((name, " - ".join(filter(None, (value["status"], value.get("reason", ""))))))
    fields(pairs)


@plugins.command("list")
@talks
def list_plugins(session: Session) -> None:
    """List the plugins."""
    found: list[dict[str, Any]] = session.client.get("plugins")
    if session.json:
        emit(found)
        return
    rows = [[one["id"], one["version"], _condition(one), one["reason"] or one["description"]] for one in found]
    table(["Plugin", "Version", "Status", ""], rows, keep="Plugin", empty="There are no plugins.")


@plugins.command()
@talks
def restart(session: Session, plugin: PluginArgument) -> None:
    """Stop and start a plugin and those that require it."""
    try:
        info = session.client.call("hub.restart_plugin", {"plugin": plugin}, limit=_RESTART_S)
    except UnreachableHubError:
        # The API that would have answered may itself be what was restarted.
        info = _once_back(session, plugin)
    if session.json:
        emit(info)
    elif info["status"] == "running":
        say(f"{info['id']} is running")
    if info["status"] != "running":
        raise CommandError(f"{info['id']} is {info['status']}: {info['reason'] or 'no reason given'}")


def _once_back(session: Session, plugin: str) -> dict[str, Any]:
    deadline = time.monotonic() + _RESTART_S / 4
    while True:
        try:
            found: list[dict[str, Any]] = session.client.get("plugins")
        except UnreachableHubError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
        else:
            return next(one for one in found if one["id"] == plugin)


def _condition(info: dict[str, Any]) -> str:
    counts = [f"{info[name]} {name}" for name in ("restarts", "errors") if info[name]]
    return ", ".join([info["status"], *counts])
