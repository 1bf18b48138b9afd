"""Trying again by itself what a device gave no answer to, ever later and not for ever."""

from collections.abc import Callable

from hub.api import Clock, Undo

_FIRST, _MOST_TRIES = 30.0, 6


class Retries:
    """Per device: after 30 s, then after twice as long each time, six times in all (half an hour)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: dict[str, int] = {}
        self._timers: dict[str, Undo] = {}

    def again(self, ieee: str, work: Callable[[], None]) -> bool:
        """Do `work` later instead of what was planned for this device; False if that was done often enough."""
        self._cancel(ieee)
        tries = self._tries.get(ieee, 0)
        if tries >= _MOST_TRIES:
            return False

        def due() -> None:
            self._timers.pop(ieee, None)
            self._tries[ieee] = tries + 1
            work()

        self._timers[ieee] = self._clock.call_later(_FIRST * 2**tries, due)
        return True

    def forget(self, ieee: str) -> None:
        """Nothing is left to be tried, and the count begins anew."""
        self._cancel(ieee)
        self._tries.pop(ieee, None)

    def close(self) -> None:
        """Forget everything."""
        for ieee in [*self._timers]:
            self._cancel(ieee)
        self._tries.clear()

    def _cancel(self, ieee: str) -> None:
        if undo := self._timers.pop(ieee, None):
            undo()
