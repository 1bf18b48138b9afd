"""What a hub does by itself with its backups: it mends a damaged registry, and keeps one before it is upgraded."""

import logging
import time
from pathlib import Path

import msgspec

from hub.backup.making import sync
from hub.backup.names import RESTORED
from hub.backup.shelf import FOLDER, keep_registry, rescue_registry
from hub.errors import BackupError, StorageError
from hub.storage.aside import finish, waiting

_LOG = logging.getLogger("hub.backup")


class Rescue:
    """Works with the backups of one data folder, in whatever thread."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._folder = data / FOLDER

    def repair(self, path: Path, damage: str) -> str:
        """Put the registry of the newest good backup in the damaged one's place; says what was done.

        Raises StorageError when there is none, or it cannot be written.
        """
        damage = damage.partition(";")[0]
        _LOG.warning("%s; the newest good backup is looked for", damage)
        try:
            waiting(path).unlink(missing_ok=True)
            rescued = rescue_registry(self._folder, waiting(path))
            if rescued is None:
                raise StorageError(
                    f"{damage}, and there is no good backup in {self._folder}; keep a copy of it and restore a backup"
                    " with hub backup restore"
                )
            self._mark(rescued.made)
            aside = finish(path)
        except (BackupError, OSError) as error:
            raise StorageError(f"{damage}, and it cannot be mended: {error}") from error
        made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(rescued.made / 1e9))
        return (
            f"{damage}; it was set aside as {(aside or path).name} and restored from {Path(rescued.file).name}, made at"
            f" {made}: what was written to it since is lost"
        )

    def keep(self, path: Path, version: int) -> None:
        """Back the registry up before its upgrade from a version. Raises StorageError: then it is not upgraded."""
        try:
            made = keep_registry(path, self._folder, f"before-schema-{version}")
        except BackupError as error:
            raise StorageError(f"{path} is not upgraded, for it cannot be backed up before: {error}") from error
        _LOG.info("%s is upgraded from schema %d; as it was it is in %s", path, version, made)

    def _mark(self, made: int) -> None:
        """Tell each plugin that what it remembers is of an earlier time."""
        plugins = self._data / "plugins"
        for plugin in plugins.iterdir() if plugins.is_dir() else ():
            if plugin.is_dir():
                (plugin / RESTORED).write_bytes(msgspec.json.encode({"made": made}))
                sync(plugin / RESTORED)
                sync(plugin)
