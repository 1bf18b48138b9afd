"""Logs: who is heard from which level on, what is left out, and what no log may show.

Records go through a queue to one thread with the writers, so that the loop waits for no disk.
"""

import logging
import re
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from time import monotonic
from typing import Any, Literal, override

from hub.tasks import TRACE
from hub.types import Undo

Level = Literal["debug", "info", "warning", "error"]

_QUEUE_LIMIT = 10_000
_AT_ONCE = 100  # records of one logger
_A_SECOND = 20
_SECRET_SIZE = 4  # shorter ones would be found everywhere
_VEIL = "***"
_ASSIGNED = re.compile(
    r"""(?ix) ( \b [\w-]* (?:password|passwd|passphrase|token|secret|api_?key|network_?key) [\w-]*
        (?: \s* = \s* | ["'] \s* : \s* ) ) ( "[^"]*" | '[^']*' | [^\s"',;&)}\]]+ )"""
)
_BEARER = re.compile(r"(?i)(\bbearer\s+)[\w.~+/=-]{4,}")

NOT_ON_TERMINAL = {"told": True}
"""The `extra` of a record about something that the terminal is told in another way."""

_hidden: list[str] = []
_configured: dict[str, Level] = {}
_levels: dict[str, Level] = {}
_full: dict[str, float] = {}  # each logger has a bucket, as one number: the time when it is full again
_left_out: Counter[str] = Counter()
_told: Counter[str] = Counter()  # how many of these a record has told of


def hide(secret: str) -> None:
    """Blot a secret out of all that is logged from now on; one of less than 4 characters is not.

    It stays hidden as long as the process lives, since a record that holds it may still wait to be written.
    """
    if len(secret) >= _SECRET_SIZE and secret not in _hidden:
        _hidden.append(secret)
        _hidden.sort(key=len, reverse=True)


def redact(text: str) -> str:
    """Blot out hidden values, and what is assigned to a password, token, secret or key; what is no UTF-8 is escaped."""
    for secret in _hidden:
        text = text.replace(secret, _VEIL)
    # A file's name may be no UTF-8, and whoever is sent it could not read the rest either.
    return _BEARER.sub(rf"\1{_VEIL}", _ASSIGNED.sub(_veiled, text)).encode(errors="backslashreplace").decode()


def configure(level: Level, levels: Mapping[str, Level], *writers: logging.Handler) -> Undo:
    """Send all logging to `writers`; the undo writes what waits, closes them and ends it, and so may wait for the disk.

    For the levels see `set_levels`. Python's warnings, and what fails in a thread or where nobody can catch it, are
    records as well.
    """
    root, own = logging.getLogger(), logging.getLogger("hub")
    entry = _Entry(SimpleQueue())
    listener = _Listener(entry.queue, *writers)
    undo = ExitStack()
    for writer in (entry, *writers):
        undo.callback(_close, writer)
    undo.callback(listener.stop)
    undo.callback(root.setLevel, root.level)
    undo.callback(own.setLevel, own.level)
    undo.callback(set_levels, "info", {})
    undo.callback(root.removeHandler, entry)
    undo.callback(_use, logging.Logger, _Logger)
    undo.callback(logging.captureWarnings, capture=False)
    undo.callback(setattr, threading, "excepthook", threading.excepthook)
    undo.callback(setattr, sys, "unraisablehook", sys.unraisablehook)
    threading.excepthook, sys.unraisablehook = _thread_failed, _unraisable
    logging.captureWarnings(capture=True)
    _full.clear()
    _left_out.clear()
    _told.clear()
    _use(_Logger, logging.Logger)
    set_levels(level, levels)
    root.addHandler(entry)
    listener.start()
    return undo.close


def set_levels(level: Level, levels: Mapping[str, Level]) -> None:
    """Hear the hub and its plugins from `level` on, and single owners from theirs on, as the configuration says.

    Libraries are heard from `warning`, and with `debug` from `info`.
    """
    _configured.clear()
    _configured.update({**levels, "hub": level})
    for name in {*_levels, *_configured}:
        set_level(name, None)


def set_level(owner: str, level: Level | None) -> None:
    """Hear an owner (a plugin, a library, or `hub`) from a level on; `None` is what the configuration says."""
    level = level or _configured.get(owner)
    number = logging.getLevelNamesMapping()[level.upper()] if level else logging.NOTSET
    for name in (owner, f"hub.{owner}"):  # who is told by a name is set by it
        logging.getLogger(name).setLevel(number)
    if owner == "hub":
        logging.getLogger().setLevel(logging.INFO if number <= logging.DEBUG else max(number, logging.WARNING))
    if level:
        _levels[owner] = level
    else:
        _levels.pop(owner, None)


def levels() -> dict[str, Level]:
    """The level of each owner that has one of its own, and the hub's."""
    return dict(sorted(_levels.items()))


def owners() -> set[str]:
    """All that have logged, or may."""
    return {owner(name) for name in logging.root.manager.loggerDict}


def left_out(owner: str) -> int:
    """How many records of a plugin were left out."""
    return _left_out[f"hub.{owner}"]


def owner(name: str) -> str:
    """Tell who speaks through a logger: `zigbee` for `hub.zigbee`, the library itself for any other."""
    return name.removeprefix("hub.")


class _Logger(logging.Logger):
    """Leaves out what is too much, at a tenth of what a record costs."""

    @override
    def _log(self, level: int, msg: object, args: Any, **options: Any) -> None:  # type: ignore[override]
        now = monotonic()
        full = max(_full.get(self.name, now), now) + 1 / _A_SECOND
        if full - now > (_AT_ONCE + 0.5) / _A_SECOND:
            _left_out[self.name] += 1
            return
        _full[self.name] = full
        options["stacklevel"] = options.get("stacklevel", 1) + 1
        super()._log(level, msg, args, **options)


class _Entry(QueueHandler):
    """The loop's end of the queue: fixes the message, and leaves out records while the disk cannot follow."""

    queue: SimpleQueue[Any]

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= _QUEUE_LIMIT:
            _left_out[record.name] += 1
            return
        fixed = self.prepare(record)
        total = _left_out[record.name]
        if left_out := total - _told[record.name]:
            _told[record.name] = total
            who = owner(record.name)
            fixed.msg += f" ({left_out} records of {who} before this one were left out: too many to write)"
        self.enqueue(fixed)

    @override
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Format the message now, since its arguments may change; the traceback reads files, so it waits."""
        fixed = logging.makeLogRecord(vars(record))
        try:
            fixed.msg = record.getMessage()
        except Exception as error:  # noqa: BLE001 - a plugin's mistake must not reach the terminal as a traceback
            fixed.msg = f"{record.msg} (with arguments that do not fit: {error})"
        fixed.args = None
        if trace := TRACE.get():
            fixed.trace = trace
        return fixed


class _Listener(QueueListener):
    """The thread's end of the queue."""

    @override
    def handle(self, record: logging.LogRecord) -> None:
        """Write a record; a traceback holds all of a plugin that failed, and the thread the record until the next."""
        super().handle(record)
        record.exc_info = None


def _use(new: type[logging.Logger], old: type[logging.Logger]) -> None:
    """Make all loggers of one class, those to come too."""
    logging.setLoggerClass(new)
    for one in logging.root.manager.loggerDict.values():
        if type(one) is old:
            one.__class__ = new


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "?"
        logging.getLogger("python").error("Thread %s failed", name, exc_info=args.exc_value)


def _unraisable(args: Any) -> None:  # noqa: ANN401 - its type exists for checkers only
    what = args.err_msg or "Exception ignored in"
    logging.getLogger("python").error("%s: %r", what, args.object, exc_info=args.exc_value)


def _close(writer: logging.Handler) -> None:
    with suppress(OSError):  # a full disk must not keep the hub from ending
        writer.close()


def _veiled(assigned: re.Match[str]) -> str:
    quote = assigned[2][0] if assigned[2][0] in "\"'" else ""
    return f"{assigned[1]}{quote}{_VEIL}{quote}"
