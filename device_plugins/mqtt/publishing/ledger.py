"""Which retained messages there are on the broker, on the disk: so that all are taken back when their time is over.

A device may be removed, or another prefix be set, while the broker is away or the hub is off.
"""

from collections.abc import Iterable

import msgspec

from hub.api import Storage

_PREFIX = "published/"
_PAGE = 500


class Ledger:
    """The topics of retained messages by device; the hub itself is the device without an id."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._topics: dict[str, tuple[str, ...]] = {}

    async def load(self) -> None:
        """Read what was published before."""
        after = ""
        while page := await self._storage.list(_PREFIX, after=after, limit=_PAGE):
            for key, topics in page:
                self._topics[key.removeprefix(_PREFIX)] = msgspec.convert(topics, tuple[str, ...])
            after = page[-1][0]

    def devices(self) -> list[str]:
        """The devices that something was published of."""
        return [*self._topics]

    def topics(self, device: str) -> tuple[str, ...]:
        """What was published of a device, in the order in which it was."""
        return self._topics.get(device, ())

    async def note(self, device: str, topics: Iterable[str]) -> None:
        """Remember what is published of a device from now on; nothing forgets it."""
        fresh = tuple(dict.fromkeys(topics))
        if fresh == self.topics(device):
            return
        if fresh:
            self._topics[device] = fresh
            await self._storage.set(f"{_PREFIX}{device}", [*fresh])
        elif self._topics.pop(device, None) is not None:
            await self._storage.delete(f"{_PREFIX}{device}")
