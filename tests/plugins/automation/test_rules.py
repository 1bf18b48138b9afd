import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.automation import rules
from plugins.automation.definition import Definition

FILE = Path("hall.toml")
GOOD = """[[rule]]
name = "Good"
trigger = { every = 5 }
action = { delay = 1 }
"""


def read(text: str) -> list[Definition]:
    return rules.read(text, FILE)


def mistake(text: str) -> str:
    (one,) = read(text)
    assert one.rule is None
    return one.error


def test_a_rule_is_named_by_its_id_or_its_name_or_its_place() -> None:
    text = GOOD + GOOD.replace('name = "Good"', 'id = "x.Y-1"\nname = "Long"') + GOOD.replace('name = "Good"', "")
    assert [(one.id, one.name) for one in read(text)] == [("good", "Good"), ("x.Y-1", "Long"), ("hall-3", "hall-3")]
    assert not any(one.error for one in read(text))


def test_one_bad_rule_stops_no_other() -> None:
    found = read(GOOD + '[[rule]]\nname = "Bad"\n' + GOOD.replace("Good", "Better"))
    assert [(one.id, bool(one.error)) for one in found] == [("good", False), ("bad", True), ("better", False)]
    assert found[1].error == "hall.toml, line 5: rule 'Bad': it has no trigger; add trigger = [{ ... }]"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("action =", "acton =", "line 4: rule 'Good': unknown key 'acton'; did you mean 'action'?"),
        ("every = 5", "evry = 5", "line 3: rule 'Good', trigger: a trigger needs one of the keys event, device, state"),
        ("every = 5", "every = 5, fro = 1", "line 3: rule 'Good', trigger: unknown key 'fro'; it may hold every"),
        ("every = 5", "every = true", "every must be a number or a text in quotes, not true or false"),
        ("every = 5", 'every = "soon"', "'soon' is no duration; write '10s'"),
        ("every = 5", "every = 0.1", "every must be at least 1 second"),
        ("every = 5", 'time = "25:00"', "'25:00' is no time of day; write '07:30'"),
        ("every = 5", 'time = "07:30", days = ["x"]', "'x' is no day of the week; write mon, tue"),
        ("every = 5", 'time = "07:30", days = "mon"', "line 3: rule 'Good', trigger: days must be a list, not a text"),
        ("every = 5", "time = 07:30:00", "time must be a text in quotes, not time"),
        ("every = 5", 'device = "x"', "it has no capability; add capability = ..."),
        ("every = 5", 'device = "x", capability = "occupancy", to = "on"', "occupancy must be true or false, not 'on'"),
        ("every = 5", 'device = "x", capability = "occupancy", above = 3', "occupancy is no number"),
        (
            "every = 5",
            'device = "x", capability = "level", to = 400',
            "level must be a number from 0 to 100 %",
        ),
        ("every = 5", 'device = "x", capability = "level", for = "1 week"', "is no duration"),
        ("every = 5", 'state = "a/#/b"', "# may only be the last part"),
        ("every = 5", 'event = "a..b"', "must be names parted by single dots"),
        ("every = 5", 'event = "a.b", data = 3', "data must be a table, not a number"),
        ("{ every = 5 }", "[{ every = 5 }, 7]", "trigger 2: a trigger is a table"),
        ("{ every = 5 }", "[]", "it has no trigger"),
        ("delay = 1", 'device = "x"', "an action needs one of the keys set, command, service, delay"),
        ("delay = 1", 'device = "x", set = {}', "set is empty"),
        ("delay = 1", "set = { on_off = true }", "it has no device; add device = ..."),
        ("delay = 1", 'device = "x", set = { on_off = 1 }', "on_off must be true or false, not 1"),
        (
            "delay = 1",
            'device = "x", set = { on_off = true }, transition = 2',
            "on_off cannot fade; leave out transition",
        ),
        ("delay = 1", 'service = "a.b", args = { timeout = 1 }', "timeout is no argument of a service"),
        ("delay = 1", 'service = "a.b", timeout = "x"', "is no duration"),
        ('name = "Good"', "name = 3", "line 2: rule 'hall-1': name must be a text in quotes, not a number"),
        ('name = "Good"', 'mode = "twice"', "mode must be 'restart', 'single' or 'parallel'"),
        ('name = "Good"', 'id = "a/b"', "id may hold letters, digits, dots"),
        ('name = "Good"', 'enabled = "no"', "enabled must be true or false, not a text in quotes"),
        ('name = "Good"', "condition = 3", "condition: a condition is a table"),
        ('name = "Good"', "condition = { any = [] }", "any holds no condition"),
        ('name = "Good"', "condition = { not = [3] }", "a condition is a table"),
        ('name = "Good"', 'condition = { any = [], state = "x" }', "any stands alone"),
        ('name = "Good"', 'condition = { state = "x" }', "it compares with nothing; add is, above or below"),
        ('name = "Good"', 'condition = { state = "x/+", is = 1 }', "must hold no + or #"),
        ('name = "Good"', 'condition = { device = "x", capability = "co2", is = true }', "co2 must be a number"),
        ('name = "Good"', 'condition = { after = "7:00", before = "7:00" }', "after and before are the same"),
        ('name = "Good"', 'condition = { after = "x" }', "is no time of day"),
        ('name = "Good"', f"condition = {'{ not = ' * 12}{{ days = [] }}{' }' * 12}", "nested 10 deep"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(old: str, new: str, said: str) -> None:
    error = mistake(GOOD.replace(old, new))
    assert said in error
    assert error.startswith("hall.toml, line ")
    assert "\n" not in error
    assert "`" not in error


def test_a_file_that_is_not_toml_is_told_with_its_line() -> None:
    assert mistake("[[rule]]\nname = \n") == "hall.toml, line 2, column 8: this is not TOML: invalid value"


def test_a_monstrous_file_is_told() -> None:
    assert mistake("x = " + "[" * 50_000) == "hall.toml: its brackets are nested too deep"
    assert "not TOML" in mistake("x = " + "9" * 5000)
    assert mistake(GOOD.replace("= 5", "= " + "9" * 400))
    assert mistake(GOOD.replace("delay = 1", 'device = "x", set = { level = ' + "9" * 400 + " }"))


def test_a_file_with_other_keys_is_told() -> None:
    (other, good) = read("version = 1\n" + GOOD)
    assert other.error == "hall.toml, line 1: unknown key 'version'; each rule begins with [[rule]]"
    assert good.rule is not None
    assert "double brackets" in mistake("[rule]\nname = 'x'")
    assert "a rule must be a table" in mistake("rule = [3]")


def test_too_many_parts_are_refused() -> None:
    assert "at most 100 of action" in mistake(GOOD.replace("{ delay = 1 }", f"[{'{ delay = 1 },' * 101}]"))


def test_two_readings_of_one_rule_are_equal() -> None:
    assert read(GOOD) == read(GOOD)
    assert read(GOOD) != read(GOOD.replace("delay = 1", "delay = 2"))


KEYS = ["device", "capability", "to", "from", "for", "above", "is", "state", "time", "days", "every", "event"]
KEYS += ["any", "not", "after", "set", "transition", "command", "service", "args", "delay"]
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(max_size=5) | st.sampled_from(["5m", "07:30", "level", "on_off"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"trigger": VALUES, "action": VALUES}, optional={"condition": VALUES, "id": VALUES}))
def test_whatever_a_rule_holds_it_is_read_or_told(table: dict[str, object]) -> None:
    found = rules._definition(table, 1, "", FILE)
    assert bool(found.error) != bool(found.rule)


@given(st.text(max_size=60))
def test_whatever_a_file_holds_it_is_read_or_told(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert mistake(text)
    else:
        read(text)
