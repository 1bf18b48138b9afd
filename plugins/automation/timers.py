"""Timers that outlive a wrong clock: an alarm at a wall time, and a steady interval."""

from collections.abc import Callable

from hub.api import Clock

LOOK = 60.0
"""An alarm looks at the clock this often (s), so that a corrected clock is noticed."""

SET_ANEW = 3600.0
"""A wall clock that moved by more than this (s) was set, not corrected."""


class Alarm:
    """Rings at each moment that `following(moment)` gives (wall time, s).

    It waits on monotonic time and looks at the wall clock every minute. A correction of up to an hour neither loses a
    moment nor rings it twice: one that was skipped rings at the next look, one that comes again is known. A larger
    change means the clock was wrong before, so the next moment is simply found anew and nothing rings for the past.

    While the clock `is_trusted` not, nothing rings; when it is again, what was to ring meanwhile rings once.
    """

    def __init__(
        self,
        clock: Clock,
        following: Callable[[float], float],
        ring: Callable[[], None],
        is_trusted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._clock = clock
        self._is_trusted = is_trusted
        # Since when (monotonic), if it is not trusted.
        self._mistrusted = None if is_trusted() else clock.monotonic()
        self._following = following
        self._ring = ring
        self._wall = clock.now() / 1e9
        self._monotonic = clock.monotonic()
        self.due = following(self._wall)
        self._undo = clock.call_later(self._wait(), self._look)

    def stop(self) -> None:
        """Ring no more."""
        self._undo()

    def _wait(self) -> float:
        return min(max(self.due - self._wall, 0.0), LOOK)

    def _look(self) -> None:
        wall, monotonic = self._clock.now() / 1e9, self._clock.monotonic()
        jump = (wall - self._wall) - (monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        rings = False
        if not self._is_trusted():
            if self._mistrusted is None:
                self._mistrusted = monotonic
            self.due = self._following(wall)
        elif self._mistrusted is not None:
            rings = self._following(wall - (monotonic - self._mistrusted)) <= wall
            self._mistrusted, self.due = None, self._following(wall)
        elif abs(jump) > SET_ANEW:
            self.due = self._following(wall)
        elif wall >= self.due:
            self.due = self._following(max(wall, self.due))
            rings = True
        self._undo = self._clock.call_later(self._wait(), self._look)
        if rings:
            self._ring()


class Interval:
    """Rings every `period` seconds of monotonic time, first after one period; what could not be kept is skipped."""

    def __init__(self, clock: Clock, period: float, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._period = period
        self._ring = ring
        self._due = clock.monotonic() + period
        self._undo = clock.call_later(period, self._tick)

    def stop(self) -> None:
        """Ring no more."""
        self._undo()

    def _tick(self) -> None:
        now = self._clock.monotonic()
        missed = max(int((now - self._due) // self._period), 0)
        self._due += (missed + 1) * self._period
        self._undo = self._clock.call_later(max(self._due - now, 0.0), self._tick)
        self._ring()
