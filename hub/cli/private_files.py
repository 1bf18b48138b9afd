"""Files that commands read and write for people, and that nobody else may read."""

import os
from pathlib import Path

from hub.cli.errors import CommandError


def read_file(path: Path, largest: int) -> bytes:
    """The content, and no more than one byte over `largest`, which tells that it is too large. Raises CommandError."""
    try:
        with path.open("rb") as file:
            return file.read(largest + 1)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {os.strerror(error.errno or 0)}") from error


def write_new(path: Path, content: bytes) -> None:
    """Write a new file that nobody else can read. Raises CommandError."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise CommandError(f"{path} is there already; choose another name, or say --force") from error
    except OSError as error:
        raise CommandError(f"cannot write {path}: {os.strerror(error.errno or 0)}") from error
