"""The log on a terminal: one readable line a record."""

import logging
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import override

from hub.logs import owner, redact

_LIMIT = 1000  # characters of a line
_COLOURS = {"DEBUG": "\x1b[2m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_PLAIN = "\x1b[0m"


def terminal(details: Path | None) -> logging.Handler:
    """What writes records on the terminal, save those that it is told in another way; `details` is the log's file."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: not getattr(record, "told", False) and record.name != "py.warnings")
    handler.setFormatter(_Lines(details, coloured=sys.stderr.isatty() and "NO_COLOR" not in os.environ))
    return handler


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
        text = redact(text)  # while a secret is still whole
        if len(text) > _LIMIT:
            text = f"{text[:_LIMIT]}..."
        text = "".join(letter if letter.isprintable() else " " for letter in text)
        level = f"{record.levelname:<7}"
        if self._coloured and (colour := _COLOURS.get(record.levelname)):
            level = f"{colour}{level}{_PLAIN}"
        time = datetime.fromtimestamp(record.created).astimezone()
        return f"{time:%H:%M:%S} {level} {owner(record.name):<14} {text}"
