"""A TOML file and what a struct makes of it, with errors that name file, line and key."""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from hub.errors import ConfigError
from hub.suggest import did_you_mean

type Table = dict[str, Any]
type KeyPath = tuple[str, ...]
type Where = Callable[[KeyPath], str]
type Hook = Callable[[type[Any], Any], Any]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SYNTAX_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")
_FAULT = re.compile(r"(.*?)(?: - at `(?:key in )?\$([^`]*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z_]\w*)")
_MISSING = re.compile(r"Object missing required field `(.+)`")
_SIZE_LIMIT = 1024 * 1024
NUL = re.compile(r"\0|\\u0000|\\U00000000")
"""The character that no path, name or address may hold, as it is or as TOML writes it."""


class Source(msgspec.Struct, frozen=True):
    """Settings as read from one place; in a file, which has a text, the line of each is known."""

    place: str
    text: str = ""
    tables: Table = {}

    def where(self, keys: KeyPath) -> str:
        """Name file, line and key: `hub.toml:12: [plugin.zigbee] baud`."""
        place = self.place
        if line := self.line(keys):
            place += f":{line}"
        return dotted(keys, place)

    def line(self, keys: KeyPath) -> int:
        """Find the line on which a key, or else its nearest parent, begins; 0 when there is none.

        The parser itself looks for it, in ever smaller beginnings of the text, so every way to write a key is known.
        """
        while keys and not contains(self.tables, keys):
            keys = keys[:-1]
        if not keys or not self.text:
            return 0
        lines = self.text.split("\n")
        first = bisect_left(range(len(lines)), True, key=lambda count: contains(_whole(lines, count)[1], keys))
        return _whole(lines, first - 1)[0] + 1


def read_text(path: Path, limit: int, where: str) -> str:
    """Read a text of at most `limit` bytes; `where` names it. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as error:
        raise unreadable(where, error) from error
    if len(raw) > limit:
        raise ConfigError(f"is larger than {limit} bytes; this cannot be meant", where=where)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8; save it as UTF-8", where=f"{where}:{line}") from error
    if nul := NUL.search(text):
        line = text.count("\n", 0, nul.start()) + 1
        raise ConfigError("a text must not hold the character NUL; take it out", where=f"{where}:{line}")
    return text


def read_toml(path: Path) -> Source:
    """Read a TOML file of at most 1 MiB. Raises ConfigError."""
    text = read_text(path, _SIZE_LIMIT, str(path))
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        place = _SYNTAX_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
        what = _SYNTAX_PLACE.sub("", str(error))
        raise ConfigError(f"is not TOML here: {what}; texts stand in quotes", where=f"{path}:{line}") from error
    return Source(str(path), text, tables)


def unreadable(where: str, error: OSError) -> ConfigError:
    """The refusal of a file or a folder."""
    mend = "make it readable for the hub's user" if isinstance(error, PermissionError) else "name a file that is there"
    return ConfigError(f"cannot be read: {error.strerror}; {mend}", where=where)


def fit[S: msgspec.Struct](struct: type[S], table: Table, where: Where, hook: Hook | None = None) -> S:
    """Make a struct of a table; a key it does not know is an error, on every level. Raises ConfigError."""
    _refuse_unknown(struct, table, where)
    try:
        made = msgspec.convert(table, struct, dec_hook=hook)
    except msgspec.ValidationError as error:
        fault = _FAULT.fullmatch(str(error))
        what, at = fault.groups("") if fault else (str(error), "")
        keys = tuple(_STEP.findall(at.split("[")[0]))
        if missing := _MISSING.fullmatch(what):
            raise ConfigError("is missing; add it", where=where((*keys, missing[1]))) from error
        allowed = _choices(struct, keys)
        plain = what[:1].lower() + what[1:].replace("`", "").replace("object", "table")
        raise ConfigError(f"{plain}; use one of {allowed}" if allowed else plain, where=where(keys)) from error
    except Exception as error:  # a plugin's own check
        raise ConfigError(f"is refused with {type(error).__name__}: {error}", where=where(())) from error
    _refuse_unknown(made, table, where)
    return made


def _refuse_unknown(made: Any, written: object, where: Where, at: KeyPath = ()) -> None:  # noqa: ANN401 - any value
    """Compare what was made, or is to be, with what was written: msgspec passes over keys it does not know."""
    if isinstance(written, dict):
        if isinstance(made, msgspec.Struct | type):
            made = {field.encode_name: getattr(made, field.name) for field in msgspec.structs.fields(made)}
            if unknown := [key for key in written if key not in made]:
                raise ConfigError(f"is not a known key{hint(unknown[0], made)}", where=where((*at, unknown[0])))
        if isinstance(made, dict):
            for key, value in written.items():
                _refuse_unknown(made.get(key), value, where, (*at, key))
    elif isinstance(written, list) and isinstance(made, list | tuple):
        for one, value in zip(made, written, strict=False):
            _refuse_unknown(one, value, where, at)


def _choices(struct: type[msgspec.Struct], keys: KeyPath) -> str:
    """List what a key may be, if it is one of a few words."""
    kind: object = struct
    for key in keys:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return ""
        kind = next((field.type for field in msgspec.structs.fields(kind) if field.encode_name == key), None)
    while get_origin(kind) in {dict, list}:
        kind = get_args(kind)[-1]
    return ", ".join(map(str, get_args(kind))) if get_origin(kind) is Literal else ""


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


def _whole(lines: list[str], count: int) -> tuple[int, Table]:
    """Parse the longest beginning of at most `count` lines that is whole TOML."""
    while count:
        try:
            return count, tomllib.loads("\n".join([*lines[:count], ""]))
        except tomllib.TOMLDecodeError:
            count -= 1
    return 0, {}
