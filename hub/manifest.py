"""A plugin's manifest, `plugin.toml`, and the search for plugins in folders."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from hub.api import API_VERSION
from hub.config.document import KeyPath, Source, fit, read_toml
from hub.errors import ConfigError, ManifestError

FILE_NAME = "plugin.toml"

_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ENTRY = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")
_CLAUSE = re.compile(rf"(>=|<=|==|!=|>|<)\s*({_VERSION.pattern})")
_ID_RULE = "use a letter a-z first, then letters, digits and _"
_RANGE_RULE = 'write a range like ">=0.1,<1", or "*" for any'


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    version: str
    api: str
    entry: str
    description: Annotated[str, msgspec.Meta(max_length=500)] = ""
    requires: dict[str, str] = {}
    after: list[str] = []
    isolation: Literal["inside"] = "inside"
    enabled: bool = True
    config: dict[str, Any] = {}
    permissions: dict[str, Any] = {}


class Manifest(_Written, frozen=True, kw_only=True):
    """What a plugin says of itself, and the folder it was found in.

    `entry` is `module:Class`. `requires` maps ids to version ranges; `after` is only a wish for the order. `enabled`
    says whether it runs without being named in the configuration. `config` are defaults of its settings.
    """

    folder: Path


def load(folder: Path) -> Manifest:
    """Read and check the manifest in a plugin's folder. Raises ManifestError."""
    try:
        source = read_toml(folder / FILE_NAME)
        written = fit(_Written, source.tables, source.where)
    except ConfigError as error:
        raise ManifestError(str(error).removeprefix(f"{error.where}: "), where=error.where) from error
    _check(written, source)
    _check_names(written, source)
    return Manifest(folder=folder, **msgspec.structs.asdict(written))


def discover(folders: Iterable[Path]) -> tuple[list[Manifest], list[ManifestError]]:
    """Find the plugins whose folders lie in `folders`, by id, and what is wrong with the others.

    Of two with one id the first found counts, and the other is an error that names both.
    """
    found: dict[str, Manifest] = {}
    errors: list[ManifestError] = []
    for parent in folders:
        try:
            candidates = sorted(folder for folder in parent.iterdir() if (folder / FILE_NAME).is_file())
        except OSError as error:
            errors.append(
                ManifestError(
                    f"no plugins can be read here: {error.strerror}; mend [hub] plugin_dirs", where=str(parent)
                )
            )
            continue
        for folder in candidates:
            try:
                manifest = load(folder)
            except ManifestError as error:
                errors.append(error)
                continue
            first = found.setdefault(manifest.id, manifest)
            if first.folder.resolve() != folder.resolve():
                errors.append(_twice(manifest, first))
    return [found[name] for name in sorted(found)], errors


def satisfies(version: str, wanted: str) -> bool:
    """Say whether a version of numbers and dots lies in a range like `>=0.1,<1`; `*` and the empty range are any.

    Missing parts are 0, so 1 is 1.0. Raises ValueError when either is malformed.
    """
    return all(_holds(_parts(version), sign, _parts(bound)) for sign, bound in _clauses(wanted))


def _check(written: _Written, source: Source) -> None:
    if written.api != API_VERSION:
        raise _refusal(
            source,
            f'this hub has plugin API "{API_VERSION}", not "{written.api}";'
            f' write api = "{API_VERSION}" or take a version of the plugin made for it',
            "api",
        )
    if not _VERSION.fullmatch(written.version):
        raise _refusal(source, f'{written.version!r} is not a version; write numbers and dots like "0.1.0"', "version")
    if not _ENTRY.fullmatch(written.entry):
        raise _refusal(source, f'{written.entry!r} names no class; write "module:Class"', "entry")


def _check_names(written: _Written, source: Source) -> None:
    named: list[tuple[str, KeyPath]] = [(written.id, ("id",))]
    named += [(name, ("after",)) for name in written.after]
    named += [(name, ("requires", name)) for name in written.requires]
    for name, keys in named:
        if not _ID.fullmatch(name):
            raise _refusal(source, f"{name!r} is not an id; {_ID_RULE}", *keys)
    if written.id == "hub":
        raise _refusal(source, '"hub" is the hub itself; choose another id', "id")
    for name, wanted in written.requires.items():
        try:
            _clauses(wanted)
        except ValueError:
            raise _refusal(source, f"{wanted!r} is not a version range; {_RANGE_RULE}", "requires", name) from None


def _refusal(source: Source, message: str, *keys: str) -> ManifestError:
    return ManifestError(message, where=source.where(keys))


def _twice(second: Manifest, first: Manifest) -> ManifestError:
    return ManifestError(
        f"plugin {second.id!r} is there twice, in {first.folder} and in {second.folder};"
        " the first runs: take one away or rename it",
        where=f"{second.folder / FILE_NAME}: id",
    )


def _clauses(wanted: str) -> list[tuple[str, str]]:
    if wanted.strip() in {"", "*"}:
        return []
    clauses = [_CLAUSE.fullmatch(clause.strip()) for clause in wanted.split(",")]
    if None in clauses:
        raise ValueError(f"{wanted!r} is not a version range; {_RANGE_RULE}")
    return [(clause[1], clause[2]) for clause in clauses if clause]


def _parts(version: str) -> tuple[int, ...]:
    if not _VERSION.fullmatch(version):
        raise ValueError(f'{version!r} is not a version; write numbers and dots like "0.1.0"')
    parts = [int(part) for part in version.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _holds(version: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    return {
        ">=": version >= bound,
        "<=": version <= bound,
        ">": version > bound,
        "<": version < bound,
        "==": version == bound,
        "!=": version != bound,
    }[sign]
