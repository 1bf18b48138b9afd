"""Which events are of which class."""

import pytest

from hub.errors import ConfigError
from hub.journal.records import KINDS
from hub.journal.rules import Rules
from hub.types import Event


def kind(rules: Rules, type: str, subject: str = "x") -> str:  # noqa: A002
    place = rules.kind(Event(type, subject, "test", 1, 1, None))
    return KINDS[place] if place >= 0 else "ignored"


def test_the_first_list_that_names_it_wins_and_the_rest_is_normal() -> None:
    rules = Rules(["a.*"], ["a.b", "state.changed +/smoke"], ["**.raw", "state.changed x/#"])
    for _ in range(2):
        assert kind(rules, "a.b") == "ignored"
        assert kind(rules, "b.a") == "normal"
        assert kind(rules, "z.raw") == "bulk"
        assert kind(rules, "state.changed", "x/smoke") == "alarm"
        assert kind(rules, "state.changed", "x/smoke/a") == "bulk"
        assert kind(rules, "state.changed", "y") == "normal"


def test_the_configuration_wins_over_what_plugins_wish() -> None:
    rules = Rules(bulk=["a.b"], more_alarm=["a.*"], more_bulk=["a.c", "c"])
    assert [kind(rules, one) for one in ("a.b", "a.c", "c", "d")] == ["bulk", "alarm", "bulk", "normal"]


def test_many_subjects_do_not_fill_the_memory() -> None:
    rules = Rules(alarm=["a x/9"])
    for number in range(20_000):
        rules.kind(Event("a", f"x/{number}", "test", 1, 1, None))
    assert len(rules._known) <= 8192
    assert kind(rules, "a", "x/9") == "alarm"


@pytest.mark.parametrize("rule", ["", "a..b", "a b/#/c", "a x/+y"])
def test_a_rule_that_is_none_is_refused(rule: str) -> None:
    with pytest.raises(ConfigError, match=r"\[journal\] alarm: .* is not an event type or a type and a subject"):
        Rules(alarm=[rule])
