"""The configuration: one TOML file, all of it optional, with errors that name file, line and key."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from hub.config.document import KeyPath, Source, Table, contains, dotted, fit, hint, read_toml
from hub.errors import ConfigError, StorageError

_SECRET = re.compile(r"password|token|secret|key", re.IGNORECASE)


class HubSection(msgspec.Struct, frozen=True):
    """`[hub]`: the house and its hub."""

    name: str = "Home"
    data_dir: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    plugin_dirs: list[str] = []
    uvloop: bool = True


class StorageSection(msgspec.Struct, frozen=True):
    """`[storage]`: the file, relative to the data folder, and the commit window in seconds."""

    path: str = "hub.db"
    commit_window: Annotated[float, msgspec.Meta(ge=0.01, le=60)] = 0.25


class PluginsSection(msgspec.Struct, frozen=True):
    """`[plugins]`: which run besides, or in spite of, what their manifests say. One with a section of its own runs."""

    enable: list[str] = []
    disable: list[str] = []


class _File(msgspec.Struct, frozen=True):
    hub: HubSection = HubSection()
    storage: StorageSection = StorageSection()
    plugins: PluginsSection = PluginsSection()
    plugin: dict[str, dict[str, Any]] = {}


class Config(msgspec.Struct, frozen=True):
    """The whole configuration, checked as far as the hub itself goes; `section` checks a plugin's part.

    `data_dir` and `database` are absolute. `plugin` holds the plugins' sections as written.
    """

    hub: HubSection
    storage: StorageSection
    plugins: PluginsSection
    plugin: dict[str, Table]
    data_dir: Path
    database: Path
    plugin_dirs: tuple[Path, ...]
    source: Source
    overrides: Table


def load(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Read and check the configuration; `overrides` (from the command line) win over the file.

    The file is `path`, else HUB_CONFIG, else `hub.toml` in the data folder if it is there. The data folder is the one
    of `overrides`, else HUB_DATA_DIR, else `[hub] data_dir` (relative to the file), else the user's own.
    It reads files, so it belongs before the loop or in a thread. Raises ConfigError, and StorageError for a data folder
    that cannot be looked into.
    """
    wished = {section: dict(values) for section, values in (overrides or {}).items()}
    named = str(wished.get("hub", {}).get("data_dir") or environ.get("HUB_DATA_DIR") or "")
    folder = _absolute(named or _user_folder(environ), Path.cwd())
    asked_for = path or (Path(environ["HUB_CONFIG"]) if environ.get("HUB_CONFIG") else None)
    file = _absolute(asked_for or "hub.toml", Path.cwd() if asked_for else folder)
    source = read_toml(file) if asked_for or _is_there(file) else Source(file)

    def where(keys: KeyPath) -> str:
        return dotted(keys, "the command line") if contains(wished, keys) else source.where(keys)

    fit(_File, source.tables, source.where)  # as written: what is laid over it must not cover a mistake
    parts = fit(_File, _merged(source.tables, wished), where)
    if parts.hub.data_dir and not named:
        folder = _absolute(parts.hub.data_dir, file.parent)
    return Config(
        hub=parts.hub,
        storage=parts.storage,
        plugins=parts.plugins,
        plugin=parts.plugin,
        data_dir=folder,
        database=_absolute(parts.storage.path, folder),
        plugin_dirs=tuple(_absolute(name, file.parent) for name in parts.hub.plugin_dirs),
        source=source,
        overrides=wished,
    )


def section[S: msgspec.Struct](
    config: Config, plugin: str, struct: type[S], defaults: Mapping[str, Any] | None = None
) -> S:
    """Make a plugin's settings: its section over its manifest's `defaults` over the struct's own.

    A field of the type Path takes a text, relative to the configuration's file. Raises ConfigError.
    """
    below = dict(defaults or {})

    def where(keys: KeyPath) -> str:
        full = ("plugin", plugin, *keys)
        if contains(config.overrides, full):
            return dotted(full, "the command line")
        if keys and contains(below, keys) and not contains(config.source.tables, full):
            return dotted(keys, f"the defaults of plugin {plugin}")
        if plugin not in config.plugin:
            return dotted(full, str(config.source.path))
        return config.source.where(full)

    def to_path(kind: type[Any], value: object) -> Any:  # noqa: ANN401 - msgspec's hook
        if kind is Path and isinstance(value, str):
            return _absolute(value, config.source.path.parent)
        raise TypeError(f"Expected {'a path' if kind is Path else kind.__name__}, got {type(value).__name__}")

    return fit(struct, _merged(below, config.plugin.get(plugin, {})), where, to_path)


def check_plugins(config: Config, known: Collection[str]) -> None:
    """Refuse the name of a plugin that is not there, be it in `[plugins]` or as `[plugin.<id>]`. Raises ConfigError."""
    names = [(("plugin", name), name) for name in config.plugin]
    names += [(("plugins", "enable"), name) for name in config.plugins.enable]
    names += [(("plugins", "disable"), name) for name in config.plugins.disable]
    for keys, name in names:
        if name not in known:
            raise ConfigError(f"there is no plugin {name!r}{hint(name, known)}", where=config.source.where(keys))


def show(config: Config) -> Table:
    """Give the whole configuration in force as plain values, secrets hidden."""
    return {
        "file": str(config.source.path),
        "data_dir": str(config.data_dir),
        "hub": msgspec.to_builtins(config.hub),
        "storage": msgspec.to_builtins(config.storage) | {"path": str(config.database)},
        "plugins": msgspec.to_builtins(config.plugins),
        "plugin": {name: _veiled(table) for name, table in config.plugin.items()},
    }


def unusable(folder: Path, error: OSError) -> StorageError:
    """The refusal of a data folder."""
    return StorageError(
        f"data folder {folder} cannot be used: {error.strerror}; choose another with --data or mend its permissions"
    )


def _is_there(file: Path) -> bool:
    """Whether the data folder holds a configuration; a link that leads nowhere is one, and wrong."""
    try:
        file.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unusable(file.parent, error) from error
    return True


def _merged(below: Table, above: Table) -> Table:
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def _veiled(value: object, *, is_secret: bool = False) -> Any:  # noqa: ANN401 - TOML values
    if isinstance(value, dict):
        return {key: _veiled(item, is_secret=is_secret or bool(_SECRET.search(key))) for key, item in value.items()}
    if isinstance(value, list) and not is_secret:
        return [_veiled(item) for item in value]
    return "***" if is_secret else value


def _absolute(name: str | Path, folder: Path) -> Path:
    try:
        return (folder / Path(name).expanduser()).absolute()
    except RuntimeError as error:
        raise ConfigError(f"{name} names a home folder that is not there; write the whole path") from error


def _user_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_DATA_HOME") or "~/.local/share") / "domovoi"
