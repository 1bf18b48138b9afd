"""What must be remembered: the contract of a storage engine, and what all engines share.

An engine keeps rows of bytes (`hub.storage.rows.Rows`) and hands out a `Namespace` for each plugin, which checks keys,
turns values into bytes and back, and is all that a plugin sees of storage.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, cast

from hub.api import Watcher
from hub.errors import StorageError
from hub.stats import StorageStats
from hub.storage.rows import Reader, Row, Rows, size
from hub.storage.transaction import BufferedTransaction
from hub.storage.values import check_key, check_ttl, decode, encode
from hub.storage.watchers import Watchers
from hub.types import StorageWrite, Undo

_NAMESPACE = re.compile(r"[a-z0-9_]+")


class Namespace(Reader):
    """One owner's keys: what `hub.api.Storage` promises, on top of an engine's rows.

    Values are equal to `compare_and_set` when their encodings are: 1 is not 1.0 nor True, the order of a dict's keys
    does not matter, and a tuple is a list. `written` counts the bytes of keys and values handed in so far.
    """

    def __init__(self, rows: Rows, name: str) -> None:
        if not _NAMESPACE.fullmatch(name):
            raise StorageError(f"namespace {name!r} is not a name: use the letters a-z, digits and _")
        super().__init__(rows, name, set())
        self.written = 0
        self._watchers = Watchers(name)

    async def set(self, key: str, value: Any, *, durable: bool = False, ttl: float | None = None) -> None:  # noqa: ANN401
        """Remember one value."""
        await self.set_many({key: value}, durable=durable, ttl=ttl)

    async def delete(self, key: str, *, durable: bool = False) -> bool:
        """Forget one; says whether it was there."""
        check_key(self._name, key)
        while True:
            row = await self._row(key)
            changes: dict[str, Row | None] = {} if row is None else {key: None}
            if await self._rows.apply(self._name, {key: row}, changes, durable=durable):
                return row is not None

    async def get_many(self, keys: Sequence[str]) -> dict[str, Any]:
        """Those of `keys` that exist."""
        for key in keys:
            check_key(self._name, key)
        rows = await self._rows.read(self._name, keys)
        return {key: decode(self._name, key, row) for key, row in rows.items()}

    async def set_many(self, items: Mapping[str, Any], *, durable: bool = False, ttl: float | None = None) -> None:
        """Remember several values, all or none."""
        check_ttl(self._name, ttl)
        rows = {key: Row(encode(self._name, key, value), ttl) for key, value in items.items()}
        await self._rows.apply(self._name, {}, rows, durable=durable)

    async def compare_and_set(
        self,
        key: str,
        expected: Any,  # noqa: ANN401 - JSON-like
        value: Any,  # noqa: ANN401 - JSON-like
        *,
        durable: bool = False,
    ) -> bool:
        """Set only if the value is `expected` (`None`: not there); says whether it did."""
        old = None if expected is None else encode(self._name, key, expected)
        new = Row(encode(self._name, key, value))
        return await self._rows.apply(self._name, {key: old}, {key: new}, durable=durable)

    def transaction(self, *, durable: bool = False) -> BufferedTransaction:
        """Read and write several keys as one: use it with `async with`."""
        return BufferedTransaction(self._rows, self._name, self._damaged, durable=durable)

    def watch(self, prefix: str, watcher: Watcher) -> Undo:
        """Call the plain function `watcher(key, value)` for each change of a key with `prefix`; `None`: it is gone."""
        return self._watchers.add(prefix, watcher)

    def tell(self, changes: Mapping[str, Row | None]) -> None:
        """Count and pass on what an engine made visible."""
        self.written += size(changes)
        self._watchers.tell(changes)


type OnTrouble = Callable[[Trouble, str, str], object]
"""Called with what happened to which file, and a sentence on it."""

type Trouble = Literal["failing", "recovered", "repaired"]


class StorageEngine(Protocol):
    """Opens a store and hands out its namespaces. Every method raises StorageError, with one sentence."""

    on_trouble: OnTrouble

    async def open(self) -> None:
        """Make ready, or refuse and leave what is there as it is."""

    async def close(self) -> None:
        """Write what is pending and let go of everything; closing twice does no harm."""

    async def flush(self) -> None:
        """Return when all that was written before is on the disk."""

    def stats(self) -> StorageStats:
        """What it has committed since it was made, and what waits."""

    def namespace(self, name: str) -> Namespace:
        """Give the keys of one owner; `name` is made of a-z, 0-9 and _."""

    async def check(self) -> str:
        """Look through all there is; says what was damaged and done about it, or nothing."""

    async def writes(self, namespace: str = "", prefix: str = "", limit: int = 100) -> Sequence[StorageWrite]:
        """Who wrote which key when, the newest first; how far back is the engine's own affair."""


class EngineBase:
    """What an engine inherits: one Namespace object a name, so that all who use it share its watchers and its count."""

    def __init__(self) -> None:
        self._namespaces: dict[str, Namespace] = {}
        self.on_trouble: OnTrouble = unheard

    def namespace(self, name: str) -> Namespace:
        """Give the keys of one owner."""
        if name not in self._namespaces:
            self._namespaces[name] = Namespace(cast("Rows", self), name)
        return self._namespaces[name]

    def written(self) -> dict[str, int]:
        """Bytes of keys and values that were handed in, by namespace."""
        return {name: one.written for name, one in self._namespaces.items() if one.written}

    def tell(self, namespace: str, changes: Mapping[str, Row | None]) -> None:
        """Say what has become visible, in that order."""
        if (found := self._namespaces.get(namespace)) is not None:
            found.tell(changes)


def unheard(_trouble: Trouble, _file: str, _reason: str) -> None:
    """Nobody listens."""
