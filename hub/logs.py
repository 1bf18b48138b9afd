"""Logs: readable lines on a terminal, JSON lines in a file that cannot grow without bound, no secret in either.

Records go through a queue to one thread that formats and writes them, so that the loop waits for no disk.
"""

import json
import logging
import os
import re
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any, override

from hub.errors import HubError, StorageError
from hub.types import Undo

FILE_NAME = "hub.log"

_FILE_SIZE = 5 * 1024 * 1024
_OLD_FILES = 3
_QUEUE_LIMIT = 10_000
_SECRET_SIZE = 4  # shorter ones would be found everywhere
_VEIL = "***"
_LINE_LIMIT = 1000  # characters of a line on the terminal
_COLOURS = {"DEBUG": "\x1b[2m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_PLAIN = "\x1b[0m"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "told"}
_ASSIGNED = re.compile(
    r"""(?ix) ( \b [\w-]* (?:password|passwd|token|secret|api_?key|network_?key) [\w-]*
        (?: \s* = \s* | ["'] \s* : \s* ) ) ( "[^"]*" | '[^']*' | [^\s"',;&)}\]]+ )"""
)
_BEARER = re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{4,}")

NOT_ON_TERMINAL = {"told": True}
"""The `extra` of a record about something that the terminal is told in another way."""

_hidden: list[str] = []


def hide(secret: str) -> None:
    """Blot a secret out of all that is logged from now on; one of less than 4 characters is not.

    It stays hidden as long as the process lives, since a record that holds it may still wait to be written.
    """
    if len(secret) >= _SECRET_SIZE and secret not in _hidden:
        _hidden.append(secret)
        _hidden.sort(key=len, reverse=True)


def redact(text: str) -> str:
    """Blot out hidden values, and what is assigned to a password, token, secret or key."""
    for secret in _hidden:
        text = text.replace(secret, _VEIL)
    return _BEARER.sub(rf"\1{_VEIL}", _ASSIGNED.sub(_veiled, text))


def configure(level: str, folder: Path | None, *, terminal: bool) -> Undo:
    """Send all logging to `<folder>/hub.log` and, if asked, to the terminal; the undo writes what waits and ends it.

    `level` (debug, info, warning, error) is the hub's and its plugins'; libraries are heard from `warning`, and with
    `debug` from `info`. Both this and the undo wait for the disk: call them outside the loop or in a thread.
    Python's warnings, and what fails in a thread or where nobody can catch it, are records as well.
    Raises StorageError when the folder cannot be written.
    """
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise HubError(f"log level {level!r} is not known; use debug, info, warning or error")
    writers: list[logging.Handler] = []
    if folder is not None:
        writers.append(_file(folder))
    if terminal:
        writers.append(_terminal(folder))
    entry = _Entry()
    listener = QueueListener(entry.records, *writers)
    root, own = logging.getLogger(), logging.getLogger("hub")
    before = root.level, own.level
    root.setLevel(logging.INFO if threshold <= logging.DEBUG else max(threshold, logging.WARNING))
    own.setLevel(threshold)
    root.addHandler(entry)
    listener.start()
    release = _capture()
    is_done = False

    def undo() -> None:
        nonlocal is_done
        if is_done:
            return
        is_done = True
        release()
        root.removeHandler(entry)
        root.setLevel(before[0])
        own.setLevel(before[1])
        listener.stop()
        for writer in (entry, *writers):
            with suppress(OSError):  # a full disk must not keep the hub from ending
                writer.close()

    return undo


def owner(name: str) -> str:
    """Tell who speaks through a logger: `zigbee` for `hub.zigbee`, the library itself for any other."""
    return name.removeprefix("hub.")


class _Entry(QueueHandler):
    """The loop's end of the queue: fixes the message, and drops records when the disk cannot follow."""

    def __init__(self) -> None:
        self.records: SimpleQueue[Any] = SimpleQueue()
        self._dropped = 0
        super().__init__(self.records)

    @override
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Format the message now, since its arguments may change; the traceback reads files, so it waits."""
        fixed = logging.makeLogRecord(vars(record))
        fixed.msg, fixed.args = record.getMessage(), None
        return fixed

    @override
    def enqueue(self, record: logging.LogRecord) -> None:
        if self.records.qsize() >= _QUEUE_LIMIT:
            self._dropped += 1
            return
        if self._dropped:
            record.msg += f" ({self._dropped} records before this one were dropped: the disk is too slow)"
            self._dropped = 0
        self.records.put_nowait(record)


class _Lines(logging.Formatter):
    """One line a record for a person; a traceback is only pointed to."""

    def __init__(self, details: Path | None, *, coloured: bool) -> None:
        super().__init__()
        self._details = details
        self._coloured = coloured

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            if str(error) not in text:
                text += f": {error}"
            text += f" (details in {self._details})" if self._details else f" ({type(error).__name__})"
        if len(text) > _LINE_LIMIT:
            text = f"{text[:_LINE_LIMIT]}..."
        text = redact("".join(letter if letter.isprintable() else " " for letter in text))
        level = f"{record.levelname:<7}"
        if self._coloured and (colour := _COLOURS.get(record.levelname)):
            level = f"{colour}{level}{_PLAIN}"
        time = datetime.fromtimestamp(record.created).astimezone()
        return f"{time:%H:%M:%S} {level} {owner(record.name):<14} {text}"


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


class _QuietFile(RotatingFileHandler):
    """A file whose trouble is told once, in a line, and never as a traceback."""

    _told = False

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        if not self._told:
            self._told = True
            with suppress(OSError, ValueError):
                sys.stderr.write(f"the log {self.baseFilename} cannot be written: {sys.exception()}\n")


def _capture() -> Undo:
    """Log what Python would write to the terminal by itself; returns the undo."""
    log = logging.getLogger("python")
    before = threading.excepthook, sys.unraisablehook

    def failed(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            log.error("Thread %s failed", args.thread.name if args.thread else "?", exc_info=args.exc_value)

    def unraisable(args: Any) -> None:  # noqa: ANN401 - its type exists for checkers only
        log.error("%s: %r", args.err_msg or "Exception ignored in", args.object, exc_info=args.exc_value)

    threading.excepthook, sys.unraisablehook = failed, unraisable
    logging.captureWarnings(capture=True)

    def undo() -> None:
        logging.captureWarnings(capture=False)
        threading.excepthook, sys.unraisablehook = before

    return undo


def _file(folder: Path) -> logging.Handler:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = _QuietFile(
            folder / FILE_NAME,
            maxBytes=_FILE_SIZE,
            backupCount=_OLD_FILES,
            encoding="utf-8",
            errors="backslashreplace",  # a file's name may be no UTF-8
        )
    except OSError as error:
        raise StorageError(
            f"the log {folder / FILE_NAME} cannot be written: {error.strerror}; make its folder writable for the hub"
        ) from error
    handler.setFormatter(_Json())
    return handler


def _terminal(folder: Path | None) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: not getattr(record, "told", False) and record.name != "py.warnings")
    coloured = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    handler.setFormatter(_Lines(folder / FILE_NAME if folder else None, coloured=coloured))
    return handler


def _veiled(assigned: re.Match[str]) -> str:
    quote = assigned[2][0] if assigned[2][0] in "\"'" else ""
    return f"{assigned[1]}{quote}{_VEIL}{quote}"


def _redacted(value: object) -> object:
    return value if isinstance(value, bool | int | float | None) else redact(str(value))
