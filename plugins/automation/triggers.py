"""Triggers as subscriptions: what has to be told apart is told apart once, when a rule is bound.

`listener` gives a function that begins to listen and returns its undo; nothing is subscribed before it is called.
"""

from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any

import msgspec

from hub.api import Context, Event, Handler, Undo
from plugins.automation.conditions import Matches, matcher
from plugins.automation.directory import Resolver
from plugins.automation.model import (
    Change,
    DeviceTrigger,
    EventTrigger,
    EveryTrigger,
    StateTrigger,
    TimeTrigger,
    Trigger,
)
from plugins.automation.timers import Alarm, Interval
from plugins.automation.times import next_moment, seconds, time_of_day, weekdays

type Fire = Callable[[Event], None]
type Listen = Callable[[Fire], Undo]
type Entered = Callable[[Any, Any], bool]

_TRUSTED = "clock/trusted"


def listener(trigger: Trigger, ctx: Context, resolver: Resolver, zone: tzinfo | None) -> Listen:
    """What begins to listen for one trigger.

    Raises NotYetError while its device is not there.
    """
    match trigger:
        case EventTrigger():
            return _event(trigger, ctx, resolver.fill(trigger.subject))
        case DeviceTrigger():
            return _change(trigger, ctx, resolver.path(trigger.device, trigger.capability))
        case StateTrigger():
            return _change(trigger, ctx, resolver.fill(trigger.state))
        case TimeTrigger():
            return _time(trigger, ctx, zone)
        case EveryTrigger():
            return _every(trigger, ctx)


def made_event(ctx: Context, kind: str, subject: str) -> Event:
    """The event that stands for a trigger which is none: a time, or a person who asks. It is not published."""
    return Event(kind, subject, ctx.plugin, 0, ctx.clock.now(), None)


def is_trusted(ctx: Context) -> bool:
    """Whether the wall clock is right, as far as somebody judges that: what is due by a wrong one waits."""
    return ctx.state.get(_TRUSTED) is not False


class _Holding:
    """Fires when a path has stayed as wished for `hold` seconds, and not when it leaves before."""

    def __init__(self, ctx: Context, hold: float, fire: Fire) -> None:
        self._clock = ctx.clock
        self._hold = hold
        self._fire = fire
        self._waiting: dict[str, Undo] = {}

    def begin(self, event: Event) -> None:
        self.leave(event.subject)

        def over() -> None:
            del self._waiting[event.subject]
            self._fire(event)

        self._waiting[event.subject] = self._clock.call_later(self._hold, over)

    def leave(self, path: str) -> None:
        if (undo := self._waiting.pop(path, None)) is not None:
            undo()

    def stop(self) -> None:
        for path in list(self._waiting):
            self.leave(path)


def _event(trigger: EventTrigger, ctx: Context, subject: str) -> Listen:
    wanted = tuple(trigger.data.items())

    def listen(fire: Fire) -> Undo:
        def heard(event: Event) -> None:
            data = event.data
            for key, value in wanted:
                found = data.get(key) if isinstance(data, Mapping) else getattr(data, key, None)
                if found != value:
                    return
            fire(event)

        return ctx.events.subscribe(trigger.event, heard if wanted else fire, subject=subject)

    return listen


def _change(trigger: Change, ctx: Context, path: str) -> Listen:
    matches = matcher(trigger.to, trigger.above, trigger.below)
    hold = seconds(trigger.hold)
    entered = _entered(trigger, matches)

    def listen(fire: Fire) -> Undo:
        if not hold:
            return ctx.state.watch(path, _at_once(entered, fire))
        holding = _Holding(ctx, hold, fire)
        undo = ctx.state.watch(path, _after_a_while(entered, matches, holding))

        def stop() -> None:
            undo()
            holding.stop()

        return stop

    return listen


def _entered(trigger: Change, matches: Matches) -> Entered:
    """What tells, by the new and the old value, whether a change leads into what is wished."""
    if trigger.was is not msgspec.UNSET:
        was = trigger.was
        return lambda new, old: bool(old == was) and matches(new)
    if trigger.above is None and trigger.below is None:
        # Old and new always differ, so the old value need not be looked at.
        return lambda new, _old: matches(new)
    return lambda new, old: matches(new) and not matches(old)


def _at_once(entered: Entered, fire: Fire) -> Handler:
    def changed(event: Event) -> None:
        data = event.data
        if entered(data.value, data.old):
            fire(event)

    return changed


def _after_a_while(entered: Entered, matches: Matches, holding: _Holding) -> Handler:
    def changed(event: Event) -> None:
        data = event.data
        if entered(data.value, data.old):
            holding.begin(event)
        elif not matches(data.value):
            holding.leave(event.subject)

    return changed


def _time(trigger: TimeTrigger, ctx: Context, zone: tzinfo | None) -> Listen:
    at, days = time_of_day(trigger.time), weekdays(trigger.days)

    def following(moment: float) -> float:
        return next_moment(moment, at, days, zone)

    def listen(fire: Fire) -> Undo:
        def ring() -> None:
            fire(made_event(ctx, "automation.time", f"time/{trigger.time}"))

        alarm = Alarm(ctx.clock, following, ring, lambda: is_trusted(ctx))

        def look(_event: Event) -> None:
            alarm.look()

        undos = ctx.state.watch(_TRUSTED, look), ctx.events.subscribe("clock.jumped", look)

        def stop() -> None:
            for undo in (*undos, alarm.stop):
                undo()

        return stop

    return listen


def _every(trigger: EveryTrigger, ctx: Context) -> Listen:
    def listen(fire: Fire) -> Undo:
        def ring() -> None:
            fire(made_event(ctx, "automation.time", f"every/{trigger.every}"))

        return Interval(ctx.clock, seconds(trigger.every), ring).stop

    return listen
