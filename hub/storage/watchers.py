"""Who hears the changes of one namespace."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Mapping

from hub.api import Watcher
from hub.errors import StorageError
from hub.storage.rows import Row
from hub.storage.values import check_key, decode
from hub.types import Undo

_LOG = logging.getLogger("hub.storage")


class Watchers:
    """Plain functions called with key and value for each change, in the order in which changes became visible.

    What a watcher itself sets off is told a turn of the loop later.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: dict[object, tuple[str, Watcher]] = {}
        self._untold: deque[tuple[str, Row | None]] = deque()
        self._is_telling = False

    def add(self, prefix: str, watcher: Watcher) -> Undo:
        """Call `watcher` for the keys with `prefix` from now on."""
        if prefix:
            check_key(self._name, prefix)
        if inspect.iscoroutinefunction(watcher):
            raise StorageError(f"{self._name}: a watcher must be a plain function; it may start a task")
        token = object()
        self._known[token] = (prefix, watcher)

        def undo() -> None:
            self._known.pop(token, None)

        return undo

    def tell(self, changes: Mapping[str, Row | None]) -> None:
        """Pass on what has become visible."""
        if self._known:
            self._untold.extend(changes.items())
            if not self._is_telling:
                self._tell_all()

    def _tell_all(self) -> None:
        self._is_telling = True
        for _ in range(len(self._untold)):
            key, row = self._untold.popleft()
            for token, (prefix, watcher) in [*self._known.items()]:
                if token in self._known and key.startswith(prefix):
                    self._call(watcher, key, row)
        self._is_telling = bool(self._untold)
        if self._is_telling:
            asyncio.get_running_loop().call_soon(self._tell_all)

    def _call(self, watcher: Watcher, key: str, row: Row | None) -> None:
        try:
            watcher(key, None if row is None else decode(self._name, key, row.value))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the watcher's
            _LOG.error("A watcher of %s failed on %s: %s", self._name, key, error, exc_info=error)
