"""Whether silence is a bad sign: learned from each device's own rhythm. Pure; times are monotonic seconds."""

import math
from typing import Literal

type Verdict = Literal["well", "ask", "gone"]
"""Nothing to do; to be asked whether it is there; not there any more."""

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
# Signs of life closer together are one: a burst says nothing about how long a device may be silent.
_SHORTEST, _LONGEST = 10.0, 4 * _DAY
_BINS_AN_OCTAVE = 2
# What is learned counts when it covers a night, and is forgotten by halves so that a device may change its ways.
_LEARNED_AFTER, _ENOUGH, _HALVED_AFTER, _LEAST = _DAY, 8, 28 * _DAY, 0.25
# A silence is part of the rhythm if it came more than once, and such silences make up this share of the time.
_TWICE, _SHARE = 2, 0.05
# Asking costs a frame, so it may come soon; one that sleeps cannot be asked, so it is given time.
_MAINS = (2.0, 5 * _MINUTE, 2 * _HOUR, 15 * _MINUTE)
_SLEEPS = (3.0, 2 * _HOUR, 50 * _HOUR, 25 * _HOUR)
_ASK_AGAIN, _ASK_MOST, _MISSES = 30.0, _HOUR, 2


class Rhythm:
    """The lengths of a device's silences, counted in bins of a logarithmic scale."""

    def __init__(self, counts: dict[int, float] | None = None) -> None:
        self._counts = dict(counts or {})
        self._total = sum(_middle(one) * count for one, count in self._counts.items())

    def add(self, silence: float) -> None:
        """Count a silence of so many seconds."""
        number = math.floor(_BINS_AN_OCTAVE * math.log2(min(max(silence, _SHORTEST), _LONGEST)))
        self._counts[number] = self._counts.get(number, 0.0) + 1
        self._total += _middle(number)
        if self._total > _HALVED_AFTER:
            self._forget_half()

    def _forget_half(self) -> None:
        self._counts = {one: count / 2 for one, count in self._counts.items() if count / 2 >= _LEAST}
        self._total = sum(_middle(one) * count for one, count in self._counts.items())

    def usual(self) -> float | None:
        """How long it is silent at most when all is well, in seconds; None until enough is known."""
        if self._total < _LEARNED_AFTER or sum(self._counts.values()) < _ENOUGH:
            return None
        count = time = 0.0
        for number in sorted(self._counts, reverse=True):
            count += self._counts[number]
            time += self._counts[number] * _middle(number)
            if count >= _TWICE and time >= _SHARE * self._total:
                return float(2 ** ((number + 1) / _BINS_AN_OCTAVE))
        return None

    def told(self) -> list[list[float]]:
        """What is to be remembered, as JSON-like data."""
        return [[number, round(count, 2)] for number, count in sorted(self._counts.items())]

    @classmethod
    def recalled(cls, told: list[list[float]]) -> "Rhythm":
        """Undo `told`."""
        return cls({int(number): float(count) for number, count in told})


class Watch:
    """One device: when it was heard, while somebody listened. `mains` devices can be asked at any time."""

    __slots__ = ("_asking", "_doubted", "_last", "_next_ask", "_since", "_spoke", "mains", "misses", "rhythm")

    def __init__(self, *, mains: bool, rhythm: Rhythm | None = None) -> None:
        self.mains = mains
        self.rhythm = rhythm or Rhythm()
        self.misses = 0
        self._since: float | None = None
        self._last: float | None = None
        self._spoke: float | None = None
        self._asking = self._doubted = False
        self._next_ask = 0.0

    def resume(self, now: float) -> None:
        """Somebody listens from now on; what was before does not count."""
        self.pause()
        self._since = now

    def pause(self) -> None:
        """Nobody listens any more."""
        self._since = self._last = self._spoke = None
        self._asking = self._doubted = False
        self.misses, self._next_ask = 0, 0.0

    def heard(self, now: float) -> None:
        """It gave a sign of life. An answer does not count for its rhythm: it was asked for."""
        if self._since is None:
            return
        self._last = now
        if self.misses or self._doubted:
            self.misses, self._doubted, self._next_ask = 0, False, 0.0
        if self._asking:
            return
        spoke = self._spoke
        if spoke is None:
            self._spoke = now
        elif now - spoke >= _SHORTEST:
            self._spoke = now
            self.rhythm.add(now - spoke)

    def doubt(self) -> None:
        """It did not answer somebody, so it is asked soon."""
        self._doubted = self._since is not None

    def ask(self) -> None:
        """It is being asked; end with `answered` or `missed`."""
        self._asking = True

    def answered(self, now: float) -> None:
        """It answered."""
        self.heard(now)
        self._asking = False

    def missed(self, now: float) -> None:
        """It did not answer; it is asked again ever later."""
        self._asking = False
        if self._since is not None:
            self.misses += 1
            self._next_ask = now + min(_ASK_AGAIN * 2 ** min(self.misses - 1, 20), _ASK_MOST)

    def silence(self, now: float) -> float:
        """For how long it has not been heard, as far as somebody listened; in seconds."""
        begun = self._since if self._last is None else self._last
        return 0.0 if begun is None else now - begun

    def patience(self) -> float:
        """How long it may be silent, in seconds."""
        times, least, most, default = _MAINS if self.mains else _SLEEPS
        usual = self.rhythm.usual()
        return default if usual is None else min(max(times * usual, least), most)

    def verdict(self, now: float) -> Verdict:
        """What is to be made of its silence."""
        is_long = self._since is not None and (self._doubted or self.silence(now) >= self.patience())
        if not is_long:
            return "well"
        if not self.mains:
            return "gone" if self.silence(now) >= self.patience() else "well"
        if now >= self._next_ask:
            return "ask"
        return "gone" if self.misses >= _MISSES else "well"

    def reason(self, now: float) -> str:
        """Why it is taken for gone, in words."""
        since = f"it has not been heard for {span(self.silence(now))}"
        if self.mains:
            return f"{since}, and does not answer"
        usual = self.rhythm.usual()
        return f"{since}; " + (
            f"it usually speaks at least every {span(usual)}" if usual else "its rhythm is not known yet"
        )


def span(seconds: float) -> str:
    """A length of time in words, roughly: "40 minutes"."""
    for unit, length in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    return f"{seconds:.0f} seconds"


def _middle(number: int) -> float:
    return float(2 ** ((number + 0.5) / _BINS_AN_OCTAVE))
