"""An engine from below: rows of bytes; and how values are read out of them."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from hub.errors import StorageError
from hub.storage.values import check_key, decode

type Pairs = list[tuple[str, Any]]

_LOG = logging.getLogger("hub.storage")


class Row(NamedTuple):
    """What is to be kept of one key: its bytes, and for how many seconds of the store's clock (`None`: for good)."""

    value: bytes
    ttl: float | None = None


def size(rows: Mapping[str, tuple[bytes, float | None] | None]) -> int:
    """Bytes of the keys and values that are kept."""
    return sum(len(key.encode()) + len(row[0]) for key, row in rows.items() if row is not None)


class Rows(Protocol):
    """What an engine must be able to do: read, scan and one way to write, each atomic.

    What one call changed is seen by all that begin after it returned. An expired row is not there.
    """

    async def read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of `keys` that exist."""

    async def scan(self, namespace: str, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with `prefix`, in the order of their keys' code points, from behind `after`, at most `limit`."""

    async def apply(
        self,
        namespace: str,
        expected: Mapping[str, bytes | None],
        changes: Mapping[str, Row | None],
        *,
        durable: bool,
    ) -> bool:
        """Make all of `changes` (`None`: gone) if every row is as `expected` (`None`: not there), or none of them.

        Says whether it did. Whatever becomes visible is passed to `tell` at once, in that order.
        """


class Reader:
    """The values of one namespace, read from rows."""

    def __init__(self, rows: Rows, name: str, damaged: set[str]) -> None:
        self._rows = rows
        self._name = name
        self._damaged = damaged  # keys of damaged values that were told

    async def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - JSON-like
        """Return the value of `key`, or `default`."""
        check_key(self._name, key)
        row = await self._row(key)
        return default if row is None else decode(self._name, key, row)

    async def _row(self, key: str) -> bytes | None:
        return (await self._rows.read(self._name, (key,))).get(key)

    async def _scan(self, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        return await self._rows.scan(self._name, prefix, after, limit)

    def _decoded(self, rows: list[tuple[str, bytes]]) -> Pairs:
        values: Pairs = []
        for key, row in rows:
            try:
                values.append((key, decode(self._name, key, row)))
            except StorageError as error:
                if key not in self._damaged:
                    self._damaged.add(key)
                    _LOG.warning("%s; it is left out of lists", error)
        return values

    async def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> Pairs:
        """Keys with `prefix` and their values in order, from behind the key `after`, at most `limit`.

        A damaged value is left out, and logged once.
        """
        for text in (prefix, after):
            if text:
                check_key(self._name, text)
        found: Pairs = []
        while (wanted := limit - len(found)) > 0:
            rows = await self._scan(prefix, after, wanted)
            found += self._decoded(rows)
            if len(rows) < wanted:
                break
            after = rows[-1][0]
        return found
