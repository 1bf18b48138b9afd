"""A TOML file and what a struct makes of it, with errors that name file, line and key."""

import re
import tomllib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from hub.errors import ConfigError
from hub.suggest import did_you_mean

type Table = dict[str, Any]
type KeyPath = tuple[str, ...]
type Where = Callable[[KeyPath], str]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SYNTAX_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_FAULT = re.compile(r"(.*?)(?: - at `(?:key in )?\$([^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_]\w*)")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_SIZE_LIMIT = 1024 * 1024


class Source(msgspec.Struct, frozen=True):
    """A TOML file as read: its tables, and where in it a key stands."""

    path: Path
    text: str = ""
    tables: Table = {}

    def where(self, keys: KeyPath) -> str:
        """Name file, line and key: `hub.toml:12: [plugin.zigbee] baud`."""
        place = str(self.path)
        if line := self.line(keys):
            place += f":{line}"
        return dotted(keys, place)

    def line(self, keys: KeyPath) -> int:
        """Find the line on which a key, or else its nearest parent, begins; 0 when there is none.

        The parser itself looks for it, in ever smaller beginnings of the text, so every way to write a key is known.
        """
        while keys and not contains(self.tables, keys):
            keys = keys[:-1]
        if not keys:
            return 0
        lines = self.text.split("\n")
        without, within = 0, len(lines)
        while within - without > 1:
            middle = (without + within) // 2
            if contains(_whole(lines, middle)[1], keys):
                within = middle
            else:
                without = middle
        return _whole(lines, within - 1)[0] + 1


def read_toml(path: Path) -> Source:
    """Read a TOML file of at most 1 MiB. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(_SIZE_LIMIT + 1)
    except OSError as error:
        mend = (
            "make it readable for the hub's user" if isinstance(error, PermissionError) else "name a file that is there"
        )
        raise ConfigError(f"cannot be read: {error.strerror}; {mend}", where=str(path)) from error
    if len(raw) > _SIZE_LIMIT:
        raise ConfigError(f"is larger than {_SIZE_LIMIT} bytes; this cannot be meant", where=str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8; save it as UTF-8", where=f"{path}:{line}") from error
    try:
        source = Source(path, text, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = _SYNTAX_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
        what = _SYNTAX_PLACE.sub("", str(error))
        raise ConfigError(f"is not TOML here: {what}; texts stand in quotes", where=f"{path}:{line}") from error
    if keys := _with_nul(source.tables):
        raise ConfigError("a text must not hold the character NUL; take it out", where=source.where(keys))
    return source


def fit[S: msgspec.Struct](
    struct: type[S],
    table: Table,
    where: Where,
    hook: Callable[[type[Any], Any], Any] | None = None,
) -> S:
    """Make a struct of a table; a key it does not know is an error, on every level. Raises ConfigError."""
    _refuse_unknown(struct, table, (), where)
    try:
        made = msgspec.convert(table, struct, dec_hook=hook)
    except msgspec.ValidationError as error:
        fault = _FAULT.fullmatch(str(error))
        what, at = fault.groups("") if fault else (str(error), "")
        keys = tuple(_STEP.findall(at.split("[")[0]))
        if missing := _MISSING.fullmatch(what):
            raise ConfigError("is missing; add it", where=where((*keys, missing[1]))) from error
        allowed = _choices(struct, keys)
        raise ConfigError(_plain(what) + (f"; use one of {allowed}" if allowed else ""), where=where(keys)) from error
    _refuse_unknown_inside(made, table, (), where)
    return made


def _refuse_unknown(struct: type[msgspec.Struct], table: Table, at: KeyPath, where: Where) -> None:
    known = [field.encode_name for field in msgspec.structs.fields(struct)]
    for key in table:
        if key not in known:
            raise ConfigError(f"is not a known key{hint(key, known)}", where=where((*at, key)))


def _refuse_unknown_inside(made: object, table: object, at: KeyPath, where: Where) -> None:
    """Compare what was made with what was written, since msgspec passes over keys it does not know."""
    pairs: list[tuple[str, object, object]] = []
    if isinstance(made, msgspec.Struct) and isinstance(table, dict):
        _refuse_unknown(type(made), table, at, where)
        fields = {field.encode_name: field.name for field in msgspec.structs.fields(made)}
        pairs = [(key, getattr(made, fields[key]), value) for key, value in table.items()]
    elif isinstance(made, dict) and isinstance(table, dict):
        pairs = [(key, made.get(key), value) for key, value in table.items()]
    elif isinstance(made, list | tuple) and isinstance(table, list):
        pairs = [("", item, value) for item, value in zip(made, table, strict=False)]
    for key, inner, value in pairs:
        _refuse_unknown_inside(inner, value, (*at, key) if key else at, where)


def _choices(struct: type[msgspec.Struct], keys: KeyPath) -> str:
    """List what a key may be, if it is one of a few words."""
    kind: object = struct
    for key in keys:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return ""
        kind = next((field.type for field in msgspec.structs.fields(kind) if field.encode_name == key), None)
    return ", ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else ""


def _plain(fault: str) -> str:
    text = fault.replace("`", "").replace("object", "table")
    return text[:1].lower() + text[1:]


def hint(name: str, known: Collection[str]) -> str:
    """End a sentence about an unknown name: what was meant, perhaps, or what there is."""
    return did_you_mean(name, known) or f"; known are {', '.join(sorted(known)) or 'none'}"


def dotted(keys: KeyPath, place: str) -> str:
    """Write a key behind its place: `place: [table] key`."""
    if not keys:
        return place
    *tables, key = [key if _BARE_KEY.fullmatch(key) else f'"{key}"' for key in keys]
    return f"{place}: [{'.'.join(tables)}] {key}" if tables else f"{place}: {key}"


def contains(tables: object, keys: KeyPath) -> bool:
    """Say whether the tables have the key."""
    for key in keys:
        if not isinstance(tables, dict) or key not in tables:
            return False
        tables = tables[key]
    return True


def _with_nul(value: object) -> KeyPath | None:
    """Find a text with a NUL, which no path, name or address may hold."""
    if isinstance(value, dict):
        found = [(key, *at) for key, inner in value.items() if (at := _with_nul(inner)) is not None]
    elif isinstance(value, list):
        found = [at for inner in value if (at := _with_nul(inner)) is not None]
    else:
        found = [()] if isinstance(value, str) and "\0" in value else []
    return found[0] if found else None


def _whole(lines: list[str], count: int) -> tuple[int, Table]:
    """Parse the longest beginning of at most `count` lines that is whole TOML."""
    while count:
        try:
            return count, tomllib.loads("\n".join([*lines[:count], ""]))
        except tomllib.TOMLDecodeError:
            count -= 1
    return 0, {}
