"""A reader's own place in the journal."""

from typing import Protocol

from hub.api import Storage
from hub.journal.numbers import CURSORS
from hub.journal.records import Page


class Readable(Protocol):
    """What cursors read from."""

    @property
    def last(self) -> int:
        """The newest number."""
        ...

    async def read(self, after: int = 0, limit: int = 1000) -> Page:
        """What was recorded behind the number `after`, in order."""
        ...

    async def grown(self, after: int) -> None:
        """Return when there is something behind the number `after`."""
        ...


class Cursor:
    """A named place in the journal: what it has not acknowledged it reads again, also after a restart."""

    def __init__(self, journal: Readable, store: Storage, name: str, place: int, known: dict[str, "Cursor"]) -> None:
        self.name = name
        self._known = known
        self._is_forgotten = False
        self._certain = 0  # up to which it is known to be acknowledged on the disk
        self.place = place
        self._journal = journal
        self._store = store

    async def read(self, limit: int = 1000) -> Page:
        """What follows its place; the place stays until it is acknowledged."""
        return await self._journal.read(self.place, limit)

    async def grown(self) -> None:
        """Return when there is something to read."""
        await self._journal.grown(self.place)

    async def acknowledge(self, upto: int, *, durable: bool = False) -> None:
        """Never read again what goes up to this number; what was not recorded yet cannot be acknowledged."""
        upto = min(upto, self._journal.last)
        if self._is_forgotten:
            return
        if upto > self.place or (durable and upto > self._certain):
            self.place = max(upto, self.place)
            place = self.place
            await self._store.set(f"{CURSORS}{self.name}", place, durable=durable)
            if durable:
                self._certain = max(place, self._certain)

    async def forget(self) -> None:
        """Drop the cursor: by this name a new one begins elsewhere."""
        self._is_forgotten = True  # who still holds it would bring it back
        if self._known.get(self.name) is self:
            del self._known[self.name]
            await self._store.delete(f"{CURSORS}{self.name}")
