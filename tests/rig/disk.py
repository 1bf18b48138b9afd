"""A disk in memory that forgets, when the power is cut, what was not synced, and that can fall ill.

What a write did is seen by every reader at once, as through a page cache; on the disk it is when the file was synced.
A name in a folder is there for good when the folder was synced. At a cut each write that was not synced is at random
kept, dropped, torn at a sector's border or put before another; a name that was not synced is or is not there, and what
a file had grown by may hold anything. What a write does not touch it never harms: that is what SQLite builds on by
default (powersafe overwrite).
"""

import errno
import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

SECTOR = 512
"""Bytes that are written whole or not at all."""

_numbers = itertools.count(1)


class DiskError(OSError):
    """What the kernel would say, as `errno`."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, errno.errorcode[number], name)


class Node:
    """One file's bytes: as they are read `now`, as they are `kept`, and in order what was done since the last sync.

    A pending change is an offset and bytes, or a size and `None`: the file was cut to it.
    """

    def __init__(self, kept: bytes | bytearray = b"") -> None:
        self.now = bytearray(kept)
        self.kept = bytearray(kept)
        self.pending: list[tuple[int, bytes | None]] = []

    def write(self, offset: int, data: bytes) -> None:
        self.pending.append((offset, data))
        _put(self.now, offset, data)

    def truncate(self, size: int) -> None:
        self.pending.append((size, None))
        _resize(self.now, size)

    def sync(self) -> None:
        for place, data in self.pending:
            _apply(self.kept, place, data)
        self.pending.clear()

    def forget(self, dice: random.Random) -> None:
        """Let a sync fail as Linux does: pages count as clean although some of them never came to the disk."""
        for place, data in self.pending:
            if dice.random() < 0.5:
                _apply(self.kept, place, data)
        self.pending.clear()

    def survivor(self, dice: random.Random) -> "Node":
        """What is found after a cut."""
        node = Node(self.kept)
        for place, data in _fate(self.pending, dice):
            if data is not None and place > len(node.now):
                _put(node.now, len(node.now), _leftover(place - len(node.now), dice))
            _apply(node.now, place, data)
        node.kept[:] = node.now
        return node


class Disk:
    """Files by name, all in one folder; `path` names them for whoever opens one.

    `turns` counts what changes the disk, and with the one that reaches `cut_at` the power goes: nothing more happens
    and every call fails. While `room` bytes are taken no file grows; calls named in `failing` ("read", "write", "sync")
    fail; on a `read_only` disk nothing can be written.
    """

    def __init__(self, dice: random.Random | None = None) -> None:
        self.folder = Path(f"/disk-{next(_numbers)}")
        self.names: dict[str, Node] = {}
        self.turns = 0
        self.cut_at: int | None = None
        self.on_cut: Callable[[], object] = _nothing
        self.is_off = False
        self.lies = False  # it says that it has synced what it has not
        self.room: int | None = None
        self.failing: set[str] = set()
        self.read_only = False
        self._dice = dice or random.Random(0)
        self._kept_names: dict[str, Node] = {}
        self._renamed: list[tuple[str, Node | None]] = []

    def path(self, name: str) -> Path:
        return self.folder / name

    # What a file system does

    def create(self, name: str) -> Node:
        """Make an empty file if there is none."""
        if name not in self.names:
            self._turn(name)
            self._name(name, Node())
        return self.names[name]

    def delete(self, name: str, *, synced: bool) -> None:
        self._turn(name)
        self._name(name, None)
        if synced:
            self._sync_folder()

    def read(self, name: str, node: Node, offset: int, size: int) -> bytes:
        if self.is_off or "read" in self.failing:
            raise DiskError(errno.EIO, name)
        return bytes(node.now[offset : offset + size])

    def write(self, name: str, node: Node, offset: int, data: bytes) -> None:
        cut = self._turn(name, then=lambda: node.write(offset, data))
        if cut or "write" in self.failing:
            raise DiskError(errno.EIO, name)
        if self.room is not None and offset + len(data) > len(node.now):
            used = sum(len(one.now) for one in self.names.values())
            if used + offset + len(data) - len(node.now) > self.room:
                raise DiskError(errno.ENOSPC, name)
        node.write(offset, data)

    def truncate(self, name: str, node: Node, size: int) -> None:
        if self._turn(name, then=lambda: node.truncate(size)) or "write" in self.failing:
            raise DiskError(errno.EIO, name)
        node.truncate(size)

    def sync(self, name: str, node: Node, *, with_folder: bool = False) -> None:
        self._turn(name)
        if "sync" in self.failing:
            node.forget(self._dice)
            raise DiskError(errno.EIO, name)
        if not self.lies:
            node.sync()
            if with_folder:
                self._sync_folder()

    def renew(self, name: str) -> None:
        """Write a file once more as it is read, if there is one."""
        if name in self.names:
            node = self.names[name]
            self.write(name, node, 0, self.read(name, node, 0, len(node.now)))
            self.sync(name, node)

    def _turn(self, name: str, *, then: Callable[[], object] | None = None) -> bool:
        """Count what is about to happen; says whether the power goes with it, and then it may have been begun."""
        if self.is_off:
            raise DiskError(errno.EIO, name)
        if self.read_only:
            raise DiskError(errno.EROFS, name)
        self.turns += 1
        if self.turns != self.cut_at:
            return False
        if then is not None and self._dice.random() < 0.5:
            then()
        self.cut()
        if then is None:
            raise DiskError(errno.EIO, name)
        return True

    def _name(self, name: str, node: Node | None) -> None:
        _rename(self.names, name, node)
        self._renamed.append((name, node))

    def _sync_folder(self) -> None:
        for name, node in self._renamed:
            _rename(self._kept_names, name, node)
        self._renamed.clear()

    # What befalls it

    def cut(self) -> None:
        """Take the power away."""
        self.is_off = True
        self.on_cut()

    def restarted(self) -> "Disk":
        """The disk when the power is back."""
        dice, names = self._dice, dict(self._kept_names)
        for name in dict(self._renamed):
            done = [node for known, node in self._renamed if known == name]
            if kept := dice.randint(0, len(done)):
                _rename(names, name, done[kept - 1])
        return self._with({name: node.survivor(dice) for name, node in sorted(names.items())})

    def copy(self) -> "Disk":
        """The same as it is read now, as after a crash that the kernel outlived."""
        return self._with({name: Node(node.now) for name, node in self.names.items()})

    def _with(self, names: dict[str, Node]) -> "Disk":
        disk = Disk(self._dice)
        disk.names, disk._kept_names = names, dict(names)
        return disk

    def mend(self) -> None:
        """Make it well again."""
        self.room = None
        self.read_only = False
        self.failing.clear()

    def fill(self) -> None:
        """Leave no room for a file to grow."""
        self.room = 0

    def damage(self, name: str, offset: int, size: int = SECTOR) -> None:
        """Put noise in place of some bytes, also of the kept ones."""
        noise = self._dice.randbytes(size)
        for content in (self.names[name].now, self.names[name].kept):
            content[offset : offset + size] = noise[: max(len(content) - offset, 0)]

    def flip(self, name: str, offset: int, bit: int = 0) -> None:
        """Turn one bit over."""
        for content in (self.names[name].now, self.names[name].kept):
            content[offset] ^= 1 << bit


def _fate(pending: list[tuple[int, bytes | None]], dice: random.Random) -> Iterator[tuple[int, bytes | None]]:
    """What of the pending changes comes to the disk, as the disk put it in order."""
    order = [*pending]
    if dice.random() < 0.25:
        dice.shuffle(order)
    likely, torn = dice.choice((0.0, 0.1, 0.5, 0.9, 1.0)), dice.choice((0.0, 0.1, 0.5))
    for place, data in order:
        if data is not None and dice.random() < torn:
            yield from (piece for piece in _sectors(place, data) if dice.random() < likely)
        elif dice.random() < likely:
            yield place, data


def _sectors(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    begin = 0
    while begin < len(data):
        end = min(begin + SECTOR - (offset + begin) % SECTOR, len(data))
        yield offset + begin, data[begin:end]
        begin = end


def _leftover(size: int, dice: random.Random) -> bytes:
    """What stands where a file grew and nothing was written: nothing, or what another file left there."""
    return bytes(size) if dice.random() < 0.5 else dice.randbytes(size)


def _apply(content: bytearray, place: int, data: bytes | None) -> None:
    if data is None:
        _resize(content, place)
    else:
        _put(content, place, data)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _rename(names: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _nothing() -> None:
    """Nobody wants to know."""
