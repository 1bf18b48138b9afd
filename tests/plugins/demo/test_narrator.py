import pytest

from plugins.demo.narrator import Narrator, readable


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("occupancy", True, "somebody is there"),
        ("contact", False, "open"),
        ("on_off.2", False, "off"),
        ("tamper", True, "yes"),
        ("temperature", 21.456, "21.46 °C"),
        ("level", 70, "70 %"),
        ("color_xy", [0.68, 0.31], "0.68, 0.31"),
        ("lock", "locked", "locked"),
    ],
)
def test_values_are_told_in_words(key: str, value: object, said: str) -> None:
    assert readable(key, value) == said


def test_what_says_nothing_to_a_person_is_not_told() -> None:
    told: list[str] = []
    narrator = Narrator(told.append, colour=False)
    narrator.value("Hall lamp", "link_quality", 200, commanded=False)
    narrator.value("Hall lamp", "level", None, commanded=True)
    assert told == []
    narrator.value("Hall lamp", "level", 40, commanded=True)
    assert told[0].endswith("← Hall lamp        level: 40 %\n")


def test_colours_only_where_they_are_wanted() -> None:
    told: list[str] = []
    Narrator(told.append, colour=False).tell("wrong", "x")
    Narrator(told.append, colour=True).tell("wrong", "x")
    assert "\x1b" not in told[0]
    assert "\x1b[1;31m! x\x1b[0m" in told[1]
