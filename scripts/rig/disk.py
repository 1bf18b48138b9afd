"""A disk: what was synced is kept, of the rest anything may be left when the power is cut."""

from collections.abc import Callable, Mapping
from random import Random

import apsw

type Op = tuple[int, bytes | None]
"""A write at a place, or, without bytes, a change of the size to it."""

_SECTOR = 512


class File:
    """One file: what everybody reads (`data`), what is certain (`kept`), and what happened in between."""

    def __init__(self, content: bytes = b"", *, is_linked: bool = False) -> None:
        self.data = bytearray(content)
        self.kept = bytearray(content)
        self.pending: list[Op] = []
        self.is_linked = is_linked  # its name is certain

    def change(self, op: Op) -> None:
        """Let something happen to it."""
        _apply(self.data, op)
        self.pending.append(op)

    def sync(self) -> None:
        """Make all that happened certain."""
        for op in self.pending:
            _apply(self.kept, op)
        self.pending.clear()

    def left(self, dice: Random) -> bytes:
        """What a power cut leaves: of each change all, nothing, or some sectors."""
        content = bytearray(self.kept)
        for place, data in self.pending:
            match dice.randrange(4), data:
                case 0, _:
                    continue
                case 1, bytes():
                    for at in range(0, len(data), _SECTOR):
                        if dice.random() < 0.5:  # noqa: PLR2004
                            _apply(content, (place + at, data[at : at + _SECTOR]))
                case 2, bytes():
                    _apply(content, (place, data[: dice.randrange(len(data) + 1)]))
                case _:
                    _apply(content, (place, data))
        return bytes(content)


def _apply(content: bytearray, op: Op) -> None:
    place, data = op
    size = len(content)
    if data is None:
        if place <= size:
            del content[place:]
        else:
            content.extend(bytes(place - size))
        return
    if place > size:
        content.extend(bytes(place - size))
    content[place : place + len(data)] = data


class Disk:
    """Files by name. `fault(what, name)` may raise; after `steps` more operations, if given, the power is cut."""

    def __init__(self, dice: Random, files: Mapping[str, bytes] | None = None, steps: int | None = None) -> None:
        self.files = {name: File(content, is_linked=True) for name, content in (files or {}).items()}
        self.left: dict[str, bytes] | None = None
        """What the power cut left, after it."""
        self.now: Callable[[], float] = lambda: 0.0
        self.cut_at = 0.0
        """When the power was cut, by `now`."""
        self.fault: Callable[[str, str], None] = lambda _what, _name: None
        self._removed: dict[str, File] = {}  # whose name may come back
        self._dice = dice
        self._steps = steps

    def cut(self) -> dict[str, bytes]:
        """Cut the power now."""
        if self.left is None:
            dice, self.cut_at = self._dice, self.now()
            named = {name: file for name, file in self._removed.items() if dice.random() < 0.5}  # noqa: PLR2004
            named |= {name: file for name, file in self.files.items() if file.is_linked or dice.random() < 0.5}  # noqa: PLR2004
            self.left = {name: file.left(dice) for name, file in named.items()}
        return self.left

    def spare(self) -> int | None:
        """Take back the cut that is to come; returns after how many steps that would have been."""
        steps, self._steps = self._steps, None
        return steps

    def cut_after(self, steps: int | None) -> None:
        """Cut the power after so many more operations."""
        self._steps = steps

    def step(self, what: str, name: str) -> None:
        """One operation: read, write, sync, truncate, open or delete."""
        if self._steps is not None and what in {"write", "sync", "truncate", "delete"}:
            self._steps -= 1
            if self._steps <= 0:
                self.cut()
        if self.left is not None:
            raise apsw.exception_for(apsw.SQLITE_IOERR)
        self.fault(what, name)

    def sync(self, name: str, file: File) -> None:
        """Make a file's content certain, and with that of a new log, as SQLite has it, all names in its folder."""
        file.sync()
        if name.endswith(("-wal", "-journal")) and not file.is_linked:
            self.sync_names()

    def sync_names(self) -> None:
        """Make certain which files there are."""
        self._removed.clear()
        for file in self.files.values():
            file.is_linked = True

    def remove(self, name: str, *, is_certain: bool) -> None:
        """Take a file away."""
        file = self.files.pop(name)
        if is_certain:
            self.sync_names()
        elif file.is_linked:
            self._removed[name] = file
