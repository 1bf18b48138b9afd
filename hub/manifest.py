"""A plugin's manifest, `plugin.toml`."""

import re
from collections.abc import Iterator
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from hub.api import API_VERSION
from hub.config.document import KeyPath, fit, read_toml
from hub.errors import ConfigError, ManifestError
from hub.patterns import PatternError, subject_matcher, type_matcher

FILE_NAME = "plugin.toml"

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ENTRY = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")
_SIGNS = {">=": ge, "<=": le, "==": eq, "!=": ne, ">": gt, "<": lt}
_CLAUSE = re.compile(rf"\s*({'|'.join(_SIGNS)})\s*({_VERSION.pattern})\s*")
_RANGE = re.compile(rf"\s*\*?\s*|{_CLAUSE.pattern}(?:,{_CLAUSE.pattern})*")

type Origin = Literal["bundled", "user", "installed"]


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin that does not come with the hub asks to do; what it does not name is refused.

    `publish` and `hear` are patterns of event types, `call` and `offer` of service names, `read` and `write` of state
    subjects, with `*` for any; `files` are folders.
    """

    publish: list[str] = []
    hear: list[str] = []
    call: list[str] = []
    offer: list[str] = []
    read: list[str] = []
    write: list[str] = []
    network: bool = False
    serial: bool = False
    files: list[str] = []


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a plugin's events and states the journal keeps longest, and which it drops first.

    Each is an event type, or a type and a subject: `"state.changed device/+/smoke"`. The hub's own configuration wins.
    """

    alarm: list[str] = []
    bulk: list[str] = []


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    version: str
    api: str
    entry: str
    commands: str = ""
    description: Annotated[str, msgspec.Meta(max_length=500)] = ""
    requires: dict[str, str] = {}
    after: list[str] = []
    isolation: Literal["inside"] = "inside"
    enabled: bool = True
    config: dict[str, Any] = {}
    permissions: Permissions = Permissions()
    journal: Kept = Kept()


class Manifest(_Written, frozen=True, kw_only=True):
    """What a plugin says of itself, the folder it was found in, and whether it comes with the hub.

    `entry` is `module:Class`; `commands` is `module:app`, a typer app that becomes `hub <id>`. `requires` maps ids to
    version ranges; `after` is only a wish for the order. `enabled` says whether it runs without being named in the
    configuration. `config` are defaults of its settings.
    """

    folder: Path
    origin: Origin = "bundled"


def load(folder: Path, origin: Origin = "bundled") -> Manifest:
    """Read and check the manifest in a plugin's folder. Raises ManifestError."""
    try:
        source = read_toml(folder / FILE_NAME)
        written = fit(_Written, source.tables, source.where)
    except ConfigError as error:
        raise ManifestError(str(error).removeprefix(f"{error.where}: "), where=error.where) from error
    for holds, keys, mistake in _rules(written):
        if not holds:
            raise ManifestError(mistake, where=source.where(keys))
    return Manifest(folder=folder, origin=origin, **msgspec.structs.asdict(written))


def satisfies(version: str, wanted: str) -> bool:
    """Say whether a version of numbers and dots lies in a range like `>=0.1,<1`; `*` and the empty range are any.

    Missing parts are 0, so 1 is 1.0. Both are well-formed, as they are in a manifest that was loaded.
    """
    own = _parts(version)
    return all(_SIGNS[sign](own, _parts(bound)) for sign, bound in _CLAUSE.findall(wanted))


def _rules(one: _Written) -> Iterator[tuple[object, KeyPath, str]]:
    """What a manifest is held to beyond its types: whether it holds, the key, and what to say if it does not."""
    wrong_api = f'this hub has plugin API "{API_VERSION}", not "{one.api}"; write api = "{API_VERSION}"'
    yield one.api == API_VERSION, ("api",), f"{wrong_api} or take a version of the plugin made for it"
    wrong_version = f'{one.version!r} is not a version; write numbers and dots like "0.1.0"'
    yield _VERSION.fullmatch(one.version), ("version",), wrong_version
    yield _ENTRY.fullmatch(one.entry), ("entry",), f'{one.entry!r} names no class; write "module:Class"'
    wrong_commands = f'{one.commands!r} names no typer app; write "module:app"'
    yield not one.commands or _ENTRY.fullmatch(one.commands), ("commands",), wrong_commands
    yield one.id != "hub", ("id",), '"hub" is the hub itself; choose another id'
    named: list[tuple[str, KeyPath]] = [(one.id, ("id",)), *((name, ("after",)) for name in one.after)]
    for name, keys in (*named, *((name, ("requires", name)) for name in one.requires)):
        yield _ID.fullmatch(name), keys, f"{name!r} is not an id; use a letter a-z first, then letters, digits and _"
    for name, wanted in one.requires.items():
        wrong_range = f'{wanted!r} is not a version range; write a range like ">=0.1,<1", or "*" for any'
        yield _RANGE.fullmatch(wanted), ("requires", name), wrong_range
    for key in ("alarm", "bulk"):
        for rule in getattr(one.journal, key):
            yield _is_rule(rule), ("journal", key), f"{rule!r} is not an event type, or a type and a subject"


def _is_rule(rule: str) -> bool:
    type_, _, subject = rule.partition(" ")
    try:
        type_matcher(type_)
        subject_matcher(subject or "#")
    except PatternError:
        return False
    return True


def _parts(version: str) -> list[int]:
    parts = [int(part) for part in version.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return parts
