"""What keeps a restored hub from giving numbers of the journal again that it gave since the backup was made."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from hub.backup.archive import Manifest
from hub.errors import StorageError
from hub.journal.file import JournalFile
from hub.journal.numbers import LEAP, NAMESPACE, RESERVED
from hub.journal.retention import Limits
from hub.storage.sql import FIND, KEEP
from hub.storage.values import decode, encode

_PER_SECOND = 1000  # numbers that no hub gives for long


def leap_since(made: int) -> int:
    """How many numbers may have been given since the time `made` (ns); of two restores the later leaps further."""
    age = int(time.time()) - made // 1_000_000_000  # noqa: TID251 - a backup knows no other
    return LEAP + max(age, 0) * _PER_SECOND


def pass_over(home: Path, manifest: Manifest) -> None:
    """Do so to all that a backup has brought into the folder `home`. Raises StorageError."""
    count = leap_since(manifest.head.made)
    for part in manifest.parts:
        if part.kind == "registry":
            pass_over_numbers(home / part.name, count)
        elif part.kind == "telemetry":
            pass_over_in(home / part.name, count)


def pass_over_numbers(registry: Path, count: int) -> None:
    """Let the journal of this registry, if its file is not there, begin `count` numbers behind what it noted.

    The registry may be of any schema, and nobody else has it open. Raises StorageError.
    """
    place = NAMESPACE, RESERVED
    try:
        with closing(sqlite3.connect(registry)) as db, db:
            found = db.execute(FIND, place).fetchone()
            reserved = decode(*place, found[0]) if found else 0
            db.execute(KEEP, (*place, encode(*place, reserved + count)))
    except sqlite3.Error as error:
        raise StorageError(f"{registry} cannot be written: {error}") from error


def pass_over_in(telemetry: Path, count: int) -> None:
    """Let the journal in this file go on `count` numbers behind its end. Raises StorageError."""
    file = JournalFile(telemetry, Limits(2**40, days=(0, 0, 0)))
    try:
        file.open()
        file.pass_over(count)
    finally:
        file.close()
