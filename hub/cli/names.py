"""Completion of names from the running hub: quick, or silent."""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from hub.cli.errors import CommandError
from hub.cli.session import Session

_PATIENCE_S = 0.7
_BLANKS = re.compile(r"[\W_]+")
_SWITCHED = ("on_off", "siren", "switch")

type Completer = Callable[[typer.Context, str], list[str]]
type Record = dict[str, Any]


def slug(name: str) -> str:
    """A name that a shell leaves in one piece: "Hall lamp" is hall-lamp."""
    return _BLANKS.sub("-", name.casefold()).strip("-")


def _asked(ctx: typer.Context, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON, empty if there is no answer
    try:
        return Session.of(ctx).client.get(path, patience=_PATIENCE_S, **query)
    except (CommandError, OSError):
        return ()


def _starting(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name and name.startswith(incomplete)})


def _completer(path: str, key: str) -> Completer:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        return _starting((one[key] for one in _asked(ctx, path)), incomplete)

    return complete


def _devices(ctx: typer.Context, incomplete: str) -> list[str]:
    """Slugs, as they need no quotes; what was begun otherwise may be a name as written, or an id."""
    found: list[Record] = _asked(ctx, "devices")
    slugs = _starting((slug(one["name"]) for one in found), incomplete)
    return slugs or _starting((name for one in found for name in (one["name"], one["id"])), incomplete)


def _paths(ctx: typer.Context, incomplete: str) -> list[str]:
    return _starting(_asked(ctx, "state", prefix=incomplete), incomplete)


def areas(ctx: typer.Context, incomplete: str) -> list[str]:
    """The areas that devices are in."""
    return _starting((one["area"] for one in _asked(ctx, "devices")), incomplete)


def labels_given(ctx: typer.Context, incomplete: str) -> list[str]:
    """The labels that devices have."""
    return _starting((label for one in _asked(ctx, "devices") for label in one["labels"]), incomplete)


def protocols(ctx: typer.Context, incomplete: str) -> list[str]:
    """The protocols that devices can speak here."""
    return _starting((path.partition("/")[2] for path in _asked(ctx, "state", prefix="protocol/")), incomplete)


def wishes(ctx: typer.Context, incomplete: str) -> list[str]:
    """What the command line's device can be told: `level=`, `on_off=on`, `toggle`."""
    wanted = str(ctx.params.get("device") or "")
    features = next((one["features"] for one in _asked(ctx, "devices") if _is_called(one, wanted)), ())
    return _starting((wish for one in features for wish in _wishes(one, incomplete)), incomplete)


def _is_called(record: Record, wanted: str) -> bool:
    return wanted == record["id"] or slug(wanted) == slug(record["name"])


def _wishes(feature: Record, incomplete: str) -> Iterable[str]:
    key, commands = feature["key"], feature.get("commands", ())
    yield from (command for command in commands if command != "set")
    if "set" in commands:
        values = ("on", "off") if feature["capability"] in _SWITCHED else feature.get("values", ())
        yield from (f"{key}={value}" for value in values if incomplete.startswith(f"{key}="))
        if not incomplete.startswith(f"{key}="):
            yield f"{key}="


DeviceArgument = Annotated[str, typer.Argument(help="A device's name or id.", autocompletion=_devices)]
ServiceArgument = Annotated[
    str, typer.Argument(help="A service's name.", autocompletion=_completer("services", "name"))
]
PluginArgument = Annotated[str, typer.Argument(help="A plugin's id.", autocompletion=_completer("plugins", "id"))]
PathArgument = Annotated[str, typer.Argument(help="Such as device/<id>/on_off.", autocompletion=_paths)]
PrefixArgument = Annotated[str, typer.Argument(help="Only paths that begin so.", autocompletion=_paths)]
PatternArgument = Annotated[
    str, typer.Argument(help="Path; + is one part, # the rest: device/+/on_off.", autocompletion=_paths)
]
