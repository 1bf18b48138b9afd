"""Silence is judged by each device's own rhythm, and only the silence somebody listened to."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from device_plugins.zigbee.availability import Rhythm, Watch, span

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def after(silences: Iterable[float], *, mains: bool = False) -> tuple[Watch, float]:
    """A watch that has heard signs of life so far apart, and the time of the last."""
    watch, now = Watch(mains=mains), 0.0
    watch.resume(now)
    watch.heard(now)
    for silence in silences:
        now += silence
        watch.heard(now)
    return watch, now


def test_until_its_rhythm_is_known_a_sleeper_has_a_day_and_an_hour() -> None:
    watch, now = after([HOUR] * 3)
    assert watch.verdict(now + 24.9 * HOUR) == "well"
    assert watch.verdict(now + 25.1 * HOUR) == "gone"
    assert "its rhythm is not known yet" in watch.reason(now + 26 * HOUR)


def test_one_that_speaks_every_hour_is_missed_within_a_few() -> None:
    watch, now = after([HOUR] * 48)
    assert watch.verdict(now + 2.9 * HOUR) == "well"
    assert watch.verdict(now + 4.5 * HOUR) == "gone"
    why = watch.reason(now + 5 * HOUR)
    assert why == "it has not been heard for 5 hours; it usually speaks at least every 68 minutes"


def test_one_that_is_silent_every_night_is_not_gone_at_night() -> None:
    day = [5 * MINUTE] * 12 * 16 + [8 * HOUR]
    watch, now = after(day * 3)
    assert watch.verdict(now + 12 * HOUR) == "well"
    assert watch.verdict(now + 40 * HOUR) == "gone"


def test_one_silence_in_a_hundred_does_not_make_a_rhythm() -> None:
    watch, now = after([HOUR] * 48 + [30 * HOUR] + [HOUR] * 48)
    assert watch.verdict(now + 5 * HOUR) == "gone"


def test_a_burst_says_nothing() -> None:
    calm, now = after([HOUR] * 48)
    watch, later = after(([1.0] * 50 + [HOUR]) * 48)
    assert watch.patience() == calm.patience()
    assert watch.verdict(later + 2.5 * HOUR) == calm.verdict(now + 2.5 * HOUR) == "well"


def test_a_device_may_change_its_ways() -> None:
    watch, now = after([12 * HOUR] * 60)
    assert watch.verdict(now + 30 * HOUR) == "well"
    for _ in range(24 * 400):
        now += HOUR
        watch.heard(now)
    assert watch.verdict(now + 10 * HOUR) == "gone"


def test_one_on_mains_is_asked_and_only_then_gone() -> None:
    watch, now = after([5 * MINUTE] * 12 * 30, mains=True)
    now += 30 * MINUTE
    assert watch.verdict(now) == "ask"
    for step in (0.0, 30.0):
        now += step
        assert watch.verdict(now) == "ask"
        watch.ask()
        watch.missed(now)
    assert watch.verdict(now) == "gone"
    assert watch.reason(now) == "it has not been heard for 30 minutes, and does not answer"
    assert watch.verdict(now + 60.0) == "ask"
    watch.ask()
    watch.answered(now + 61.0)
    assert watch.verdict(now + 61.0) == "well"


def test_answers_do_not_count_for_the_rhythm() -> None:
    """Otherwise one that only speaks when it is asked would be asked ever later."""
    watch, now = after([], mains=True)
    first = watch.patience()
    for _ in range(500):
        now += watch.patience()
        watch.ask()
        watch.answered(now)
    assert watch.patience() == first
    assert watch.rhythm.told() == []


def test_one_that_is_doubted_is_asked_at_once() -> None:
    watch, now = after([], mains=True)
    watch.doubt()
    assert watch.verdict(now + 1.0) == "ask"
    watch.heard(now + 2.0)
    assert watch.verdict(now + 2.0) == "well"


def test_downtime_does_not_count() -> None:
    watch, now = after([HOUR] * 48)
    before = watch.patience()
    watch.pause()
    assert watch.verdict(now + 30 * DAY) == "well"
    watch.resume(now + 30 * DAY)
    watch.heard(now + 30 * DAY + HOUR)
    assert watch.patience() == before
    assert watch.verdict(now + 30 * DAY + 2 * HOUR) == "well"
    assert watch.verdict(now + 30 * DAY + 9 * HOUR) == "gone"


@given(st.lists(st.floats(0, 10 * DAY), max_size=200))
def test_a_rhythm_is_remembered_as_it_is(silences: list[float]) -> None:
    rhythm = Rhythm()
    for silence in silences:
        rhythm.add(silence)
    recalled = Rhythm.recalled(rhythm.told())
    assert recalled.told() == rhythm.told()
    assert recalled.usual() == pytest.approx(rhythm.usual())


@given(st.floats(15 * MINUTE, 30 * HOUR), st.integers(100, 300))
def test_a_regular_device_is_never_taken_for_gone(every: float, times: int) -> None:
    watch, now = after([every] * times)
    assert watch.verdict(now + every * 1.3) == "well"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5.4, "5 seconds"), (119.0, "119 seconds"), (120.0, "2 minutes"), (26 * HOUR, "26 hours"), (3 * DAY, "3 days")],
)
def test_spans_in_words(seconds: float, words: str) -> None:
    assert span(seconds) == words


class Watched(RuleBasedStateMachine):
    """A device, a clock that is turned, and a radio that comes and goes."""

    def __init__(self, *, mains: bool) -> None:
        super().__init__()
        self.mains = mains
        self.now = 1000.0
        self.watch = Watch(mains=mains)
        self.silent: float | None = None
        """Seconds of silence that somebody listened to; None while nobody does."""
        self.misses = 0
        self.doubted = False

    @rule(seconds=st.one_of(st.floats(0, 120), st.floats(0, 3 * DAY)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.silent is not None:
            self.silent += seconds

    @rule()
    def it_speaks(self) -> None:
        self.watch.heard(self.now)
        if self.silent is not None:
            self.silent, self.misses, self.doubted = 0.0, 0, False
            assert self.watch.verdict(self.now) == "well"

    @precondition(lambda self: self.watch.verdict(self.now) == "ask")
    @rule(answers=st.booleans(), takes=st.floats(0, 10))
    def it_is_asked(self, answers: bool, takes: float) -> None:  # noqa: FBT001 - hypothesis passes it by name
        self.watch.ask()
        self.time_passes(takes)
        if answers:
            self.watch.answered(self.now)
            self.silent, self.misses, self.doubted = 0.0, 0, False
        else:
            self.watch.missed(self.now)
            self.misses += 1
            assert self.watch.verdict(self.now) != "ask"

    @precondition(lambda self: self.mains)
    @rule()
    def a_command_finds_no_answer(self) -> None:
        self.watch.doubt()
        self.doubted = self.silent is not None

    @rule()
    def the_radio_comes(self) -> None:
        self.watch.resume(self.now)
        self.silent, self.misses, self.doubted = 0.0, 0, False

    @rule()
    def the_radio_goes(self) -> None:
        self.watch.pause()
        self.silent, self.misses, self.doubted = None, 0, False

    @invariant()
    def the_silence_is_what_somebody_listened_to(self) -> None:
        assert self.watch.silence(self.now) == pytest.approx(self.silent or 0.0, abs=1e-6)

    @invariant()
    def nobody_is_judged_unheard(self) -> None:
        verdict = self.watch.verdict(self.now)
        if self.silent is None:
            assert verdict == "well"
        elif verdict != "well":
            assert self.doubted or self.silent >= (5 * MINUTE if self.mains else 2 * HOUR) - 1e-6
        if verdict == "gone" and self.mains:
            assert self.misses >= 2
        if verdict == "ask":
            assert self.mains

    @invariant()
    def nobody_is_gone_for_ever_unnoticed(self) -> None:
        longest = 2 * HOUR if self.mains else 50 * HOUR
        if self.silent is not None and self.silent > longest:
            asked = self.mains and self.misses < 2
            assert asked or self.watch.verdict(self.now) in {"gone", "ask"}


class OnMains(Watched):
    def __init__(self) -> None:
        super().__init__(mains=True)


class OnBattery(Watched):
    def __init__(self) -> None:
        super().__init__(mains=False)


TestOnMains = OnMains.TestCase
TestOnBattery = OnBattery.TestCase
