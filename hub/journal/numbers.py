"""Which numbers the journal may have given, noted beside its file: that can be lost, or come back from earlier."""

from contextlib import suppress

from hub.api import Storage
from hub.errors import StorageError

NAMESPACE = "_journal"
CURSORS = "cursor/"
RESERVED = "reserved"
LEAP = 10_000_000_000
"""Numbers that are passed over after a restore, at least: more than a hub gives in years, and few of 2**53."""

_RESERVE = 100_000  # numbers that may be given before the next note of how far they went
_GIVEN = "given"


class Numbers:
    """`reserved`: no higher number was given."""

    def __init__(self, store: Storage) -> None:
        self.reserved = 0
        self._store = store

    async def load(self) -> int:
        """Read the notes; returns a number that was certainly given. Raises StorageError."""
        self.reserved = await self._store.get(RESERVED, 0)
        given: int = await self._store.get(_GIVEN, 0)
        places: list[int] = [place for _, place in await self._store.list(CURSORS) if place <= self.reserved]
        return max(given, *places, 0)

    async def reserve(self, last: int, wanted: int = 0) -> None:
        """Note in time, when numbers up to `last` are given, that as many more as are `wanted` may be."""
        if last + wanted > self.reserved - _RESERVE // 2:
            self.reserved = last + wanted + _RESERVE
            with suppress(StorageError):  # the storage tells of it, and tries again
                await self._store.set_many({RESERVED: self.reserved, _GIVEN: last}, durable=True)

    async def settle(self, last: int) -> None:
        """Note that `last` was given and none behind it. Raises StorageError."""
        await self._store.set_many({RESERVED: last, _GIVEN: last})
