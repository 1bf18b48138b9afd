"""Conditions as closures that look at the state and the clock and say yes or no."""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from hub.api import Context
from plugins.automation.directory import Resolver
from plugins.automation.model import (
    AllCondition,
    AnyCondition,
    Condition,
    DeviceCondition,
    NotCondition,
    StateCondition,
    TimeCondition,
)
from plugins.automation.times import time_of_day, weekdays, within

type Check = Callable[[], bool]
type Matches = Callable[[Any], bool]


def check(condition: Condition, ctx: Context, resolver: Resolver, zone: tzinfo | None) -> Check:
    """What tells whether one condition holds now.

    Raises NotYetError while its device is not there.
    """
    match condition:
        case DeviceCondition(device=device, capability=capability):
            return _compared(resolver.path(device, capability), condition, ctx)
        case StateCondition(state=path):
            return _compared(resolver.fill(path), condition, ctx)
        case TimeCondition():
            return _window(condition, ctx, zone)
        case _:
            inner = [check(one, ctx, resolver, zone) for one in condition.conditions]
            return _group(condition, inner)


def matcher(value: Any, above: float | None, below: float | None) -> Matches:  # noqa: ANN401 - state values
    """What tells whether a value equals `value` (unless unset) and lies within the bounds. Nothing equals nothing."""
    if above is None and below is None:
        if value is msgspec.UNSET:
            return _is_there
        return lambda found: bool(found == value)

    def inside(found: Any) -> bool:  # noqa: ANN401 - state values
        return (
            isinstance(found, int | float)
            and not isinstance(found, bool)
            and (above is None or found > above)
            and (below is None or found < below)
            and (value is msgspec.UNSET or found == value)
        )

    return inside


def _is_there(found: object) -> bool:
    return found is not None


def _compared(path: str, condition: DeviceCondition | StateCondition, ctx: Context) -> Check:
    matches = matcher(condition.value, condition.above, condition.below)
    get = ctx.state.get
    return lambda: matches(get(path))


def _window(condition: TimeCondition, ctx: Context, zone: tzinfo | None) -> Check:
    after = None if condition.after is None else time_of_day(condition.after)
    before = None if condition.before is None else time_of_day(condition.before)
    days = weekdays(condition.days)
    now = ctx.clock.now
    return lambda: within(datetime.fromtimestamp(now() / 1e9, zone), after, before, days)


def _group(condition: AnyCondition | AllCondition | NotCondition, inner: Sequence[Check]) -> Check:
    match condition:
        case AnyCondition():
            return lambda: any(one() for one in inner)
        case AllCondition():
            return lambda: all(one() for one in inner)
        case NotCondition():
            return lambda: not all(one() for one in inner)
