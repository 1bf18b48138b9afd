"""The announcements that devices were made of, remembered so that devices are known before the broker is."""

import hashlib
import logging
from collections.abc import AsyncIterator

from hub.api import Clock, Storage, Tasks, Undo

LOG = logging.getLogger("hub.mqtt")

_PREFIX = "heard/"
_PAGE = 200
_DELAY = 1.0
_MOST, _MOST_BYTES = 20_000, 32 << 20


class Memory:
    """Keeps the latest announcement of each topic, by convention; at most 20,000, and 32 MiB of them."""

    def __init__(self, storage: Storage, tasks: Tasks, clock: Clock) -> None:
        self._storage = storage
        self._tasks = tasks
        self._clock = clock
        self._held: dict[str, tuple[bytes, int]] = {}
        self._bytes = 0
        self._fresh: dict[str, dict[str, str | bytes] | None] = {}
        self._undo_timer: Undo | None = None
        self._is_full = False

    async def recall(self) -> AsyncIterator[tuple[str, str, bytes]]:
        """What is remembered: convention, topic and payload."""
        after = _PREFIX
        while page := await self._storage.list(_PREFIX, after=after, limit=_PAGE):
            for key, value in page:
                after = key
                if isinstance(value, dict):
                    payload = value.get("payload")
                    convention, topic = value.get("convention"), value.get("topic")
                    if isinstance(payload, bytes) and isinstance(convention, str) and isinstance(topic, str):
                        self._hold(key, payload)
                        yield convention, topic, payload

    def keep(self, convention: str, topic: str, payload: bytes) -> None:
        """Remember an announcement, unless it is as remembered; an empty one is forgotten."""
        key = _key(convention, topic)
        held = self._held.get(key)
        if not payload:
            if held is not None:
                self._release(key)
                self._write(key, None)
            return
        if held is not None and held[0] == _digest(payload):
            return
        if held is None and (len(self._held) >= _MOST or self._bytes + len(payload) > _MOST_BYTES):
            if not self._is_full:
                self._is_full = True
                LOG.warning("There are more announcements on the broker than can be remembered: %d", len(self._held))
            return
        self._hold(key, payload)
        self._write(key, {"convention": convention, "topic": topic, "payload": payload})

    def _hold(self, key: str, payload: bytes) -> None:
        self._release(key)
        self._held[key] = _digest(payload), len(payload)
        self._bytes += len(payload)

    def _release(self, key: str) -> None:
        if (held := self._held.pop(key, None)) is not None:
            self._bytes -= held[1]

    def _write(self, key: str, value: dict[str, str | bytes] | None) -> None:
        self._fresh[key] = value
        if self._undo_timer is None:
            # Many come at once, when the broker has just been connected to.
            self._undo_timer = self._clock.call_later(_DELAY, self._flush_later)

    def _flush_later(self) -> None:
        self._tasks.start("remembers announcements", self.flush())

    async def flush(self) -> None:
        """Write what is new."""
        if self._undo_timer is not None:
            self._undo_timer()
            self._undo_timer = None
        fresh, self._fresh = self._fresh, {}
        await self._storage.set_many({key: value for key, value in fresh.items() if value is not None})
        for key in [key for key, value in fresh.items() if value is None]:
            await self._storage.delete(key)


def _key(convention: str, topic: str) -> str:
    return f"{_PREFIX}{convention}/{hashlib.sha256(topic.encode()).hexdigest()[:24]}"


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).digest()[:12]
