"""What a configuration is read from: files, the environment, the command line; and how one lies over another."""

import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from hub.config.document import NUL, KeyPath, Source, Table, contains, dotted, read_text, read_toml, unreadable
from hub.errors import ConfigError

_VARIABLE = re.compile(r"HUB_(.+?__.+)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SECRET_LIMIT = 64 * 1024


class Sources:
    """All sources: the main file, drop-ins by name, variables, the command line. A later one wins, key by key.

    `{ from_file = "path" }` stands for the text of a file, which lies in systemd's folder of credentials, or else
    relative to the file that names it. Raises ConfigError.
    """

    def __init__(self, main: Source, overrides: Table, environ: Mapping[str, str]) -> None:
        self.files = [Path(main.place)] if main.text or main.tables else []
        self.secrets: set[str] = set()
        self.warnings: list[str] = []
        self._credentials = environ.get("CREDENTIALS_DIRECTORY")
        self._main = Path(main.place)
        extra = _drop_ins(self._main.with_suffix(".d"))
        self.files += [Path(one.place) for one in extra]
        written = [(one, Path(one.place).parent) for one in (main, *extra)]
        written += [(one, self._main.parent) for one in _variables(environ)]
        self.written = [replace(one, tables=self._filled(one, folder, one.tables)) for one, folder in written]
        self._all = [*self.written, Source("the command line", tables=overrides)]
        self.tables: Table = {}
        for one in self._all:
            self.tables = merged(self.tables, one.tables)

    def where(self, keys: KeyPath) -> str:
        """Name the place of a key: where it was said last, or else the table that lacks it, or else the main file."""
        for length in range(len(keys), min(len(keys) - 1, 1), -1):
            for source in reversed(self._all):
                if contains(source.tables, keys[:length]):
                    return source.where(keys)
        return dotted(keys, str(self._main))

    def _filled(self, source: Source, folder: Path, value: Any, keys: KeyPath = ()) -> Any:  # noqa: ANN401 - TOML values
        if isinstance(value, list):
            return [self._filled(source, folder, one, keys) for one in value]
        if not isinstance(value, dict):
            return value
        if "from_file" not in value:
            return {key: self._filled(source, folder, one, (*keys, key)) for key, one in value.items()}
        where, name = source.where(keys), value["from_file"]
        if len(value) > 1 or not isinstance(name, str):
            raise ConfigError('write { from_file = "path" } and nothing else', where=where)
        path = absolute(name, folder, where)
        if self._credentials and (given := Path(self._credentials, name)).is_file():
            path = given
        text = read_text(path, _SECRET_LIMIT, f"{where}: {path}").rstrip("\r\n")
        if path.stat().st_mode & stat.S_IROTH:
            self.warnings.append(f"{where}: anybody may read {path}; take that away with chmod o-r")
        self.secrets |= {text} - {""}
        self.files.append(path)
        return text


def merged(below: Table, above: Table) -> Table:
    """Lay tables over tables, key by key; whatever is no table is replaced as a whole."""
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def absolute(name: str | Path, folder: Path, where: str = "") -> Path:
    """A path that may begin with a home folder and is relative to `folder`. Raises ConfigError."""
    try:
        return (folder / Path(name).expanduser()).absolute()
    except RuntimeError as error:
        raise ConfigError(f"{name} names a home folder that is not there; write the whole path", where=where) from error


def _drop_ins(folder: Path) -> list[Source]:
    try:
        found = [one for one in folder.iterdir() if one.suffix == ".toml" and not one.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(str(folder), error) from error
    return [read_toml(one) for one in sorted(found)]


def _variables(environ: Mapping[str, str]) -> list[Source]:
    """Those like HUB_PLUGIN__ZIGBEE__PATH; a value that is no TOML is a text."""
    sources: list[Source] = []
    for name in sorted(environ):
        if match := _VARIABLE.fullmatch(name):
            text = environ[name]
            if _SURROGATE.search(text) or NUL.search(text):
                raise ConfigError("is no text in UTF-8; set it as such", where=name)
            try:
                tables = tomllib.loads(f"value = {text}")
            except (tomllib.TOMLDecodeError, RecursionError):
                tables = {}
            value: Any = tables["value"] if len(tables) == 1 else text
            for key in reversed(match[1].lower().split("__")):
                value = {key: value}
            sources.append(Source(name, tables=value))
    return sources
