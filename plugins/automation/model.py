"""The rule language: what a `[[rule]]` in TOML may hold, checked as far as one can without knowing the home.

A `__post_init__` raises ValueError with a sentence for the owner; `rules` adds file, line and rule.
"""

from typing import Any, Literal, override

import msgspec

from device_plugins.sdk import VOCABULARY, Feature, InvalidValueError, check_value
from hub.api import on
from plugins.automation.directory import without_names
from plugins.automation.times import Duration, seconds, time_of_day, weekdays

type Mode = Literal["restart", "single", "parallel"]

_SHORTEST_PERIOD = 1.0


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of a rule."""


class Comparison(_Part, frozen=True, kw_only=True):
    """Bounds for a number; a value passes if it is above and below what is given."""

    above: float | None = None
    below: float | None = None


class Change(Comparison, frozen=True, kw_only=True):
    """How a value must change: `from` the old value `to` the new one, or across a bound, and then stay `for` a time."""

    to: Any = msgspec.UNSET
    was: Any = msgspec.field(default=msgspec.UNSET, name="from")
    hold: Duration = msgspec.field(default=0, name="for")

    def __post_init__(self) -> None:
        seconds(self.hold)


class EventTrigger(_Part, frozen=True, kw_only=True):
    """An event of a type (pattern) and subject (pattern), with these values in its data."""

    event: str
    subject: str = "#"
    data: dict[str, Any] = {}

    def __post_init__(self) -> None:
        on(self.event, subject=without_names(self.subject))


class DeviceTrigger(Change, frozen=True, kw_only=True):
    """A device's value changes."""

    device: str
    capability: str

    @override
    def __post_init__(self) -> None:
        Change.__post_init__(self)
        _check_bounds(self.capability, self.above, self.below)
        for value in (self.to, self.was):
            _check(self.capability, value)


class StateTrigger(Change, frozen=True, kw_only=True):
    """A value in the state changes; `state` is a path pattern."""

    state: str

    @override
    def __post_init__(self) -> None:
        Change.__post_init__(self)
        on("state.changed", subject=without_names(self.state))


class TimeTrigger(_Part, frozen=True, kw_only=True):
    """A time of day, on some days of the week."""

    time: str
    days: list[str] = []

    def __post_init__(self) -> None:
        time_of_day(self.time)
        weekdays(self.days)


class EveryTrigger(_Part, frozen=True, kw_only=True):
    """Again and again after a stretch of time."""

    every: Duration

    def __post_init__(self) -> None:
        if seconds(self.every) < _SHORTEST_PERIOD:
            raise ValueError("every must be at least 1 second")


class DeviceCondition(Comparison, frozen=True, kw_only=True):
    """A device's value now."""

    device: str
    capability: str
    value: Any = msgspec.field(default=msgspec.UNSET, name="is")

    def __post_init__(self) -> None:
        _check_compares(self.value, self.above, self.below)
        _check_bounds(self.capability, self.above, self.below)
        _check(self.capability, self.value)


class StateCondition(Comparison, frozen=True, kw_only=True):
    """A value in the state now."""

    state: str
    value: Any = msgspec.field(default=msgspec.UNSET, name="is")

    def __post_init__(self) -> None:
        _check_compares(self.value, self.above, self.below)
        if "+" in self.state.split("/") or self.state.endswith("#"):
            raise ValueError(f"a condition looks at one path; {self.state!r} must hold no + or #")


class TimeCondition(_Part, frozen=True, kw_only=True):
    """A window of the day; it may pass midnight."""

    after: str | None = None
    before: str | None = None
    days: list[str] = []

    def __post_init__(self) -> None:
        for text in (self.after, self.before):
            if text is not None:
                time_of_day(text)
        if self.after is not None and self.after == self.before:
            raise ValueError("after and before are the same; leave both out for the whole day")
        weekdays(self.days)


class AnyCondition(msgspec.Struct, frozen=True):
    """At least one holds."""

    conditions: "tuple[Condition, ...]"


class AllCondition(msgspec.Struct, frozen=True):
    """Each holds."""

    conditions: "tuple[Condition, ...]"


class NotCondition(msgspec.Struct, frozen=True):
    """Not all of these hold."""

    conditions: "tuple[Condition, ...]"


class SetAction(_Part, frozen=True, kw_only=True):
    """Set values of a device, in the order written; `transition` (s) goes to those that can fade."""

    device: str
    values: dict[str, Any] = msgspec.field(name="set")
    transition: Duration | None = None

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("set is empty; write what to set, as in set = { on_off = true }")
        for name, value in self.values.items():
            _check(name, value)
        if self.transition is not None:
            seconds(self.transition)
            if not any(fades(name) for name in self.values):
                raise ValueError(f"{' and '.join(self.values)} cannot fade; leave out transition")


class CommandAction(_Part, frozen=True, kw_only=True):
    """Give a device a command; without `capability` it is the first one that knows the command."""

    device: str
    command: str
    capability: str = ""
    args: dict[str, Any] = {}


class ServiceAction(_Part, frozen=True, kw_only=True):
    """Call a service; `timeout` is 10 s unless given."""

    service: str
    args: dict[str, Any] = {}
    timeout: Duration = 10

    def __post_init__(self) -> None:
        seconds(self.timeout)
        if "timeout" in self.args:
            raise ValueError("timeout is no argument of a service; write it beside args")


class DelayAction(_Part, frozen=True, kw_only=True):
    """Wait."""

    delay: Duration

    def __post_init__(self) -> None:
        seconds(self.delay)


type Trigger = EventTrigger | DeviceTrigger | StateTrigger | TimeTrigger | EveryTrigger
type Condition = DeviceCondition | StateCondition | TimeCondition | AnyCondition | AllCondition | NotCondition
type Action = SetAction | CommandAction | ServiceAction | DelayAction


class Heading(_Part, frozen=True, kw_only=True):
    """What a rule says about itself."""

    id: str = ""
    name: str = ""
    enabled: bool = True
    mode: Mode = "restart"


class Rule(msgspec.Struct, frozen=True):
    """One rule: any trigger starts it, if all conditions hold; then its actions run one after the other."""

    id: str
    name: str
    enabled: bool
    mode: Mode
    triggers: tuple[Trigger, ...]
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]


def fades(key: str) -> bool:
    """Whether setting this capability takes a transition time."""
    known = VOCABULARY.get(key.partition(".")[0])
    return known is not None and any(
        argument.name == "transition" for one in known.commands if one.name == "set" for argument in one.arguments
    )


def _check(key: str, value: object) -> None:
    """Compare with the vocabulary; a word it does not hold may be a device's own setting."""
    name = key.partition(".")[0]
    if value is msgspec.UNSET or name not in VOCABULARY:
        return
    try:
        check_value(Feature(key=key, capability=name), value)
    except InvalidValueError as error:
        raise ValueError(str(error)) from error


def _check_bounds(key: str, above: float | None, below: float | None) -> None:
    known = VOCABULARY.get(key.partition(".")[0])
    if (above is not None or below is not None) and known is not None and known.type not in {"number", "integer"}:
        raise ValueError(f"{key} is no number, so above and below do not fit it")


def _check_compares(value: object, above: float | None, below: float | None) -> None:
    if value is msgspec.UNSET and above is None and below is None:
        raise ValueError("it compares with nothing; add is, above or below")
