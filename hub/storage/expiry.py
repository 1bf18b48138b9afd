"""The clock by which values with a ttl expire: wall time may jump, and cannot be trusted with that."""

import heapq
from collections.abc import Callable

from hub.api import Clock
from hub.types import Undo

_STALE = 64


class ExpiryClock:
    """Milliseconds, and one timer that calls `sweep` for what expires next.

    They are whole, so that no rounding parts a timer from what it is for. A store starts it at the time it had reached
    in the run before: its time off does not count. `is_used` says that something expires, or did since the start.
    """

    def __init__(self, clock: Clock, sweep: Callable[[], object]) -> None:
        self.is_used = False
        self._clock = clock
        self._sweep = sweep
        self._begun = 0.0
        self._next: int | None = None
        self._undo: Undo | None = None

    def start(self, reached: int) -> None:
        """Go on from the time `reached` in the run before."""
        self._begun = self._clock.monotonic() - reached / 1000

    def stop(self) -> None:
        """Take the timer back."""
        if self._undo is not None:
            self._undo()
        self._undo = self._next = None

    def now(self) -> int:
        """The time, ms."""
        return round((self._clock.monotonic() - self._begun) * 1000)

    def expiry(self, ttl: float) -> int:
        """When what is kept now for `ttl` seconds expires; it is swept then."""
        expires = self.now() + max(round(ttl * 1000), 1)
        self.sweep_at(expires)
        return expires

    def sweep_at(self, expires: int | None) -> None:
        """See to it that `sweep` is called at `expires`, or before."""
        if expires is None or (self._next is not None and self._next <= expires):
            return
        self.stop()
        self.is_used = True
        self._next = expires
        self._undo = self._clock.call_later(max(expires - self.now(), 0) / 1000, self._ring)

    def is_due(self) -> bool:
        """Whether something has expired that was not swept yet."""
        return self._next is not None and self._next <= self.now()

    def _ring(self) -> None:
        self.stop()
        self._sweep()


class Deadlines[K: (str, tuple[str, str])]:
    """Keys that expire: `expire(key)` is called when the time of one has come. One timer serves them all."""

    def __init__(self, clock: Clock, expire: Callable[[K], object]) -> None:
        self.clock = ExpiryClock(clock, self.sweep)
        self._expire: Callable[[K], object] = expire
        self._dues: dict[K, int] = {}
        self._heap: list[tuple[int, K]] = []  # also holds what is no longer so; that is passed over

    def set(self, key: K, ttl: float) -> None:
        """Let the key expire `ttl` seconds from now, and not when it was to expire before."""
        due = self._dues[key] = self.clock.expiry(ttl)
        heapq.heappush(self._heap, (due, key))
        if len(self._heap) > 2 * len(self._dues) + _STALE:
            self._heap = sorted((due, key) for key, due in self._dues.items())

    def drop(self, key: K) -> None:
        """Let it not expire."""
        self._dues.pop(key, None)

    def sweep(self) -> None:
        """Expire what is due, and set the timer for the next."""
        now = self.clock.now()
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._dues.get(key) == due:
                del self._dues[key]
                self._expire(key)
        if self._heap:
            self.clock.sweep_at(self._heap[0][0])
