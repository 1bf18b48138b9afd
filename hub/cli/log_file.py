"""The log in a file: one JSON object a line, in files that cannot grow without bound."""

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import override

from hub.errors import StorageError
from hub.logs import owner, redact

NAME = "hub.log"

_SIZE = 5 * 1024 * 1024
_OLD_FILES = 3
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "told"}


def log_file(folder: Path) -> logging.Handler:
    """What writes records to `<folder>/hub.log`.

    Raises StorageError when that cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _QuietFile(
            folder / NAME,
            maxBytes=_SIZE,
            backupCount=_OLD_FILES,
            encoding="utf-8",
            errors="backslashreplace",  # a file's name may be no UTF-8
        )
    except OSError as error:
        raise StorageError(
            f"the log {folder / NAME} cannot be written: {error.strerror}; make its folder writable for the hub"
        ) from error
    handler.setFormatter(_Json())
    return handler


class _QuietFile(RotatingFileHandler):
    """A file whose trouble is told once, in a line, and never as a traceback."""

    _told = False

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        if not self._told:
            self._told = True
            with suppress(OSError, ValueError):
                sys.stderr.write(f"the log {self.baseFilename} cannot be written: {sys.exception()}\n")


class _Json(logging.Formatter):
    """One JSON object a line: time, level, owner, message, then what else the record carries."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "owner": owner(record.name),
            "message": redact(record.getMessage()),
        }
        if record.taskName:
            line["task"] = record.taskName
        line |= {key: _redacted(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def _redacted(value: object) -> object:
    return value if isinstance(value, bool | int | float | None) else redact(str(value))
