"""Reference pages taken from the code: configuration, commands, services and events."""

import inspect
import re
import types
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

import msgspec
import typer

import hub.cli
from hub import config
from hub.api import Plugin, event_type, service_limits
from hub.assembly import EVENTS, PLUGIN_SERVICES, SERVICES
from hub.backup.desk import SERVICES as BACKUP_SERVICES
from hub.cli.root import app
from hub.hosts.discovery import bundled
from hub.hosts.loading import load_class
from hub.manifest import Manifest, load
from hub.schema import Signature
from hub.types import PluginInfo, StateChanged

_CONFIGURATION = "Every key with its type and default; [here](../configuration.md) is where they may stand.\n"
_SERVICES = """Call them with `hub services call NAME key=value`, with `POST /api/v1/services/NAME`, or from a plugin or
an automation with `services.call`. JSON Schemas: `hub services list --json`.
"""
_PLAIN_EVENTS = {
    "hub.started": "The hub is up. Data: `version`, `startup_s` (s). Subject: `hub`.",
    "hub.stopping": "The hub begins to stop. Subject: `hub`.",
}


def configuration() -> str:
    """Every setting with its type and default."""
    parts = [
        "# Configuration\n",
        _CONFIGURATION,
    ]
    for name, section in (
        ("hub", config.HubSection),
        ("storage", config.StorageSection),
        ("log", config.LogSection),
        ("plugins", config.PluginsSection),
    ):
        parts.append(_settings(name, section, section.__doc__ or ""))
    for manifest, cls in _plugins():
        if cls.Config is not None:
            parts.append(_settings(f"plugin.{manifest.id}", cls.Config, cls.Config.__doc__ or ""))
    return "\n".join(parts)


def services() -> str:
    """Every service with its arguments."""
    own = {**SERVICES, **BACKUP_SERVICES, **PLUGIN_SERVICES}
    parts = [
        "# Services\n",
        _SERVICES,
        "## hub\n",
        *(_service(name, function) for name, function in sorted(own.items())),
    ]
    for manifest, cls in _plugins():
        offered = [
            _service(f"{manifest.id}.{name}", function)
            for name, function in inspect.getmembers_static(cls, callable)
            if service_limits(function) is not None
        ]
        parts += [f"## {manifest.id}\n", f"{manifest.description}\n", *offered] if offered else []
    return "\n".join(parts)


def events() -> str:
    """Every event type with its data."""
    found = {name: _event(struct, "hub") if struct else (_PLAIN_EVENTS[name], "hub") for name, struct in EVENTS.items()}
    found["state.changed"] = _event(StateChanged, "hub")
    found["plugin.status"] = _event(PluginInfo, "hub")
    for manifest, cls in _plugins():
        for struct in cls.emits:
            text, owners = _event(struct, manifest.id)
            known = found.get(event_type(struct))
            found[event_type(struct)] = (text, f"{known[1]}, {owners}" if known else owners)
    rows = [f"## {name}\n\n{text}\n\nFrom: {owner}\n" for name, (text, owner) in sorted(found.items())]
    return "\n".join(["# Events\n", "Follow them with `hub events tail` or the WebSocket `/api/v1/events`.\n", *rows])


def commands() -> str:
    """Every command of the command line with its options."""
    root = typer.main.get_command(app)
    return "\n".join(["# The `hub` command\n", inspect.getdoc(hub.cli) or "", "", *_command(root, "hub")])


def _plugins() -> Iterator[tuple[Manifest, type[Plugin]]]:
    for manifest in sorted(map(load, bundled()), key=lambda one: one.id):
        yield manifest, load_class(manifest)


def _settings(section: str, struct: type[msgspec.Struct], doc: str) -> str:
    hints = get_type_hints(struct)
    rows = [f"| `{field.name}` | {_type(hints[field.name])} | {_default(field)} |" for field in _fields(struct)]
    table = ["| key | type | default |", "| --- | --- | --- |", *rows] if rows else ["It has no settings."]
    return "\n".join([f"## [{section}]\n", inspect.cleandoc(doc), "", *table, ""])


def _service(name: str, function: Callable[..., Any]) -> str:
    bound = types.MethodType(function, object())
    signature = Signature(bound, name)
    arguments, _ = signature.schemas()
    required = set(arguments.get("required", ()))
    hints = get_type_hints(function)
    given = ", ".join(
        f"`{one}`: {_type(hints[one])}{'' if one in required else ', optional'}" for one in signature.names
    )
    answer = _type(hints.get("return", Any))
    lines = [f"### {name}\n", inspect.getdoc(function) or "", "", f"Arguments: {given or 'none'}. Answer: {answer}.\n"]
    return "\n".join(lines)


def _event(struct: type[msgspec.Struct], owner: str) -> tuple[str, str]:
    hints = get_type_hints(struct)
    data = ", ".join(f"`{field.name}`: {_type(hints[field.name])}" for field in _fields(struct))
    return f"{inspect.getdoc(struct)}\n\nData: {data}", owner


def _command(command: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - click's command
    context = typer.Context(command)
    children = {name: command.get_command(context, name) for name in getattr(command, "list_commands", _none)(context)}
    if not children:
        yield f"## {path}\n"
        yield f"{inspect.cleandoc(command.help or '')}\n"
        rows = [_parameter(one) for one in command.params if one.name != "help"]
        yield "\n".join(["| option | what |", "| --- | --- |", *rows, ""]) if rows else ""
    for name in sorted(children):
        yield from _command(children[name], f"{path} {name}")


def _none(_: typer.Context) -> list[str]:
    return []


def _parameter(one: Any) -> str:  # noqa: ANN401 - click's parameter
    name = ", ".join(one.opts) if one.param_type_name == "option" else (one.metavar or str(one.name).upper())
    return f"| `{name}` | {(getattr(one, 'help', '') or '').replace('|', '/')} |"


def _fields(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(struct)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(msgspec.to_builtins(field.default)).decode()}`"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(msgspec.to_builtins(field.default_factory())).decode()}`"
    return "needed"


def _type(kind: Any) -> str:  # noqa: ANN401 - any annotation
    text = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
    text = "nothing" if text == "NoneType" else text
    return re.sub(r"(?:\w+\.)+(\w)", r"\1", text).replace("|", "or")
