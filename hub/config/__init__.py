"""The configuration: TOML files and the environment, all optional, with errors that name file, line and key.

What lies over what, key by key: the command line, the environment, drop-ins in the order of their names, the main file.
"""

import logging
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from hub import logs
from hub.config.document import KeyPath, Source, Table, contains, dotted, fit, hint, read_toml
from hub.config.sources import Sources, absolute, merged
from hub.errors import ConfigError, StorageError

_SECRET = re.compile(r"password|passphrase|token|secret|key", re.IGNORECASE)
_AT_ONCE = ("name", "log_level", "plugin_dirs", "levels")


class HubSection(msgspec.Struct, frozen=True):
    """`[hub]`: the house and its hub.

    `event_history` is how many events are kept in memory; the loop counts as blocked after `blocked_after` seconds.
    """

    name: str = "Home"
    data_dir: str = ""
    log_level: logs.Level = "info"
    plugin_dirs: list[str] = []
    uvloop: bool = True
    event_history: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 1000
    blocked_after: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 1.0


class KindDays(msgspec.Struct, frozen=True):
    """`[journal.days]`: how many days events of each class are kept."""

    alarm: Annotated[float, msgspec.Meta(ge=0, le=36500)] = 365.0
    normal: Annotated[float, msgspec.Meta(ge=0, le=36500)] = 30.0
    bulk: Annotated[float, msgspec.Meta(ge=0, le=36500)] = 7.0


class KindMib(msgspec.Struct, frozen=True):
    """`[journal.limits_mib]`: how much of the journal each class may take."""

    alarm: Annotated[int, msgspec.Meta(ge=0)] = 0
    normal: Annotated[int, msgspec.Meta(ge=0)] = 0
    bulk: Annotated[int, msgspec.Meta(ge=0)] = 0


class StorageSection(msgspec.Struct, frozen=True):
    """`[storage]`: the file, relative to the data folder, and the commit window in seconds."""

    path: str = "hub.db"
    commit_window: Annotated[float, msgspec.Meta(ge=0.01, le=60)] = 0.25


class JournalSection(msgspec.Struct, frozen=True):
    """`[journal]`: the durable log of events and states: its file, relative to the data folder, and what it keeps.

    What is not durable may be lost with a power cut, at most of the last `commit_window` seconds. When the file would
    grow beyond `mib`, bulk goes first and alarms last; `days` and `limits_mib` are for each class (0: no limit). Rules
    of `ignore`, `alarm` and `bulk` are event types, or a type and a subject: `"state.changed device/+/smoke"`.
    """

    path: str = "telemetry.db"
    commit_window: Annotated[float, msgspec.Meta(ge=0.01, le=300)] = 5.0
    mib: Annotated[int, msgspec.Meta(ge=1)] = 256
    days: KindDays = KindDays()
    limits_mib: KindMib = KindMib()
    ignore: list[str] = []
    alarm: list[str] = []
    bulk: list[str] = []


class LogSection(msgspec.Struct, frozen=True):
    """`[log]`: levels of single plugins and libraries, and whether the data folder's file and journald get the logs."""

    levels: dict[str, logs.Level] = {}
    file: bool = True
    journal: bool = False


class PluginsSection(msgspec.Struct, frozen=True):
    """`[plugins]`: which run besides, or in spite of, what their manifests say. One with a section of its own runs."""

    enable: list[str] = []
    disable: list[str] = []


class _File(msgspec.Struct, frozen=True):
    hub: HubSection = HubSection()
    storage: StorageSection = StorageSection()
    journal: JournalSection = JournalSection()
    log: LogSection = LogSection()
    plugins: PluginsSection = PluginsSection()
    plugin: dict[str, dict[str, Any]] = {}


class Config(_File, frozen=True, kw_only=True):
    """The whole configuration, checked as far as the hub itself goes; `section` checks a plugin's part.

    `data_dir`, `database` and `telemetry` are absolute. `plugin` holds the plugins' sections as written; `file` is the
    main file.
    """

    data_dir: Path
    database: Path
    telemetry: Path
    plugin_dirs: tuple[Path, ...]
    file: Path
    sources: Sources

    def tell_warnings(self) -> None:
        """Log what is not wrong and yet should be mended."""
        for warning in self.sources.warnings:
            logging.getLogger("hub.config").warning("%s", warning)

    @property
    def wanted(self) -> set[str]:
        """The plugins that it names to run."""
        return {*self.plugins.enable, *self.plugin}


class Reloaded(msgspec.Struct, frozen=True):
    """The configuration was read again: plugins with new settings, and keys that wait for the hub's next start.

    With an `error` nothing has changed.
    """

    plugins: list[str] = []
    needs_restart: list[str] = []
    error: str = ""


def load(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    data: Path | None = None,
) -> Config:
    """Read and check the configuration; `overrides` (from the command line) win over all else.

    The main file is `path`, else HUB_CONFIG, else `hub.toml` in the data folder if it is there. The data folder is
    `data`, else HUB_DATA_DIR, else `[hub] data_dir` (relative to the file), else the user's own.
    Secrets are hidden in the logs from now on. It reads files, so it belongs before the loop or in a thread.
    Raises ConfigError, and StorageError for a data folder that cannot be looked into.
    """
    named = data or environ.get("HUB_DATA_DIR")
    own = Path(environ.get("XDG_DATA_HOME") or "~/.local/share") / "domovoi"
    folder = absolute(named or own, Path.cwd())
    asked_for = path or (Path(environ["HUB_CONFIG"]) if environ.get("HUB_CONFIG") else None)
    file = absolute(asked_for or "hub.toml", Path.cwd() if asked_for else folder)
    try:
        is_there = bool(asked_for or file.lstat())  # a link that leads nowhere is there, and wrong
    except FileNotFoundError:
        is_there = False
    except OSError as error:
        raise unusable(folder, error) from error
    sources = Sources(read_toml(file) if is_there else Source(str(file)), dict(overrides or {}), environ)
    for one in sources.written:  # what is laid over a mistake must not cover it
        fit(_File, one.tables, one.where)
    parts = fit(_File, sources.tables, sources.where)
    if parts.hub.data_dir and not named:
        folder = absolute(parts.hub.data_dir, file.parent)
    for text in sources.secrets:
        logs.hide(text)
    for table in parts.plugin.values():
        _veiled(table, ())
    return Config(
        **msgspec.structs.asdict(parts),
        data_dir=folder,
        database=absolute(parts.storage.path, folder),
        telemetry=absolute(parts.journal.path, folder),
        plugin_dirs=tuple(absolute(name, file.parent) for name in parts.hub.plugin_dirs),
        file=file,
        sources=sources,
    )


def changes(old: Config, new: Config) -> tuple[Reloaded, Config]:
    """Tell what a new configuration changes, and give that of it which can be in force without a restart of the hub."""
    held: dict[str, Any] = {name: getattr(old, name) for name in ("data_dir", "database", "telemetry")}
    waiting: list[str] = []
    for name in ("hub", "storage", "journal", "log"):
        before, after = msgspec.structs.asdict(getattr(old, name)), getattr(new, name)
        kept = {key: value for key, value in before.items() if key not in _AT_ONCE}
        held[name] = replace(after, **kept)
        waiting += [f"{name}.{key}" for key, value in kept.items() if value != getattr(after, key)]
    both = old.plugin.keys() | new.plugin.keys()
    changed = sorted(name for name in both if repr(old.plugin.get(name)) != repr(new.plugin.get(name)))  # 1 == true
    return Reloaded(changed, waiting), replace(new, **held)


def section[S: msgspec.Struct](
    config: Config, plugin: str, struct: type[S] | None, defaults: Mapping[str, Any] | None = None
) -> S | Table:
    """Make a plugin's settings: its section over its manifest's `defaults` over the struct's own, or else a table.

    A field of the type Path takes a text, relative to the main file. Raises ConfigError.
    """
    below = dict(defaults or {})
    table = merged(below, config.plugin.get(plugin, {}))
    if struct is None:
        return table

    def where(keys: KeyPath) -> str:
        full = ("plugin", plugin, *keys)
        if keys and contains(below, keys) and not contains({"plugin": config.plugin}, full):
            return dotted(keys, f"the defaults of plugin {plugin}")
        return config.sources.where(full)

    def to_path(kind: type[Any], value: object) -> Any:  # noqa: ANN401 - msgspec's hook
        if kind is Path and isinstance(value, str):
            return absolute(value, config.file.parent)
        raise TypeError(f"Expected {'a path' if kind is Path else kind.__name__}, got {type(value).__name__}")

    return fit(struct, table, where, to_path)


def check_plugins(config: Config, known: Collection[str]) -> None:
    """Refuse the name of a plugin that is not there, be it in `[plugins]` or as `[plugin.<id>]`. Raises ConfigError."""
    names = [(("plugin", name), name) for name in config.plugin]
    names += [(("plugins", key), name) for key in ("enable", "disable") for name in getattr(config.plugins, key)]
    for keys, name in names:
        if name not in known:
            raise ConfigError(f"there is no plugin {name!r}{hint(name, known)}", where=config.sources.where(keys))


def show(config: Config) -> Table:
    """Give the whole configuration in force as plain values, secrets hidden."""
    parts = msgspec.to_builtins({name: getattr(config, name) for name in _File.__struct_fields__})
    parts["storage"]["path"], parts["journal"]["path"] = str(config.database), str(config.telemetry)
    veiled = {name: _veiled(table, config.sources.secrets) for name, table in config.plugin.items()}
    hub, storage, journal = _veiled([parts[name] for name in ("hub", "storage", "journal")], config.sources.secrets)
    known = {"file": str(config.file), "files": [*map(str, config.sources.files)], "data_dir": str(config.data_dir)}
    return {**known, **parts, "hub": hub, "storage": storage, "journal": journal, "plugin": veiled}


def unusable(folder: Path, error: OSError) -> StorageError:
    """The refusal of a data folder."""
    return StorageError(
        f"data folder {folder} cannot be used: {error.strerror}; choose another with --data or mend its permissions"
    )


def _veiled(value: object, secrets: Collection[str], *, is_secret: bool = False) -> Any:  # noqa: ANN401 - TOML values
    """Hide what is a secret or stands under a key that sounds like one, and hide the latter in the logs too."""
    if isinstance(value, dict):
        pairs = ((key, item, is_secret or bool(_SECRET.search(key))) for key, item in value.items())
        return {key: _veiled(item, secrets, is_secret=hidden) for key, item, hidden in pairs}
    if isinstance(value, list):
        items = [_veiled(item, secrets, is_secret=is_secret) for item in value]
        return "***" if is_secret else items
    if is_secret and isinstance(value, str):
        logs.hide(value)
    return "***" if is_secret or (isinstance(value, str) and value in secrets) else value
