"""Where a hub's log goes to, as `[log]` in its configuration says."""

import logging
from pathlib import Path

from hub.cli.journald import JournalHandler
from hub.cli.log_file import NAME, log_file
from hub.cli.log_lines import terminal
from hub.config import Config


def kept(settings: Config) -> list[logging.Handler]:
    """The file in the data folder and systemd's journal.

    Raises StorageError when the file cannot be written.
    """
    writers: list[logging.Handler] = [log_file(_folder(settings))] if settings.log.file else []
    return [*writers, JournalHandler()] if settings.log.journal else writers


def kept_and_shown(settings: Config) -> list[logging.Handler]:
    """The same, and the terminal."""
    return [*kept(settings), terminal(_folder(settings) / NAME if settings.log.file else None)]


def _folder(settings: Config) -> Path:
    return settings.data_dir / "logs"
