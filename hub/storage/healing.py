"""A SQLite file on a disk that may fall sick. Plain calls, one thread at a time.

What fails because disk or file broke lets go of the file, and the next call opens it anew: so it comes back with the
disk. A damaged file is mended, if its owner knows how, and the call made once more.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from hub.errors import StorageError
from hub.storage.file import FileDamagedError, FileUnreachableError, damaged, explain, is_broken, is_damage

type Opener = Callable[[bool], sqlite3.Connection]
"""Opens the file, as `hub.storage.file.open_file` does; makes it only if the argument says so."""


class HealingFile:
    """One file; `attempt` is the way to use it."""

    def __init__(self, path: Path, opener: Opener) -> None:
        self.path = path
        self.repaired = ""
        """What was done, last, about damage: a sentence."""
        self._opener = opener
        self._db: sqlite3.Connection | None = None
        self._is_open = self._was_open = False

    def open(self) -> None:
        """Open it, or make it. Raises StorageError; then the next attempt tries again."""
        self._is_open, self._was_open = True, False
        self.attempt("open", lambda _db: None)

    def close(self) -> None:
        """Close it; closing twice does no harm."""
        self._is_open = False
        self._let_go()

    def attempt[T](self, verb: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` with the file; `verb` says what could not be done. Raises StorageError."""
        if not self._is_open:
            raise StorageError(f"{self.path} is closed; it is there from the hub's start to its stop")
        try:
            return self._once(verb, work)
        except FileDamagedError as error:
            self._let_go()
            self.repaired = self._mend(error)
            self._was_open = False
            return self._once(verb, work)

    def _once[T](self, verb: str, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._reach())
        except sqlite3.Error as error:
            if is_broken(error):
                self._let_go()
            kind = FileDamagedError if is_damage(error) else FileUnreachableError if is_broken(error) else StorageError
            raise kind(explain(verb, self.path, error)) from error
        except UnicodeDecodeError as error:  # what SQLite quotes is damaged
            raise damaged(self.path, str(error)) from error

    def _reach(self) -> sqlite3.Connection:
        if self._db is None:
            db = self._opener(not self._was_open)
            try:
                self._load(db)
            except BaseException:
                db.close()
                raise
            self._db, self._was_open = db, True
        return self._db

    def _let_go(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _load(self, db: sqlite3.Connection) -> None:
        """Look at what was opened."""

    def _mend(self, damage: FileDamagedError) -> str:
        """Put a good file in the damaged one's place; says what was done. Raises StorageError when it cannot."""
        raise damage
