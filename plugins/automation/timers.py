"""Timers that outlive a wrong clock: an alarm at a wall time, and a steady interval."""

from collections.abc import Callable

from hub.api import Clock

LOOK = 60.0
"""An alarm looks at the clock this often (s), so that a corrected clock is noticed."""

SET_ANEW = 3660.0
"""A wall clock that moved by more than this (s; an hour and a look) was set, not corrected."""

LATE = SET_ANEW
"""What could not ring in time rings up to so many seconds late."""


class Alarm:
    """Rings at each moment that `following(moment)` gives (wall time, s), while the wall clock `is_trusted`.

    It waits on monotonic time and looks at the wall clock every minute, or when it is told to `look`. A correction of
    up to an hour neither loses a moment nor rings it twice: one that was skipped rings at the next look, one that comes
    again is known. A larger change means that the clock was wrong before: what counts then is how much time really went
    by. Moments that came while the clock was not trusted ring, once, when it is, unless they are over an hour ago.
    """

    def __init__(
        self,
        clock: Clock,
        following: Callable[[float], float],
        ring: Callable[[], None],
        is_trusted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._clock = clock
        self._following = following
        self._ring = ring
        self._is_trusted = is_trusted
        self._wall = clock.now() / 1e9
        self._monotonic = clock.monotonic()
        self._settled = self._wall  # no moment up to here rings any more
        self._due = following(self._wall)
        self._undo = clock.call_later(self._wait(), self.look)

    def stop(self) -> None:
        """Ring no more."""
        self._undo()

    def look(self) -> None:
        """Look at the clock now: it may have been set, or be trusted again."""
        self._undo()
        rings = self._is_trusted() and self._is_due()
        self._undo = self._clock.call_later(self._wait(), self.look)
        if rings:
            self._ring()

    def _wait(self) -> float:
        return min(max(self._due - self._wall, 0.0), LOOK) if self._is_trusted() else LOOK

    def _is_due(self) -> bool:
        wall, monotonic = self._clock.now() / 1e9, self._clock.monotonic()
        passed = monotonic - self._monotonic  # since the last look at a clock that was trusted
        jump = (wall - self._wall) - passed
        self._wall, self._monotonic = wall, monotonic
        if abs(jump) > SET_ANEW:
            self._settled = wall - passed
        rings = self._following(max(self._settled, wall - LATE)) <= wall
        self._settled = max(self._settled, wall)
        self._due = self._following(self._settled)
        return rings


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
