"""`hub status` and `hub plugins`: how the hub and its parts fare."""

import time
from typing import Annotated, Any

import typer

from hub.cli.errors import CommandError, UnreachableHubError
from hub.cli.names import PluginArgument
from hub.cli.output import emit, fields, lasting, number, say, table
from hub.cli.session import Session, talks
from hub.suggest import did_you_mean

_LIMIT_S = 60.0
_POLL_S = 0.2

_COUNTED = (
    *("published", "heard", "waiting", "dropped", "subscriptions", "services", "tasks"),
    *("written_bytes", "restarts", "errors", "blocked"),
)

EveryOption = Annotated[bool, typer.Option("--all", help="Those that are disabled, too.")]

plugins = typer.Typer(help="Plugins: what they do and cost; start, stop and change them.", no_args_is_help=True)


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
def list_plugins(session: Session, every: EveryOption = False) -> None:  # noqa: FBT002 - a flag
    """List the plugins that run or should, with what is wrong with them."""
    found: list[dict[str, Any]] = session.client.get("plugins")
    shown = [one for one in found if every or one["status"] != "disabled"]
    if session.json:
        emit(shown)
        return
    rows = [[one["id"], one["version"], _condition(one), _remark(one)] for one in shown]
    table(["Plugin", "Version", "Status", ""], rows, keep="Plugin", empty="There are no plugins.")


@plugins.command()
@talks
def show(session: Session, plugin: PluginArgument) -> None:
    """Show how a plugin fares and what it costs."""
    found: list[dict[str, Any]] = session.client.get("plugins")
    info = next((one for one in found if one["id"] == plugin), None)
    if info is None:
        close = did_you_mean(plugin, [one["id"] for one in found])
        raise CommandError(f"there is no plugin {plugin!r}{close}; `hub plugins list --all` shows all")
    statistics: dict[str, Any] = session.client.call("hub.statistics", {})
    cost: dict[str, Any] = next((one for one in statistics["plugins"] if one["id"] == plugin), {})
    if session.json:
        emit({**info, "statistics": cost})
        return
    offered = [one["name"] for one in statistics["services"] if one["owner"] == plugin]
    counted = [(key.removesuffix("_bytes").capitalize(), cost.get(key, 0)) for key in _COUNTED]
    fields(
        [
            ("Plugin", f"{plugin} {info['version']}, {info['origin']}"),
            ("Does", info["description"]),
            ("Status", _condition(info)),
            ("Why", info["reason"]),
            ("Newest error", info["trouble"]),
            ("Busy", f"{number(cost.get('busy_s', 0.0))} s"),
            *((name, str(count)) for name, count in counted if count),
            ("Offers", ", ".join(offered)),
        ]
    )


def _add_operation(name: str, wanted: str, doc: str) -> None:
    def operate(session: Session, plugin: PluginArgument) -> None:
        try:
            info = session.client.call(f"hub.{name}_plugin", {"plugin": plugin}, limit=_LIMIT_S)
        except UnreachableHubError:
            if wanted != "running":
                raise
            info = _once_back(session, plugin)  # the API that would have answered may itself be what was restarted
        if session.json:
            emit(info)
        elif info["status"] == wanted:
            say(f"{info['id']} is {wanted}")
        if info["status"] != wanted:
            raise CommandError(f"{info['id']} is {info['status']}: {info['reason'] or 'no reason given'}")

    operate.__doc__ = doc
    plugins.command(name)(talks(operate))


for _operation in (
    ("load", "running", "Look for plugins again, and start one that is new or was unloaded."),
    ("unload", "stopped", "Stop a plugin and those that require it, and forget its code."),
    ("reload", "running", "Stop a plugin, read its manifest and its code anew, and start it."),
    ("restart", "running", "Stop and start a plugin and those that require it."),
    ("enable", "running", "Let a plugin run, now and after the next start of the hub."),
    (
        "disable",
        "disabled",
        "Stop a plugin and those that require it, and leave it so after the next start of the hub.",
    ),
):
    _add_operation(*_operation)


def _once_back(session: Session, plugin: str) -> dict[str, Any]:
    deadline = time.monotonic() + _LIMIT_S / 4
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


def _remark(info: dict[str, Any]) -> str:
    """What is wrong with a plugin, or else what it does."""
    text: str = info["reason"] or info["trouble"] or info["description"]
    return text
